"""Same seed, same text: sampling with and without speculation, at any batch, with every kind of warping."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexserve_core.testing import run_requests

from .exactness import SIZES, make_requests, scripted

SAMPLINGS = {
    "temperature": {"temperature": 0.9},
    "filters": {"temperature": 1.3, "top_k": 40, "top_p": 0.9, "min_p": 0.02},
    "penalties": {
        "temperature": 0.7,
        "repetition_penalty": 1.3,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "logit_bias": {65: 2.0},
    },
    "greedy with penalties": {"temperature": 0.0, "repetition_penalty": 1.5, "frequency_penalty": 1.0},
}


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("kind", SAMPLINGS)
def test_same_seed_same_tokens(bench, ssm_bench, kind, batch):
    requests = make_requests(bench, seed=1234, **SAMPLINGS[kind])
    plain = run_requests(bench.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    config = replace(SIZES, max_requests_per_batch=batch)
    drafters = [ssm_bench.ssm_drafter(config), scripted(bench, requests, plain)]
    report = run_requests(bench.engine(drafters, config), requests)
    assert report.tokens == plain.tokens
    assert sum(report.accepted_per_depth.values()) > 100


def test_an_ssm_alone_is_accepted_when_sampling(bench, ssm_bench):
    requests = make_requests(bench, seed=7, temperature=1.0)
    plain = run_requests(bench.engine(config=SIZES), requests)
    report = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES)], SIZES), requests)
    assert report.tokens == plain.tokens
    assert max(report.accepted_per_depth) >= 3
    other = run_requests(bench.engine(config=SIZES), make_requests(bench, seed=8, temperature=1.0))
    assert other.tokens != plain.tokens


def test_choices_of_a_request_differ_and_survive_speculation(bench, ssm_bench):
    request = bench.request("The cat", request_id="n", n=4, seed=5, temperature=1.0, max_new_tokens=24)
    plain = run_requests(bench.engine(), [request])
    assert len(set(plain.tokens["n"])) == 4
    report = run_requests(bench.engine([ssm_bench.ssm_drafter()]), [request])
    assert report.tokens == plain.tokens
    alone = replace(request, sampling=replace(request.sampling, n=1))
    assert run_requests(bench.engine(), [alone]).tokens["n"] == plain.tokens["n"][:1]
