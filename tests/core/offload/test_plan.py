"""The plan: headers against the loaded model, the cost model's bounds, the tree and batch it recommends."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM

from flexserve_core import ConfigurationError, ModelError, OffloadError, parse_size, plan_model
from flexserve_core.models.loader import load_model
from flexserve_core.models.quantised_checkpoint import quantise_checkpoint
from flexserve_core.offload import bandwidth
from flexserve_core.offload.headers import read_checkpoint
from flexserve_core.offload.percent import weight_shares
from flexserve_core.offload.plan import (
    Workload,
    by_batch,
    cache_row,
    describe,
    plan,
    recommend,
    recommended_batch,
)
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.testing import write_tiny_model

from .shapes import LARGE, MACHINE, MIB, RATES


@pytest.mark.parametrize("family", ["llama", "gpt2", "opt", "gpt_neox", "gpt_bigcode", "qwen3"])
def test_headers_say_what_the_loaded_model_says(tmp_path, family):
    folder = write_tiny_model(tmp_path / "m", family=family)
    checkpoint = read_checkpoint("m", folder)
    loaded = load_model(str(folder), torch.float32, torch.device("cpu"))
    assert checkpoint.dtype == "F32"
    assert checkpoint.num_layers == loaded.config.num_hidden_layers
    assert checkpoint.kv_bytes_per_token(4) == ModelRunner(loaded).bytes_per_token()
    rows = cache_row("fp32", "int8")
    assert checkpoint.kv_bytes_per_token(*rows) == ModelRunner(loaded, torch.int8).bytes_per_token()
    described = describe(checkpoint, "fp32", None)
    weights = described.resident + sum(g.nbytes * g.count for g in described.groups)
    assert weights == 4 * loaded.num_parameters
    assert described.macs <= loaded.num_parameters


def test_a_quantised_model_is_smaller_but_its_head_is_not(tmp_path):
    folder = write_tiny_model(tmp_path / "m", hidden_size=1024, intermediate_size=2048, extra_tokens=600)
    checkpoint = read_checkpoint("m", folder)
    full, quarter = (describe(checkpoint, "bf16", kind) for kind in (None, "int4"))

    def of(model, name):
        return sum(g.nbytes * g.count for g in model.groups if g.name == name)

    assert of(quarter, "layers") == pytest.approx(of(full, "layers") * 0.5625 / 2, rel=0.01)
    assert of(quarter, "head") == of(full, "head") > 0


def test_a_step_takes_the_longest_of_its_parts():
    found = plan(LARGE, MACHINE, Workload())
    assert found.disk_s == found.placement.moved("disk") / RATES.disk
    assert found.step_s >= max(found.disk_s, found.arithmetic_s)
    assert found.bottleneck == "disk"
    assert found.compute_bytes <= MACHINE.compute
    resident = plan(LARGE, dataclasses.replace(MACHINE, compute=2**40), Workload())
    assert resident.bytes_per_step == 0
    assert resident.step_s == pytest.approx(LARGE.read / RATES.memory)


def test_moving_weights_makes_large_trees_free():
    moving = recommend(LARGE, MACHINE, Workload())
    staying = recommend(LARGE, dataclasses.replace(MACHINE, compute=2**40), Workload())
    assert moving.workload.nodes > staying.workload.nodes
    assert moving.tokens_per_s > 2.5 * plan(LARGE, MACHINE, Workload()).tokens_per_s
    alone = recommend(dataclasses.replace(LARGE, ssm_bytes=0), MACHINE, Workload())
    assert alone.workload.nodes == 0  # nobody drafts


def test_batches_grow_until_arithmetic_or_memory_bounds_them():
    plans = by_batch(LARGE, MACHINE, Workload(context=128))
    rates = [each.tokens_per_s for each in plans]
    assert len(plans) > 2
    best = recommended_batch(plans)
    assert best.tokens_per_s >= 0.9 * max(rates) > rates[0]
    assert all(each.compute_bytes <= MACHINE.compute for each in plans)


def test_no_room_names_the_setting():
    with pytest.raises(ConfigurationError) as refused:
        plan(LARGE, dataclasses.replace(MACHINE, compute=310 * MIB), Workload())
    assert refused.value.field == "host_memory"
    on_gpu = dataclasses.replace(
        MACHINE, compute=100 * MIB, host=2**33, rates=dataclasses.replace(RATES, host_to_device=2e10)
    )
    with pytest.raises(ConfigurationError) as refused:
        plan(LARGE, on_gpu, Workload())
    assert refused.value.field == "device_memory"


def test_percent_is_obeyed_or_refused():
    assert weight_shares((30, 0, 100, 0, 100, 0), host_tier=False) == (30, 0)
    found = plan(LARGE, MACHINE, Workload(), (30, 0))
    assert found.placement.nbytes("compute") == pytest.approx(0.3 * 2400 * MIB, abs=40 * MIB)
    with pytest.raises(ConfigurationError, match="percent"):
        plan(LARGE, MACHINE, Workload(), (90, 0))


@pytest.mark.parametrize(
    ("percent", "why"),
    [
        ((50, 50, 100, 0, 100), "six numbers"),
        ((150, 0, 100, 0, 100, 0), "from 0 to 100"),
        ((60, 60, 100, 0, 100, 0), "exceed 100"),
        ((50, 0, 50, 50, 100, 0), "cache"),
        ((50, 0, 100, 0, 0, 100), "activations"),
        ((50, 50, 100, 0, 100, 0), "host memory"),
    ],
)
def test_percent_that_cannot_be_is_refused(percent, why):
    with pytest.raises(ConfigurationError, match=why):
        weight_shares(percent, host_tier=False)


@pytest.mark.parametrize(
    ("text", "size"), [("6GiB", 6 * 2**30), ("500MB", 500_000_000), ("1.5g", 3 * 2**29), (123, 123)]
)
def test_sizes(text, size):
    assert parse_size("host_memory", text) == size


@pytest.mark.parametrize("text", ["", "6 giraffes", "-1", "0", "GiB", True])
def test_sizes_that_are_none(text):
    with pytest.raises(ConfigurationError, match="host_memory"):
        parse_size("host_memory", text)


def test_a_truncated_file_is_named(tmp_path):
    folder = write_tiny_model(tmp_path / "m")
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(OffloadError, match=r"model\.safetensors") as refused:
        read_checkpoint("m", folder)
    assert (refused.value.needed, refused.value.available) == (len(whole), len(whole) - 1)
    for damaged in (b"", whole[:4], b"\xff" * 64, (2).to_bytes(8, "little") + b"[]", whole[:100]):
        file.write_bytes(damaged)
        with pytest.raises(OffloadError, match="header"):
            read_checkpoint("m", folder)
    file.unlink()
    with pytest.raises(ModelError, match="safetensors"):
        read_checkpoint("m", folder)


def test_files_are_those_that_the_index_names(tmp_path):
    whole = read_checkpoint("m", write_tiny_model(tmp_path / "m"))
    split = tmp_path / "split"
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    model.save_pretrained(split, max_shard_size="100KB")
    shards = sorted(split.glob("*.safetensors"))
    assert len(shards) > 1
    shutil.copy(
        tmp_path / "m" / "model.safetensors", split / "consolidated.safetensors"
    )  # the same weights again
    assert read_checkpoint("split", split).nbytes == whole.nbytes
    shards[-1].unlink()
    with pytest.raises(OffloadError, match=rf"{shards[-1].name}: it is missing"):
        read_checkpoint("split", split)
    for damaged in ("{", "[]", '{"weight_map": {"a": 1}}'):
        (split / "model.safetensors.index.json").write_text(damaged)
        with pytest.raises(OffloadError, match=r"index\.json"):
            read_checkpoint("split", split)


@pytest.mark.parametrize("offsets", [[-4, 0], [8, 4], [0, 8], [0, 2**40]])
def test_offsets_of_a_header_that_cannot_be(tmp_path, offsets):
    folder = write_tiny_model(tmp_path / "m")
    shape = [0] if offsets == [8, 4] else [2**38] if offsets[1] > 8 else [1]
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    with pytest.raises(OffloadError, match=r"model\.safetensors"):
        read_checkpoint("m", folder)


def test_bandwidths_are_measured_once(tmp_path, monkeypatch):
    monkeypatch.setenv("FLEXSERVE_CACHE", str(tmp_path / "cache"))
    calls = []
    monkeypatch.setattr(bandwidth, "measure", lambda *_: calls.append(1) or RATES)
    cpu = torch.device("cpu")
    assert [bandwidth.measured(tmp_path, cpu, "bf16") for _ in range(2)] == [RATES, RATES]
    assert len(calls) == 1
    bandwidth.measured(tmp_path, cpu, "bf16", again=True)
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text("{")
    assert bandwidth.measured(tmp_path, cpu, "bf16") == RATES
    assert len(calls) == 3


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_quantised_checkpoint_is_planned_as_what_it_was_made_from(tmp_path, kind):
    folder = write_tiny_model(tmp_path / "m", hidden_size=1024, intermediate_size=2048, extra_tokens=600)
    quantise_checkpoint(str(folder), kind, tmp_path / "small")
    fresh = describe(read_checkpoint("m", folder), "bf16", kind)
    stored = describe(read_checkpoint("small", tmp_path / "small"), "bf16", None)
    assert (stored.macs, stored.linear_kind) == (fresh.macs, fresh.linear_kind)
    assert stored.read == pytest.approx(fresh.read, rel=0.01)
    assert stored.kv_per_token == fresh.kv_per_token


@pytest.mark.parametrize("kind", ["bf16", "fp32", "nf4", "int8"])
def test_a_machine_is_measured(tmp_path, monkeypatch, kind):
    for name, value in {
        "_READ_BYTES": 16 * MIB,
        "_MEMORY_BYTES": 4 * MIB,
        "_WIDTH": 64,
        "_TRY_S": 0.0,
    }.items():
        monkeypatch.setattr(bandwidth, name, value)
    found = bandwidth.measure(tmp_path, torch.device("cpu"), kind)
    assert min(found.disk, found.memory, found.matmul[kind]) > 0
    assert found.host_to_device == 0
    assert list(tmp_path.iterdir()) == []


def test_the_test_file_has_no_name_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(bandwidth, "_READ_BYTES", 16 * MIB)
    rate, seen = bandwidth.direct_read_rate, []
    monkeypatch.setattr(
        bandwidth, "direct_read_rate", lambda path: seen.append(list(tmp_path.iterdir())) or rate(path)
    )
    (tmp_path / ".flexserve-offload-earlier").touch()  # of one that was killed before it took away the name
    found, _ = bandwidth._disk(tmp_path)
    assert found > 0
    assert seen == [[]] * 3


def test_the_disk_is_really_read(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"x" * (9 * MIB + 5))
    rate, _ = bandwidth.direct_read_rate(file)
    assert rate > 0
    with pytest.raises(OffloadError, match="missing"):
        bandwidth._disk(tmp_path / "missing")


def test_a_disk_without_room_for_the_test_file_is_named(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bandwidth, "_READ_BYTES", MIB)
    monkeypatch.setattr(bandwidth.os, "fsync", fails)
    with pytest.raises(OffloadError, match=r"No space left on device.*1,048,576 bytes needed") as refused:
        bandwidth._disk(tmp_path)
    assert refused.value.available
    assert list(tmp_path.iterdir()) == []


def test_the_whole_report(tmp_path, monkeypatch):
    monkeypatch.setattr("flexserve_core.offload.report.measured", lambda *_: RATES)
    folder = write_tiny_model(tmp_path / "m", hidden_size=1024, intermediate_size=2048)
    report = plan_model(str(folder), dtype="bfloat16", device="cpu", context=64)
    assert report["memory"]["disk"]["weights"] == 0
    assert report["memory"]["compute"]["needed"] <= report["memory"]["compute"]["limit"]
    assert report["step_s"] > 0
    with pytest.raises(ConfigurationError, match="device_memory"):
        plan_model(str(folder), dtype="bfloat16", device="cpu", device_memory=2**30)
    with pytest.raises(ConfigurationError, match="quantize"):
        plan_model(str(folder), quantize="int3")
    with pytest.raises(ConfigurationError, match=r"offload_dir.*no such folder"):
        plan_model(str(folder), device="cpu", offload_dir=str(tmp_path / "missing"))
