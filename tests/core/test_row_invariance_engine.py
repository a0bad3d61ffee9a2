"""Row invariance as the engine meets it: the logits that decide a token are the same bits, whatever went on around it.

Compared with decoding alone, token by token: among 16 others, after prefill in chunks, after a hit in the prefix cache,
after preemption and recompute, at the nodes of trees; in both precisions, with odd widths, with 1, 2 and 3 threads.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core.engine.sequence import Sequence
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.expansion import StaticShape
from flexserve_core.testing import Bench, run_requests, write_tiny_model

from .exactness import SIZES, make_requests, scripted

MODELS = {
    "FFN of 172, fp32": ({}, torch.float32),
    "FFN of 172, bf16": ({}, torch.bfloat16),
    "all widths odd, fp32": (
        {"hidden_size": 90, "intermediate_size": 97, "num_attention_heads": 5, "num_key_value_heads": 1},
        torch.float32,
    ),
}
NEW = {
    "max_new_tokens": 24,
    "logprobs": 0,
    "ignore_eos": True,
}  # log-probs: logits come to the host at every token


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory):
    config, dtype = MODELS[request.param]
    return Bench(write_tiny_model(tmp_path_factory.mktemp("invariance"), **config), dtype)


def watch(patch):
    """(request id, position) → the bits of the logits that decided the token there, from now on."""
    found = {}
    right = Sequence.next_token

    def next_token(self, logits, drawn=()):
        found[self.request.request_id, len(self.tokens)] = logits.tobytes()
        return right(self, logits, drawn)

    patch.setattr(Sequence, "next_token", next_token)
    return found


@pytest.fixture
def seen(monkeypatch):
    return watch(monkeypatch)


@pytest.fixture(scope="module")
def alone(model):
    """Requests, their plain report, and their logits, one request at a time."""
    requests = make_requests(model, **NEW)
    with pytest.MonkeyPatch.context() as patch:
        found = watch(patch)
        plain = run_requests(model.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    assert sum(record.preemptions for record in plain.records) == 0
    assert len(found) == 8 * 24
    assert len(set(found.values())) > 8 * 20, "hardly ever the same logits twice"
    return requests, plain, found


def among_others(model, requests, plain):
    others = [
        model.request([i, 2 * i, 3 * i + 1] * (i + 1), request_id=f"other {i}", max_seq_length=256, **NEW)
        for i in range(16)
    ]
    report = run_requests(
        model.engine(config=replace(SIZES, max_requests_per_batch=24)), [*others[:9], *requests, *others[9:]]
    )
    assert max(record.rows for record in report.records) > 32


def in_chunks(model, requests, plain):
    report = run_requests(model.engine(config=replace(SIZES, max_tokens_per_batch=17)), requests)
    longest = max(len(request.prompt_token_ids) for request in requests)
    assert max(record.rows for record in report.records) <= 17 < longest


def after_a_cache_hit(model, requests, plain):
    engine = model.engine(config=replace(SIZES, kv_block_size=3))
    first = [replace(request, request_id=f"first {request.request_id}") for request in requests]
    run_requests(engine, first)
    report = run_requests(engine, requests)
    found = [report.results[request.request_id].choices[0].cached_prompt_tokens for request in requests]
    assert sum(count > 0 for count in found) >= 5


def after_preemption(model, requests, plain):
    report = run_requests(model.engine(config=replace(SIZES, kv_block_size=2), sequences=1), requests)
    assert sum(result.choices[0].preemptions > 0 for result in report.results.values()) >= 1


def in_trees(model, requests, plain):
    report = run_requests(model.engine([scripted(model, requests, plain)], SIZES), requests)
    assert report.accepted_per_depth[6] > 0


def in_trees_of_an_ssm_preempted(model, requests, plain):
    twin = Bench(model.loaded.name, model.loaded.dtype)
    drafter = twin.ssm_drafter(SIZES, StaticShape((3, 2, 1, 1)))
    report = run_requests(model.engine([drafter], replace(SIZES, kv_block_size=2), sequences=1), requests)
    assert report.accepted_per_depth[4] > 0
    assert sum(record.preemptions for record in report.records) > 0


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    "life",
    [among_others, in_chunks, after_a_cache_hit, after_preemption, in_trees, in_trees_of_an_ssm_preempted],
    ids=lambda life: life.__name__,
)
def test_the_same_bits(model, alone, seen, life, threads):
    requests, plain, expected = alone
    torch.set_num_threads(threads)
    try:
        life(model, requests, plain)
    finally:
        torch.set_num_threads(1)
    assert {key: seen[key] for key in expected} == expected


def test_control_one_bit_is_noticed(model, alone, seen, monkeypatch):
    """Half a unit in the last place, in batches of more than 32 rows."""
    requests, plain, expected = alone
    right = ModelRunner.forward

    def forward(self, batch):
        logits = right(self, batch)
        return torch.nextafter(logits, logits + 1) if batch.num_rows > 32 else logits

    monkeypatch.setattr(ModelRunner, "forward", forward)
    among_others(model, requests, plain)
    assert {key: seen[key] for key in expected} != expected
