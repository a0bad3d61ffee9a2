"""Pairs that do not fit each other neatly: other vocabulary paddings, fewer positions, other precision, two SSMs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core.speculation.expansion import StaticShape
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.testing import Bench, run_requests, write_tiny_model

from .exactness import SIZES, make_requests


def accepted(report):
    return sum(report.accepted_per_depth.values())


@pytest.mark.parametrize("vocab_size", [200, 258, 320])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_an_ssm_with_another_padding(bench, tmp_path, vocab_size, temperature):
    """The target emits ids that the smaller SSM does not know, and the larger one knows ids nobody may take."""
    ssm = Bench(write_tiny_model(tmp_path, seed=5, vocab_size=vocab_size))
    requests = make_requests(bench, temperature=temperature, ignore_eos=True)
    plain = run_requests(bench.engine(config=SIZES), requests)
    assert any(token >= 200 for [tokens] in plain.tokens.values() for token in tokens)
    drafter = ssm.ssm_drafter(SIZES, StaticShape((3, 2, 1)), bench.loaded.vocab_size)
    report = run_requests(bench.engine([drafter], SIZES), requests)
    assert report.tokens == plain.tokens
    assert sum(record.drafted_tokens for record in report.records) > 500


def test_an_ssm_with_fewer_positions_stops_drafting(bench, tiny_pair, tmp_path):
    ssm = Bench(write_tiny_model(tmp_path, max_position_embeddings=32))
    requests = make_requests(bench, ignore_eos=True, max_new_tokens=60)
    plain = run_requests(bench.engine(config=SIZES), requests)
    ssm.runner.allocate(2000, 4)
    drafter = SSMDrafter(ssm.runner, StaticShape((1, 1, 1, 1)), 64, bench.loaded.vocab_size)
    report = run_requests(bench.engine([drafter], SIZES), requests)
    assert report.tokens == plain.tokens
    assert accepted(report) > 20, "the same weights: all of it is accepted as long as it drafts"
    by_request = {key: result.choices[0].speculation for key, result in report.results.items()}
    assert by_request["4"].drafted_tokens == 0, "its prompt is longer than the SSM's positions"
    assert 0 < by_request["2"].drafted_tokens < 60
    assert ssm.runner.pool.num_used == 0


def test_an_ssm_in_another_precision(bench, tiny_pair):
    ssm = Bench(tiny_pair[1], torch.bfloat16)
    requests = make_requests(bench)
    plain = run_requests(bench.engine(config=SIZES), requests)
    report = run_requests(bench.engine([ssm.ssm_drafter(SIZES)], SIZES), requests)
    assert report.tokens == plain.tokens
    assert accepted(report) > 30


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_two_ssms_merge(bench, ssm_bench, tmp_path, temperature):
    """The second SSM is the LLM itself, so that both have tokens accepted."""
    twin = Bench(bench.loaded.name)
    requests = make_requests(bench, temperature=temperature)
    plain = run_requests(bench.engine(config=SIZES), requests)
    sizes = replace(SIZES, max_tree_nodes=40)
    alone = run_requests(bench.engine([ssm_bench.ssm_drafter(sizes)], sizes), requests)
    drafters = [ssm_bench.ssm_drafter(sizes), twin.ssm_drafter(sizes, StaticShape((1,) * 4))]
    both = run_requests(bench.engine(drafters, sizes), requests)
    assert alone.tokens == both.tokens == plain.tokens
    assert len(both.records) < len(alone.records)
    assert both.accepted_per_depth[4] > alone.accepted_per_depth[4]
    assert ssm_bench.runner.pool.num_used == twin.runner.pool.num_used == 0
