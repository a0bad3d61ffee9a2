"""Quantised weights: the same tokens with speculation as without, greedy and sampled; the proof holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core.models.quantise import Quantisation
from flexserve_core.runner.proof import prove
from flexserve_core.testing import Bench, run_requests

from .exactness import SIZES, make_requests, scripted

SAMPLINGS = {"greedy": {}, "sampled": {"temperature": 0.9, "seed": 11}}
# LLM, SSM: independent of each other
PRECISIONS = [
    (Quantisation("int8"), Quantisation("int4")),
    (Quantisation("int4"), Quantisation(None)),
    (Quantisation("int4", "int8"), Quantisation("int8")),
]


@pytest.fixture(scope="module", params=PRECISIONS, ids=lambda pair: f"{pair[0].kind}-{pair[1].kind}")
def benches(request, tiny_pair):
    return [
        Bench(folder, torch.bfloat16, quantisation=quantisation)
        for folder, quantisation in zip(tiny_pair, request.param, strict=True)
    ]


@pytest.mark.parametrize("kind", SAMPLINGS)
def test_speculation_changes_no_token(benches, kind):
    llm, ssm = benches
    requests = make_requests(llm, **SAMPLINGS[kind])
    plain = run_requests(llm.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    for batch in (1, 8):
        config = replace(SIZES, max_requests_per_batch=batch)
        drafters = [ssm.ssm_drafter(config), scripted(llm, requests, plain)]
        report = run_requests(llm.engine(drafters, config), requests)
        assert report.tokens == plain.tokens
        assert sum(report.accepted_per_depth.values()) > 100


def test_quantised_weights_are_other_weights(benches, bf16_bench):
    """The negative control: if nothing were quantised the tests above would pass as well."""
    tokens = [run_requests(bench.engine(config=SIZES), make_requests(bench)).tokens for bench in benches[:1]]
    assert tokens[0] != run_requests(bf16_bench.engine(config=SIZES), make_requests(bf16_bench)).tokens


def test_the_proof_covers_quantised_layers(benches):
    for bench in benches:
        bench.runner.allocate(32, 16)
        linears, forward, _ = prove(bench.runner)
        assert linears.holds, linears.detail
        assert forward.holds, forward.detail
    assert "int8" in linears.detail or "nf4" in linears.detail.lower() or "bf16" in linears.detail


def test_the_proof_finds_a_quantised_layer_that_depends_on_its_batch(benches, monkeypatch):
    bench = benches[0]
    layer = bench.loaded.model.model.layers[0].mlp.down_proj
    forward = type(layer).forward

    def batch_scaled(self, x):
        out = forward(self, x)
        return out * (1 + 1e-2 * (x.reshape(-1, self.in_features).shape[0] > 1))

    monkeypatch.setattr(type(layer), "forward", batch_scaled)
    bench.runner.allocate(32, 16)
    linears, whole, _ = prove(bench.runner)
    assert not linears.holds
    assert not whole.holds
