"""The rule everything keeps: same request, same tokens. Speculation on = off = transformers, token for token.

Each comparison also asserts that speculation really happened; test_exactness_controls.py plants bugs.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from flexserve_core.speculation.expansion import Beam, BestFirst, StaticShape
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import Bench, Plant, ScriptedDrafter, run_requests, write_tiny_model

from .exactness import NEW_TOKENS, SIZES, make_requests, scripted


def test_plain_decoding_equals_transformers(greedy):
    _, expected, plain = greedy
    assert plain.tokens == expected
    assert sum(record.drafted_tokens for record in plain.records) == 0
    assert len({token for [tokens] in expected.values() for token in tokens}) > 50, "the texts are too dull"


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("kv_block_size", [1, 3, 16])
def test_scripted_speculation_equals_transformers(bench, greedy, batch, kv_block_size):
    requests, expected, plain = greedy
    drafter = scripted(bench, requests, plain)
    config = replace(SIZES, max_requests_per_batch=batch, kv_block_size=kv_block_size)
    report = run_requests(bench.engine([drafter], config), requests)
    assert report.tokens == expected
    assert {1, 2, 3, 4, 5, 6, 7} <= set(report.accepted_per_depth), "not every depth was accepted"
    branches = {branch for _, branch in drafter.accepted}
    assert {0, 1, 2, 3} <= branches, "not every branch position was accepted"
    assert len(report.records) < len(plain.records) / (2 if batch == 1 else 8)


@pytest.mark.parametrize(
    "shape",
    [(1,) * 8, (3, 1, 1), (1, 1, 3, 1, 1), (2, 2, 2), "best-first 16", "best-first 64", "beam"],
    ids=str,
)
def test_ssm_trees_of_every_shape(bench, ssm_bench, greedy, shape):
    requests, expected, _ = greedy
    config = replace(SIZES, max_tree_nodes=64 if shape == "best-first 64" else 16)
    expansion = BestFirst.within(config.max_tree_nodes, 8)
    if shape == "beam":
        expansion = Beam(2, 8)
    elif isinstance(shape, tuple):
        expansion = StaticShape(shape)
    report = run_requests(bench.engine([ssm_bench.ssm_drafter(config, expansion)], config), requests)
    assert report.tokens == expected
    assert sum(report.accepted_per_depth.values()) > 50
    assert max(report.accepted_per_depth) >= 3


def test_all_drafters_merged_and_ragged_arrivals(bench, ssm_bench, greedy):
    requests, expected, plain = greedy
    ssm = ssm_bench.ssm_drafter(SIZES)
    drafters = [ssm, PromptLookupDrafter(1, 3), scripted(bench, requests, plain)]
    report = run_requests(bench.engine(drafters, SIZES), requests, arrivals=[0, 0, 1, 3, 3, 4, 7, 11])
    assert report.tokens == expected
    assert any(len(record.request_ids) > 1 for record in report.records)
    assert any(record.prompt_tokens and record.drafted_tokens for record in report.records), "no mixed step"


def test_more_requests_than_places_and_chunked_prefill(bench, ssm_bench, greedy):
    requests, expected, plain = greedy
    config = replace(SIZES, max_requests_per_batch=3, max_tokens_per_batch=16)
    drafters = [ssm_bench.ssm_drafter(config), scripted(bench, requests, plain)]
    report = run_requests(bench.engine(drafters, config), requests)
    assert report.tokens == expected
    longest = max(len(request.prompt_token_ids) for request in requests)
    assert longest > 16
    assert max(record.rows for record in report.records) <= 16
    assert max(record.waiting for record in report.records) > 0
    assert sum(report.accepted_per_depth.values()) > 20


def test_memory_for_few_requests_preempts_the_others(bench, ssm_bench, greedy):
    requests, expected, _ = greedy
    config = replace(SIZES, kv_block_size=2)
    engine = bench.engine([ssm_bench.ssm_drafter(config)], config, sequences=1)
    report = run_requests(engine, requests)
    assert report.tokens == expected
    assert sum(record.preemptions for record in report.records) > 0
    assert engine.kv_usage == 0.0


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_matter(bench, bf16_bench, greedy, threads):
    requests, expected, plain = greedy
    in_bf16 = run_requests(bf16_bench.engine(config=SIZES), requests)
    torch.set_num_threads(threads)
    try:
        report = run_requests(bench.engine([scripted(bench, requests, plain)], SIZES), requests)
        other = run_requests(bf16_bench.engine([scripted(bf16_bench, requests, in_bf16)], SIZES), requests)
    finally:
        torch.set_num_threads(1)
    assert report.tokens == expected
    assert other.tokens == in_bf16.tokens
    assert min(report.accepted_per_depth[5], other.accepted_per_depth[5]) > 0


def test_speculation_is_a_request_s_own_choice(bench, ssm_bench, greedy):
    requests, expected, _ = greedy
    mixed = [
        replace(request, sampling=replace(request.sampling, speculation=i % 2 == 0))
        for i, request in enumerate(requests)
    ]
    report = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES)], SIZES), mixed)
    assert report.tokens == expected
    drafted = [report.results[str(i)].choices[0].speculation.drafted_tokens for i in range(8)]
    assert all((count > 0) == (i % 2 == 0) for i, count in enumerate(drafted))


@pytest.mark.parametrize("batch", [1, 8])
def test_bf16_speculation_equals_plain_bf16(bf16_bench, ssm_bench, batch):
    requests = make_requests(bf16_bench)
    plain = run_requests(bf16_bench.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    config = replace(SIZES, max_requests_per_batch=batch)
    drafters = [ssm_bench.ssm_drafter(config), scripted(bf16_bench, requests, plain)]
    report = run_requests(bf16_bench.engine(drafters, config), requests)
    assert report.tokens == plain.tokens
    assert sum(report.accepted_per_depth.values()) > 100


def test_stops_end_an_accepted_path_where_plain_decoding_ends(bench, greedy):
    _, expected, plain = greedy
    tokens = expected["0"][0]
    text = plain.results["0"].choices[0].text
    cases = [
        {"stop_token_ids": [tokens[11]]},
        {"stop": [text[5:8]]},
        {"stop": [text[5:8]], "include_stop_str_in_output": True},
        {"logit_bias": {bench.loaded.tokenizer.eos_id: 100.0}, "min_tokens": 5},
        {"max_new_tokens": 13},
    ]
    for fields in cases:
        request = make_requests(bench, count=1, **fields)
        alone = run_requests(bench.engine(config=SIZES), request).results["0"].choices[0]
        # the script goes on beyond the end, so that nodes behind it are accepted and must be dropped
        drafter = ScriptedDrafter(
            [[*request[0].prompt_token_ids, *alone.token_ids, 1, 2, 3]],
            [Plant(8, 1)],
            bench.loaded.vocab_size,
        )
        report = run_requests(bench.engine([drafter], SIZES), request)
        choice = report.results["0"].choices[0]
        assert choice.token_ids == alone.token_ids
        assert (choice.text, choice.finish_reason, choice.stop_reason) == (
            alone.text,
            alone.finish_reason,
            alone.stop_reason,
        )
        assert choice.speculation.accepted_tokens > 0
        assert len(choice.token_ids) < NEW_TOKENS


def test_exact_ties_go_to_the_lowest_id(tmp_path):
    """Every even token has a twin with the next id and the same logit; only even ones may be taken."""
    folder = write_tiny_model(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.lm_head.weight[1::2] = model.lm_head.weight[::2]
    model.save_pretrained(folder)
    bench = Bench(folder)
    for fields in ({}, {"logprobs": 2}, {"temperature": 5.0, "top_k": 1}):
        requests = make_requests(bench, ignore_eos=True, **fields)
        plain = run_requests(bench.engine(config=SIZES), requests)
        assert all(token % 2 == 0 for [tokens] in plain.tokens.values() for token in tokens)
        report = run_requests(bench.engine([scripted(bench, requests, plain)], SIZES), requests)
        assert report.tokens == plain.tokens
