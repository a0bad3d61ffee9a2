"""A prefix found in the cache changes how much is computed, never a token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexserve_core.kv import blocks
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import run_requests

from .exactness import SIZES

STORY = "One day, in a land far away, there was a very small dog who liked to dig. "


def turns(bench, **fields):
    """Prompts of which each begins with the one before, and two that begin alike and part."""
    prompts = [
        STORY,
        STORY * 2,
        STORY * 2 + "And then",
        STORY * 2 + "But then",
        "Two days, in a land far away",
    ]
    fields = {"max_new_tokens": 30, "max_seq_length": 256, **fields}
    return [bench.request(prompt, request_id=str(i), **fields) for i, prompt in enumerate(prompts)]


def run_in_turn(bench, drafters, config, requests):
    """One engine, one request after the other; completions by id."""
    engine, found = bench.engine(drafters, config), {}
    for request in requests:
        found |= {key: result.choices for key, result in run_requests(engine, [request]).results.items()}
    return found


@pytest.mark.parametrize("kv_block_size", [1, 3, 16])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_tokens_are_those_without_a_cache(bench, ssm_bench, kv_block_size, temperature):
    requests = turns(bench, temperature=temperature, seed=3)
    config = replace(SIZES, kv_block_size=kv_block_size)
    plain = run_in_turn(bench, (), replace(config, prefix_caching=False), requests)
    assert all(choice.cached_prompt_tokens == 0 for choices in plain.values() for choice in choices)
    cached = run_in_turn(bench, (), config, requests)
    drafters = [ssm_bench.ssm_drafter(config), PromptLookupDrafter()]
    speculated = run_in_turn(bench, drafters, config, requests)
    for key, choices in plain.items():
        assert choices[0].token_ids == cached[key][0].token_ids == speculated[key][0].token_ids
    found = [cached[request.request_id][0].cached_prompt_tokens for request in requests]
    lengths = [len(request.prompt_token_ids) for request in requests]
    assert found[0] == 0
    assert lengths[0] - kv_block_size <= found[1] < lengths[1]
    assert found[3] >= lengths[1] - kv_block_size
    assert found[4] < kv_block_size + 1


def test_choices_of_one_request_and_its_twins_share(bench):
    [_, request, *_] = turns(bench, temperature=1.0, seed=5, n=3)
    engine = bench.engine((), replace(SIZES, max_requests_per_batch=1))
    first = run_requests(engine, [request]).results["1"].choices
    again = run_requests(engine, [request]).results["1"].choices
    assert [choice.token_ids for choice in first] == [choice.token_ids for choice in again]
    assert [choice.cached_prompt_tokens > 0 for choice in first] == [False, True, True]
    assert all(choice.cached_prompt_tokens > 0 for choice in again)


def test_little_memory_forgets_and_stays_exact(bench):
    requests = turns(bench) * 2
    requests = [replace(request, request_id=str(i)) for i, request in enumerate(requests)]
    plain = run_in_turn(bench, (), replace(SIZES, prefix_caching=False), requests)
    engine = bench.engine((), SIZES, sequences=1)
    report = run_requests(engine, requests)
    assert {key: result.choices[0].token_ids for key, result in report.results.items()} == {
        key: choices[0].token_ids for key, choices in plain.items()
    }


def test_keys_that_ignore_the_text_are_caught(bench, monkeypatch):
    """Negative control: were a block found by its number alone, the second text would go on like the first."""
    requests = [
        bench.request(letter * 40, request_id=letter, max_new_tokens=30, max_seq_length=256)
        for letter in "AB"
    ]
    right = run_in_turn(bench, (), SIZES, requests)

    def by_number(tokens, block_size, start=0, before=b""):
        for end in range((start + 1) * block_size, len(tokens) + 1, block_size):
            yield bytes([end // block_size])

    monkeypatch.setattr(blocks, "chain_keys", by_number)
    wrong = run_in_turn(bench, (), SIZES, requests)
    assert wrong["A"][0].token_ids == right["A"][0].token_ids
    assert wrong["B"][0].cached_prompt_tokens == 32
    assert wrong["B"][0].token_ids != right["B"][0].token_ids
