"""Log-probs of the prompt: transformers' numbers, and the same bits however the prompt was computed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from flexserve_core.config import EngineConfig
from flexserve_core.sampling.logprobs import PromptLogprobs
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import run_requests

from .exactness import PROMPTS

SIZES = EngineConfig(max_seq_length=128, max_requests_per_batch=4, max_tree_nodes=12, kv_block_size=4)
TOP = 5


def requests_of(bench, **fields):
    fields = {"max_new_tokens": 30, "ignore_eos": True, "prompt_logprobs": TOP, **fields}
    return [bench.request(p[:70], request_id=str(i), **fields) for i, p in enumerate(PROMPTS)]


def found(report):
    return {key: result.prompt_logprobs for key, result in report.results.items()}


@pytest.fixture(scope="module")
def alone(bench):
    """Each prompt in one piece, by itself."""
    config = replace(SIZES, max_requests_per_batch=1, max_tokens_per_batch=512)
    return run_requests(bench.engine(config=config), requests_of(bench))


def differences(requests, mine, folder):
    """Largest difference to transformers' log-softmax; and whether likeliest tokens and ranks are the same."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    worst, same_top = 0.0, True
    for request in requests:
        ids = request.prompt_token_ids
        with torch.inference_mode():
            theirs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        ours = mine[request.request_id]
        assert len(ours) == len(ids)
        assert ours[0] is None
        for position, item in enumerate(ours[1:], start=1):
            row = theirs[position - 1]
            assert item.token_id == ids[position]
            worst = max(worst, abs(item.logprob - float(row[item.token_id])))
            worst = max(worst, *(abs(value - float(row[token])) for token, _, value in item.top))
            same_top &= {token for token, _, _ in item.top} == set(row.topk(TOP).indices.tolist())
            same_top &= item.rank == 1 + int((row > row[item.token_id]).sum())
    return worst, same_top


def test_they_are_transformers(bench, tiny_pair, alone):
    worst, same_top = differences(requests_of(bench), found(alone), tiny_pair[0])
    assert worst < 1e-4
    assert same_top


def test_a_shift_by_one_shows(bench, tiny_pair, monkeypatch):
    """Negative control: rows one position too late."""
    right = PromptLogprobs.wanted

    def late(self, start, stop):
        rows = right(self, start, stop)
        return range(rows.start + 1, rows.stop + 1)

    monkeypatch.setattr(PromptLogprobs, "wanted", late)
    config = replace(SIZES, max_requests_per_batch=1, max_tokens_per_batch=512)
    report = run_requests(bench.engine(config=config), requests_of(bench))
    worst, _ = differences(requests_of(bench), found(report), tiny_pair[0])
    assert worst > 0.1


@pytest.mark.parametrize("rows", [16, 37])
@pytest.mark.parametrize("blocks", [None, 40])
def test_the_same_bits_in_chunks_in_company_and_after_preemption(bench, ssm_bench, alone, rows, blocks):
    config = replace(SIZES, max_tokens_per_batch=rows)
    plain = run_requests(bench.engine(config=config), requests_of(bench, prompt_logprobs=None))
    drafters = [ssm_bench.ssm_drafter(config), PromptLookupDrafter()]
    engine = bench.engine(drafters, config, blocks=blocks)
    for _ in range(2):  # the second time every prompt is in the prefix cache, as far as memory lasts
        report = run_requests(engine, requests_of(bench))
        assert found(report) == found(alone)
        assert report.tokens == plain.tokens
        assert all(result.choices[0].cached_prompt_tokens == 0 for result in report.results.values())
        preempted = sum(record.preemptions for record in report.records)
        assert (preempted > 0) == (blocks is not None)
    assert all(result.prompt_logprobs is None for result in plain.results.values())


def test_preempted_in_the_middle_of_its_prompt(bench):
    """The younger one is stopped half-way; what is known is not put into the list again."""
    young = bench.request(list(range(100, 200)), request_id="young", prompt_logprobs=TOP, max_new_tokens=4)
    old = bench.request("The cat", request_id="old", max_new_tokens=115, ignore_eos=True)
    expected = run_requests(bench.engine(config=SIZES), [young]).results["young"].prompt_logprobs
    config = replace(SIZES, max_tokens_per_batch=16, kv_block_size=2)
    engine = bench.engine(config=config, blocks=64)
    report = run_requests(engine, [old, young], [0, 17])
    assert report.results["young"].choices[0].preemptions == 1
    last_prompt = max(record.step for record in report.records if record.prompt_tokens)
    assert [record.step < last_prompt for record in report.records if record.preemptions] == [True]
    assert report.results["young"].prompt_logprobs == expected


def test_choices_tiny_prompts_and_early_ends(bench, alone):
    engine = bench.engine(config=SIZES)
    many = requests_of(bench, n=3, temperature=1.0)[0]
    one = bench.request([7], request_id="one", prompt_logprobs=0, max_new_tokens=2)
    report = run_requests(engine, [many, one])
    assert report.results["0"].prompt_logprobs == found(alone)["0"]
    assert report.results["one"].prompt_logprobs == (None,)
    engine = bench.engine(config=replace(SIZES, max_tokens_per_batch=16))
    engine.add(requests_of(bench)[4], 0.0)
    engine.step()
    [chunk] = engine.abort("4")
    assert chunk.result.prompt_logprobs is None


def test_logprobs_of_a_whole_sequence_agree_with_those_while_generating(bench):
    [request] = requests_of(bench, logprobs=TOP)[1:2]
    result = run_requests(bench.engine(config=SIZES), [request]).results["1"]
    generated = result.choices[0]
    again = bench.request(
        [*result.prompt_token_ids, *generated.token_ids],
        request_id="2",
        prompt_logprobs=TOP,
        max_new_tokens=1,
    )
    whole = run_requests(bench.engine(config=SIZES), [again]).results["2"].prompt_logprobs
    assert whole[len(result.prompt_token_ids) :] == generated.logprobs
