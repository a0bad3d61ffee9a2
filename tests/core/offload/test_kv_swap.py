"""Preempted texts wait outside the cache: the same tokens as if computed, with fewer rows; faults cost only time."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from flexserve_core import build_server
from flexserve_core.config import EngineConfig
from flexserve_core.kv.store import KVStore, LayerShape
from flexserve_core.offload import setup
from flexserve_core.offload.bandwidth import Bandwidths
from flexserve_core.offload.kv_swap import KVSwap, SwapCosts
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import run_requests, write_tiny_model

from ..exactness import PROMPTS

CHEAP, DEAR = SwapCosts(move=0.0, compute=1.0), SwapCosts(move=1.0, compute=1.0)
SIZES = EngineConfig(
    max_seq_length=128, max_requests_per_batch=6, max_tokens_per_batch=40, max_tree_nodes=12, kv_block_size=4
)
TIGHT = 45  # blocks; 32 hold one of the longest texts
ROOM = 2**30


def requests_of(bench, **fields):
    kinds = [{"temperature": 0.0}, {"temperature": 0.9, "seed": 3}, {"temperature": 1.0, "n": 3}]
    return [
        bench.request(
            text[:60], request_id=str(i), ignore_eos=True, max_new_tokens=50, **kinds[i % 3], **fields
        )
        for i, text in enumerate(PROMPTS)
    ]


def run(bench, requests, folder=None, costs=CHEAP, limit=ROOM, drafters=(), config=SIZES):
    """(report, swap); every step's bookkeeping is checked."""
    made = []

    def swap(store):
        made.append(KVSwap(store, costs, limit, folder))
        return made[0]

    engine = bench.engine(drafters, config, blocks=TIGHT, swap=swap)
    engine._check = True
    report = run_requests(engine, requests, arrivals=[2 * i for i in range(len(requests))])
    assert sum(record.preemptions for record in report.records) > 3
    assert made[0].kept_bytes == 0, "what is kept goes with its request"
    return report, made[0]


def rows(report):
    return sum(record.rows for record in report.records)


@pytest.mark.parametrize("where", ["disk", "host memory"])
@pytest.mark.parametrize("prefix_caching", [True, False])
def test_the_same_tokens_with_fewer_rows(bench, tmp_path, where, prefix_caching):
    folder = tmp_path if where == "disk" else None
    config = replace(SIZES, prefix_caching=prefix_caching)
    requests = requests_of(bench)
    plain, unused = run(bench, requests, folder, costs=DEAR, config=config)
    assert unused.tokens_restored == 0, "too dear"
    swapped, swap = run(bench, requests, folder, config=config)
    assert swapped.tokens == plain.tokens
    assert swap.tokens_restored > 0
    assert rows(swapped) < rows(plain)
    assert list(tmp_path.iterdir()) == []
    speculative, swap = run(bench, requests, folder, drafters=[PromptLookupDrafter()], config=config)
    assert speculative.tokens == plain.tokens
    assert swap.tokens_restored > 0


def test_prompt_logprobs_survive(bench, tmp_path):
    requests = requests_of(bench, prompt_logprobs=1)
    plain, _ = run(bench, requests, costs=DEAR)
    swapped, swap = run(bench, requests, tmp_path)
    assert swap.tokens_restored > 0
    for key, result in plain.results.items():
        assert swapped.results[key].prompt_logprobs == result.prompt_logprobs


def test_wrong_keys_would_be_noticed(bench, tmp_path, monkeypatch):
    """The negative control: what is put back counts."""
    requests = requests_of(bench)
    plain, _ = run(bench, requests, costs=DEAR)
    monkeypatch.setattr(
        "flexserve_core.offload.kv_swap._read", lambda handle, into, start: into.fill_(0.5) is not None
    )
    swapped, _ = run(bench, requests, tmp_path)
    assert swapped.tokens != plain.tokens


