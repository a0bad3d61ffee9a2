"""The command line's memory options: plans, an int8 cache, offload."""

from __future__ import annotations

import json

import pytest

from flexserve_core.testing import write_tiny_model

from .command import check_refused, run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_plan_says_what_goes_where(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("FLEXSERVE_CACHE", str(tmp_path))
    result = run("plan", tiny, "--host-memory", "4GiB", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["memory"]["compute"]["limit"] == 4 * 2**30
    assert report["bytes_per_step"] == 0
    table = run("plan", tiny, "--host-memory", "4GiB", "--ssm", tiny).output
    assert "bottleneck" in table
    check_refused(run("plan", tiny, "--host-memory", "4 giraffes"), "host_memory", "6GiB")
    check_refused(run("plan", tiny, "--host-memory", "1MB"), "host_memory", "Raise the limit")
    check_refused(run("plan", tiny, "--percent", "half"), "percent", "wG wC cG cC aG aC")


def test_an_int8_cache_on_the_command_line(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("FLEXSERVE_CACHE", str(tmp_path))
    told = json.loads(run("info", tiny, "--kv-cache-dtype", "int8", "--json").stdout)["engine"]["choices"]
    [cache] = [choice["chosen"] for choice in told if choice["what"] == "KV cache"]
    assert "int8" in cache
    check_refused(run("serve", tiny, "--kv-cache-dtype", "int4"), "kv_cache_dtype", "int8")
    full, small = (
        json.loads(run("plan", tiny, "--kv-cache-dtype", kind, "--json").stdout)["memory"]["compute"][
            "kv_cache"
        ]
        for kind in ("auto", "int8")
    )
    assert small < full
    check_refused(run("plan", tiny, "--kv-cache-dtype", "int4"), "kv_cache_dtype", "int8")


def test_offload_on_the_command_line(tiny):
    fields = ("--prompt", "The cat", "--max-new-tokens", "8")
    whole = run("generate", tiny, *fields)
    placed = run("generate", tiny, *fields, "--offload", "disk", "--percent", "0 0 100 0 100 0")
    assert placed.exit_code == whole.exit_code == 0, placed.output
    assert placed.stdout == whole.stdout
    check_refused(run("generate", tiny, *fields, "--offload", "cpu"), "offload", "auto or disk")
    check_refused(run("generate", tiny, *fields, "--host-memory", "3MiB"), "host_memory", "Raise it")
    check_refused(run("serve", tiny, "--percent", "0 0 50 50 100 0"), "percent", "cache")
    told = json.loads(run("info", tiny, "--host-memory", "6GiB", "--json").stdout)["engine"]["choices"]
    assert {"what": "weights", "chosen": "all in memory", "reason": "they fit"} in told
