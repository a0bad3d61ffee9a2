"""An int8 cache: its own tokens, the same with speculation, in any batch, after preemption, from a known prefix."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core import EngineConfig, build_server
from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.kv.store import KVStore
from flexserve_core.offload.kv_swap import KVSwap, SwapCosts
from flexserve_core.runner.proof import prove
from flexserve_core.testing import run_requests, write_tiny_model

from .exactness import PROMPTS, SIZES, make_requests, scripted

SAMPLINGS = {"greedy": {}, "sampled": {"temperature": 0.9, "seed": 11}}
ALONE = replace(SIZES, max_requests_per_batch=1)


@pytest.mark.parametrize("kind", SAMPLINGS)
@pytest.mark.parametrize("batch", [1, 8])
def test_speculation_changes_no_token(int8_cache_bench, ssm_bench, kind, batch):
    requests = make_requests(int8_cache_bench, **SAMPLINGS[kind])
    plain = run_requests(int8_cache_bench.engine(config=ALONE), requests)
    config = replace(SIZES, max_requests_per_batch=batch)
    drafters = [ssm_bench.ssm_drafter(config), scripted(int8_cache_bench, requests, plain)]
    report = run_requests(int8_cache_bench.engine(drafters, config), requests)
    assert report.tokens == plain.tokens
    assert sum(report.accepted_per_depth.values()) > 100


def test_small_chunks_a_known_prefix_and_preemption_change_no_token(int8_cache_bench):
    requests = make_requests(int8_cache_bench, ignore_eos=True)
    plain = run_requests(int8_cache_bench.engine(config=ALONE), requests)
    engine = int8_cache_bench.engine(config=replace(SIZES, max_tokens_per_batch=16))
    assert run_requests(engine, requests).tokens == plain.tokens
    assert run_requests(engine, requests).tokens == plain.tokens  # from the prefix cache
    crowded = int8_cache_bench.engine(config=SIZES, blocks=20)
    report = run_requests(crowded, requests)
    assert sum(record.preemptions for record in report.records) > 0
    assert report.tokens == plain.tokens


@pytest.mark.parametrize("where", ["disk", "host memory"])
def test_preempted_texts_that_wait_elsewhere_come_back_bit_for_bit(int8_cache_bench, tmp_path, where):
    requests = make_requests(int8_cache_bench, ignore_eos=True)
    plain = run_requests(int8_cache_bench.engine(config=ALONE), requests)
    made = []

    def swap(store: KVStore) -> KVSwap:
        made.append(KVSwap(store, SwapCosts(0.0, 1.0), 2**30, tmp_path if where == "disk" else None))
        return made[0]

    report = run_requests(int8_cache_bench.engine(config=SIZES, blocks=20, swap=swap), requests)
    assert made[0].tokens_restored > 0
    assert report.tokens == plain.tokens


def test_rows_that_are_not_moved_would_show(int8_cache_bench, monkeypatch):
    """The negative control."""
    requests = make_requests(int8_cache_bench)
    plain = run_requests(int8_cache_bench.engine(config=ALONE), requests)
    monkeypatch.setattr(KVStore, "move", lambda self, source, target: None)
    report = run_requests(
        int8_cache_bench.engine([scripted(int8_cache_bench, requests, plain)], SIZES), requests
    )
    assert report.tokens != plain.tokens


def test_it_is_another_cache_but_a_near_one(bench, int8_cache_bench):
    """The same prompt's logits: not those of the 16- or 32-bit cache, and not far from them."""
    requests = make_requests(bench, max_new_tokens=1, logprobs=5)
    exact, rounded = (
        [
            run_requests(one.engine(config=SIZES), requests).results[r.request_id].choices[0].logprobs
            for r in requests
        ]
        for one in (bench, int8_cache_bench)
    )
    assert exact != rounded
    assert int8_cache_bench.runner.bytes_per_token() < bench.runner.bytes_per_token() / 2.5


def test_the_proof_holds_and_the_server_says_what_it_keeps(int8_cache_bench, tiny_pair):
    int8_cache_bench.runner.allocate(32, 16)
    assert all(item.holds for item in prove(int8_cache_bench.runner))
    config = EngineConfig(model=str(tiny_pair[0]), kv_cache_dtype="int8", dtype="float32", max_seq_length=64)
    with build_server(config) as server:
        [cache] = [choice for choice in server.info.choices if choice.what == "KV cache"]
        assert "int8" in cache.chosen
        assert server._engine._runner.store.keys[0].dtype == torch.int8


def test_weights_that_come_from_disk_change_no_token(tiny_pair, tmp_path):
    config = EngineConfig(
        model=str(tiny_pair[0]),
        ssms=(str(tiny_pair[1]),),
        kv_cache_dtype="int8",
        dtype="float32",
        max_seq_length=64,
    )
    placed = replace(config, offload="disk", percent=(0, 0, 100, 0, 100, 0), offload_dir=str(tmp_path))
    texts = []
    for each in (config, placed):
        with build_server(each) as server:
            requests = [server.make_request(prompt=text, temperature=0.0) for text in PROMPTS[:3]]
            texts.append([server.submit(one).result().choices[0].token_ids for one in requests])
    assert texts[0] == texts[1]


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="kv_cache_dtype"):
        EngineConfig(kv_cache_dtype="fp8")
    folder = write_tiny_model(tmp_path / "odd", head_dim=18)
    with pytest.raises(ModelError, match="multiple of 4"):
        build_server(EngineConfig(model=str(folder), kv_cache_dtype="int8", dtype="float32"))
