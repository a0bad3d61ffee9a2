"""How a completion ends and what its chunks carry, on real engine runs of a tiny model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from flexserve_core.speculation.tree import TreeBuilder
from flexserve_core.testing import Plant, ScriptedDrafter, run_requests
from flexserve_core.types import FinishReason


def run(bench, prompt="The cat", drafters=(), **fields):
    request = bench.request(prompt, request_id="r", **{"max_new_tokens": 20, **fields})
    return run_requests(bench.engine(drafters), [request])


def completion(*args, **fields):
    return run(*args, **fields).results["r"].choices[0]


@pytest.fixture(scope="module")
def plain(bench):
    return completion(bench)


@pytest.fixture(params=["plain", "speculated"])
def drafters(request, bench, plain):
    """None, or one that plants the known text and more, so that every end lies inside an accepted path."""
    if request.param == "plain":
        return ()
    text = [*bench.loaded.tokenizer.encode("The cat"), *plain.token_ids]
    return [ScriptedDrafter([text], [Plant(6, 1)], bench.loaded.vocab_size)]


def test_length(bench, plain, drafters):
    ended = completion(bench, drafters=drafters, max_new_tokens=7)
    assert ended.token_ids == plain.token_ids[:7]
    assert ended.finish_reason is FinishReason.LENGTH
    assert ended.stop_reason is None


def test_stop_token_id_is_included_but_not_shown(bench, plain, drafters):
    token = plain.token_ids[9]
    at = plain.token_ids.index(token)
    ended = completion(bench, drafters=drafters, stop_token_ids=[token])
    assert ended.token_ids == plain.token_ids[: at + 1]
    assert (ended.finish_reason, ended.stop_reason) == (FinishReason.STOP, token)
    assert ended.text == bench.loaded.tokenizer.decode(plain.token_ids[:at])
    shown = completion(bench, drafters=drafters, stop_token_ids=[token], include_stop_str_in_output=True)
    assert shown.text == bench.loaded.tokenizer.decode(plain.token_ids[: at + 1])


def test_eos_ends_unless_ignored(bench, drafters):
    eos = bench.loaded.tokenizer.eos_id
    forced = {"logit_bias": {eos: 100.0}, "drafters": drafters}
    ended = completion(bench, **forced)
    assert ended.token_ids == (eos,)
    assert (ended.finish_reason, ended.stop_reason, ended.text) == (FinishReason.STOP, None, "")
    ignored = completion(bench, **forced, ignore_eos=True)
    assert ignored.token_ids == (eos,) * 20
    assert ignored.finish_reason is FinishReason.LENGTH
    later = completion(bench, **forced, min_tokens=6)
    assert len(later.token_ids) == 7
    assert later.token_ids[-1] == eos
    assert eos not in later.token_ids[:-1]
    visible = completion(bench, **forced, skip_special_tokens=False)
    assert visible.text == "<eos>"


@pytest.mark.parametrize("include", [False, True])
def test_stop_string(bench, plain, drafters, include):
    stop = plain.text[4:6]
    at = plain.text.index(stop)
    report = run(bench, drafters=drafters, stop=[stop], include_stop_str_in_output=include)
    ended = report.results["r"].choices[0]
    assert ended.text == plain.text[: at + 2 if include else at]
    assert (ended.finish_reason, ended.stop_reason) == (FinishReason.STOP, stop)
    assert "".join(chunk.text for chunk in report.chunks) == ended.text
    assert ended.token_ids == plain.token_ids[: len(ended.token_ids)]


def test_text_held_for_a_stop_string_comes_in_the_end(bench, plain, drafters):
    report = run(bench, drafters=drafters, stop=[plain.text[-1] + "never"])
    assert report.results["r"].choices[0].text == plain.text
    assert "".join(chunk.text for chunk in report.chunks) == plain.text


def test_max_seq_length(bench, plain):
    request = bench.request("The cat", request_id="r", max_seq_length=16)
    ended = run_requests(bench.engine(), [request]).results["r"].choices[0]
    assert ended.token_ids == plain.token_ids[:9]
    assert ended.finish_reason is FinishReason.LENGTH


def test_chunks_add_up(bench, drafters):
    report = run(bench, drafters=drafters, n=2, temperature=1.0, seed=3, logprobs=2, ignore_eos=True)
    result = report.results["r"]
    for choice in result.choices:
        mine = [chunk for chunk in report.chunks if chunk.index == choice.index]
        assert "".join(chunk.text for chunk in mine) == choice.text
        assert sum((chunk.token_ids for chunk in mine), ()) == choice.token_ids
        assert sum((chunk.logprobs for chunk in mine), ()) == choice.logprobs
        assert [chunk.completion is not None for chunk in mine] == [False] * (len(mine) - 1) + [True]
    assert [chunk.result is not None for chunk in report.chunks] == [False] * (len(report.chunks) - 1) + [
        True
    ]
    assert result.generated_tokens == 40


def test_counters(bench, plain, drafters):
    ended = completion(bench, drafters=drafters)
    counted = ended.speculation
    assert counted.generated_tokens == 20
    assert counted.accepted_tokens == sum(counted.accepted_per_depth)
    assert counted.llm_steps + counted.accepted_tokens - 20 in (0, 1), (
        "a last accepted node may bring no bonus"
    )
    assert (counted.drafted_tokens > 0) == (counted.draft_steps > 0) == bool(drafters)
    assert counted.draft_steps <= counted.llm_steps
    assert counted.tokens_per_step > 3 or not drafters
    timings = ended.timings
    assert 0 <= timings.queued_s <= timings.first_token_s <= timings.total_s
    assert timings.decode_tokens_per_s(20) > 0


def test_logprobs_equal_transformers(bench, tiny_pair, plain, drafters):
    ended = completion(bench, drafters=drafters, logprobs=3)
    model = AutoModelForCausalLM.from_pretrained(tiny_pair[0])
    prompt = bench.loaded.tokenizer.encode("The cat")
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *ended.token_ids]])).logits[0, len(prompt) - 1 : -1]
    expected = torch.log_softmax(logits.double(), dim=-1)
    assert ended.logprobs is not None
    assert len(ended.logprobs) == 20
    for token, entry, row in zip(ended.token_ids, ended.logprobs, expected, strict=True):
        assert entry.token_id == token
        assert entry.logprob == pytest.approx(float(row[token]), abs=1e-3)
        assert [index for index, _, _ in entry.top] == row.topk(3).indices.tolist()
        np.testing.assert_allclose([value for _, _, value in entry.top], row.topk(3).values, atol=1e-3)
        assert entry.text == bench.loaded.tokenizer.decode([token], skip_special_tokens=False)
    assert ended.token_ids == plain.token_ids


def test_one_request_s_sampling_error_is_its_own(bench, plain, monkeypatch):
    from flexserve_core.engine.sequence import Sequence

    right = Sequence.next_token

    def poisoned(self, logits, drawn=()):
        if self.request.request_id == "bad" and self.num_generated == 3:
            raise FloatingPointError("planted")
        return right(self, logits, drawn)

    monkeypatch.setattr(Sequence, "next_token", poisoned)
    good = bench.request("The cat", request_id="good", max_new_tokens=20, logprobs=0)
    bad = bench.request("The cat", request_id="bad", max_new_tokens=20, logprobs=0)
    engine = bench.engine()
    report = run_requests(engine, [bad, good])
    assert report.results["good"].choices[0].token_ids == plain.token_ids
    failed = report.results["bad"]
    assert failed.choices[0].finish_reason is FinishReason.ERROR
    assert failed.error == "FloatingPointError: planted"
    assert failed.choices[0].token_ids == plain.token_ids[:3]
    assert engine.kv_usage == 0.0


def test_a_stop_string_does_not_end_a_completion_before_min_tokens(bench, plain, drafters):
    """Text before min_tokens is no part of a stop string, as in vLLM."""
    early = bench.loaded.tokenizer.decode(plain.token_ids[2:3])
    assert early
    at_once = completion(bench, drafters=drafters, stop=[early])
    assert len(at_once.token_ids) <= 3
    held = completion(bench, drafters=drafters, stop=[early], min_tokens=10)
    assert len(held.token_ids) >= 10
    assert held.token_ids == plain.token_ids[: len(held.token_ids)]


class _Careless:
    """Proposes ids that the model has no embedding for."""

    name = "careless"

    def propose(self, views):
        builder = TreeBuilder()
        builder.add_chain([10**6, 3], -0.1, self.name)
        return [builder.build() for _ in views]

    def open(self, key, max_tokens): ...

    def close(self, key): ...

    def reset(self): ...

    def check_integrity(self): ...


def test_ids_outside_the_vocabulary_are_not_fed(bench, plain, caplog):
    ended = completion(bench, drafters=(_Careless(),))
    assert ended.token_ids == plain.token_ids
    assert ended.speculation.drafted_tokens == 0
    assert "careless" in caplog.text