def broken(*_):
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("fault", ["posix_fallocate", "pwrite", "preadv", "no folder", "no room"])
def test_what_cannot_be_kept_or_read_back_is_computed_again(bench, tmp_path, monkeypatch, fault):
    before = open_files()
    requests = requests_of(bench)
    plain, _ = run(bench, requests, costs=DEAR)
    folder = tmp_path / "nowhere" if fault == "no folder" else tmp_path
    if hasattr(os, fault):
        monkeypatch.setattr(f"flexserve_core.offload.kv_swap.os.{fault}", broken)
    swapped, swap = run(bench, requests, folder, limit=100 if fault == "no room" else ROOM)
    assert swapped.tokens == plain.tokens
    assert swap.tokens_restored == 0
    assert open_files() <= before


def open_files():
    """Nameless files of this process."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(link))
    return {name for name in found if ".flexserve-offload-" in name}


def test_what_is_put_back_is_what_was_there(tmp_path):
    before_all = open_files()
    layers = (LayerShape(2, 8, 4), LayerShape(1, 16, 16))
    for folder in (tmp_path, None):
        store = KVStore(layers, 40, torch.float32, torch.device("cpu"))
        swap = KVSwap(store, CHEAP, ROOM, folder)
        everything = [*store.keys, *store.values]
        for tensor in everything:
            tensor.copy_(torch.randn(tensor.shape))
        before = [tensor.clone() for tensor in everything]
        slots = np.random.default_rng(1).permutation(40)[:13]
        swap.keep(7, slots)
        assert swap.kept_bytes == 13 * 4 * (2 * 12 + 32)
        for tensor in everything:
            tensor.zero_()
        other = np.arange(20, 40)
        assert swap.restore(7, other, 3) == 13
        for tensor, old in zip(everything, before, strict=True):
            assert torch.equal(tensor[other[3:13]], old[slots[3:]])
            assert not tensor[other[:3]].any(), "what was shared is not written to"
        assert swap.restore(7, other, 3) == 3, "it is forgotten"
        swap.keep(8, slots)
        del swap
        assert open_files() <= before_all


@pytest.mark.parametrize(
    ("disk", "chosen"), [(1e12, "wait on disk"), (1e3, "computed again"), (None, "computed again")]
)
def test_an_engine_chooses_by_what_is_measured(tmp_path, monkeypatch, disk, chosen):
    folder = write_tiny_model(tmp_path / "m")
    rates = disk and Bandwidths(disk=disk, memory=1e10, host_to_device=0.0, matmul={"fp32": 1e8}, direct=True)
    monkeypatch.setattr(setup, "remembered", lambda *_: rates)
    sizes = {"max_seq_length": 64, "device": "cpu", "dtype": "float32", "ssms": ()}
    server = build_server(EngineConfig(model=str(folder), offload="auto", offload_dir=str(tmp_path), **sizes))
    (choice,) = [choice for choice in server.info.choices if choice.what == "preempted texts"]
    assert choice.chosen == chosen
    assert (server._engine._scheduler._swap is not None) == (chosen == "wait on disk")
    assert choice.reason


@pytest.mark.parametrize(("quantization", "kind"), [(None, "bf16"), ("int8", "int8"), ("int4", "nf4")])
def test_what_the_plan_measured_for_these_weights_counts(tmp_path, monkeypatch, quantization, kind):
    folder = write_tiny_model(tmp_path / "m")
    measured = Bandwidths(disk=1e12, memory=1e10, host_to_device=0.0, matmul={kind: 1e8}, direct=True)
    monkeypatch.setattr(setup, "remembered", lambda *of: measured if of[2] == kind else None)
    sizes = {"max_seq_length": 64, "device": "cpu", "dtype": "bfloat16", "ssms": ()}
    config = EngineConfig(model=str(folder), offload="auto", quantization=quantization, **sizes)
    (choice,) = [c for c in build_server(config).info.choices if c.what == "preempted texts"]
    assert choice.chosen == "wait on disk"
