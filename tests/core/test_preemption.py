"""A preempted and recomputed request gives the same logits, bit for bit, and so the same stream of tokens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from flexserve_core.config import EngineConfig
from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockTable
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.suffix import SuffixDrafter
from flexserve_core.testing import Bench, run_requests
from flexserve_core.types import FinishReason

from .exactness import PROMPTS

SIZES = EngineConfig(
    max_seq_length=128,
    max_requests_per_batch=6,
    max_tokens_per_batch=40,
    max_tree_nodes=12,
    kv_block_size=4,
)
TIGHT = 45  # blocks; 32 hold one of the longest texts


def requests_of(bench, **fields):
    """Greedy and sampled, one with three choices; log-probs are asked for so that logits come to the host."""
    kinds = [
        {"temperature": 0.0, "logprobs": 1},
        {"temperature": 0.9, "logprobs": 0, "seed": 3},
        {"temperature": 1.0, "n": 3, "frequency_penalty": 0.5, "logprobs": 0},
        {"temperature": 0.0, "repetition_penalty": 1.2, "logprobs": 2},
    ]
    prompts = [prompt[:60] for prompt in PROMPTS]
    return [
        bench.request(prompt, request_id=str(i), ignore_eos=True, max_new_tokens=50, **kinds[i % 4], **fields)
        for i, prompt in enumerate(prompts)
    ]


@pytest.fixture
def seen(monkeypatch):
    """Logits by (request, choice, position); a position computed twice must be so for a reason."""
    logits: dict[tuple[str, int, int], np.ndarray] = {}
    right = Sequence.next_token

    def next_token(self, row, drawn=()):
        place = (self.request.request_id, self.index, len(self.tokens))
        assert place not in logits, "a token is chosen once"
        logits[place] = row.copy()
        return right(self, row, drawn)

    monkeypatch.setattr(Sequence, "next_token", next_token)
    return logits


def run(engine, requests, seen):
    seen.clear()
    report = run_requests(engine, requests, arrivals=[2 * i for i in range(len(requests))])
    return report, dict(seen)


def preemptions(report):
    total = sum(record.preemptions for record in report.records)
    assert total == sum(c.preemptions for result in report.results.values() for c in result.choices)
    return total


def streamed(report):
    """What the chunks said: text and tokens by request and choice."""
    texts, tokens = Counter(), {}
    for chunk in report.chunks:
        place = (chunk.request_id, chunk.index)
        texts[place] = (texts[place] or "") + chunk.text
        tokens[place] = (*tokens.get(place, ()), *chunk.token_ids)
    return dict(texts), tokens


def completed(report):
    places = {(key, c.index): c for key, result in report.results.items() for c in result.choices}
    return {p: c.text for p, c in places.items()}, {p: c.token_ids for p, c in places.items()}


@pytest.fixture(scope="session")
def bf16_ssm_bench(tiny_pair):
    return Bench(tiny_pair[1], torch.bfloat16)


@pytest.fixture(params=["fp32", "bf16"])
def pair(request, bench, ssm_bench, bf16_bench, bf16_ssm_bench):
    return (bench, ssm_bench) if request.param == "fp32" else (bf16_bench, bf16_ssm_bench)


@pytest.mark.parametrize("prefix_caching", [True, False])
def test_bitwise_after_preemption(pair, prefix_caching, seen):
    llm, small = pair
    config, requests = replace(SIZES, prefix_caching=prefix_caching), requests_of(llm)
    plain, expected = run(llm.engine(config=config), requests, seen)
    assert preemptions(plain) == 0

    def drafters():
        return [small.ssm_drafter(config, blocks=TIGHT), PromptLookupDrafter(), SuffixDrafter()]

    for drafted in ([], drafters()):
        report, logits = run(llm.engine(drafted, config, blocks=TIGHT), requests, seen)
        assert preemptions(report) > 3
        assert report.tokens == plain.tokens
        assert set(logits) == set(expected)
        assert all(np.array_equal(logits[place], expected[place]) for place in expected)
        assert streamed(report) == completed(report) == completed(plain), "nothing is sent twice"
        assert {k: [c.logprobs for c in r.choices] for k, r in report.results.items()} == {
            k: [c.logprobs for c in r.choices] for k, r in plain.results.items()
        }
        assert (sum(report.accepted_per_depth.values()) > 20) == bool(drafted)
        assert llm.runner.pool.num_used == 0
    assert small.runner.pool.num_used == 0


def test_no_prefix_is_counted_that_only_a_recompute_found(bench):
    [request] = requests_of(bench)[4:5]
    requests = [replace(request, request_id=str(i)) for i in range(4)]
    engine = bench.engine(config=replace(SIZES, max_requests_per_batch=4), blocks=TIGHT)
    report = run_requests(engine, requests)
    assert preemptions(report) > 0
    for result in report.results.values():
        assert result.choices[0].cached_prompt_tokens < len(request.prompt_token_ids)


def until_preempted(engine, requests):
    """Step until some request is preempted; its id."""
    for request in requests:
        engine.add(request, 0.0)
    for _ in range(200):
        engine.step()
        for sequence in engine._scheduler.waiting:
            if sequence.preemptions and sequence.num_generated:
                return sequence
    raise AssertionError("nothing was preempted")


def drain(engine):
    chunks = []
    while (output := engine.step()) is not None:
        chunks += output.chunks
    return {chunk.request_id: chunk.result for chunk in chunks if chunk.result}


@pytest.mark.parametrize("choices", [1, 2])
def test_an_abort_while_preempted_ends_it_with_what_it_has(bench, choices):
    requests = [replace(r, sampling=replace(r.sampling, n=choices)) for r in requests_of(bench)]
    engine = bench.engine(config=SIZES, blocks=TIGHT)
    victim = until_preempted(engine, requests)
    kept = tuple(victim.tokens[victim.num_prompt :])
    [*_, last] = engine.abort(victim.request.request_id)
    engine.check_integrity()
    ended = last.result.choices[victim.index]
    assert ended.finish_reason is FinishReason.ABORT
    assert ended.token_ids == kept
    assert ended.preemptions == 1
    results = drain(engine)
    assert victim.request.request_id not in results
    assert engine.kv_usage == 0.0


def test_a_failure_while_preempted_ends_everything(bench):
    engine = bench.engine(config=SIZES, blocks=TIGHT)
    requests = requests_of(bench)
    victim = until_preempted(engine, requests)
    chunks = engine.fail_all("planted")
    assert victim.finish_reason is FinishReason.ERROR
    assert victim.request.request_id in {chunk.request_id for chunk in chunks}
    assert not engine.has_work()
    assert engine.kv_usage == 0.0
    report = run_requests(engine, requests)
    assert report.tokens == run_requests(bench.engine(config=SIZES), requests).tokens


def test_a_drafter_short_of_memory_costs_speed_only(bench, ssm_bench):
    """The SSM's pool holds one or two of six sequences; the LLM's all of them."""
    requests = requests_of(bench)
    plain = run_requests(bench.engine(config=SIZES), requests)
    reports = {}
    for blocks in (8, 40, 400):
        drafter = ssm_bench.ssm_drafter(SIZES, blocks=blocks)
        reports[blocks] = run_requests(bench.engine([drafter], SIZES), requests)
        assert preemptions(reports[blocks]) == 0, "a drafter preempts nobody"
        assert reports[blocks].tokens == plain.tokens
    accepted = {blocks: sum(each.accepted_per_depth.values()) for blocks, each in reports.items()}
    assert 0 < accepted[8] < accepted[40] < accepted[400]


def forgets_a_token(self):
    """The planted bug: the last token's key is not computed again, nor its logits asked for anew."""
    self.num_cached = 0
    self.preemptions += 1
    self.tokens.pop()


def tells_again(self):
    """The planted bug: what was sent is sent again."""
    self.num_cached = 0
    self.preemptions += 1
    self._sent = (0, 0, 0)


@pytest.mark.parametrize("bug", [forgets_a_token, tells_again])
def test_planted_bugs_show(bench, monkeypatch, seen, bug):
    requests = requests_of(bench)
    plain, _ = run(bench.engine(config=SIZES), requests, seen)
    monkeypatch.setattr(Sequence, "preempted", bug)

    def compare():
        report, _ = run(bench.engine(config=SIZES, blocks=TIGHT), requests, seen)
        assert streamed(report) == completed(report) == completed(plain)

    with pytest.raises(AssertionError):
        compare()


def test_a_recompute_over_wrong_keys_shows(bench, monkeypatch):
    """The planted bug: a block more than is known is believed to be cached."""
    requests = requests_of(bench)
    plain = run_requests(bench.engine(config=SIZES), requests)
    right = BlockTable.adopt

    def adopt(self, text):
        found = right(self, text)
        return found if len(text) - found <= 4 else len(self.slots(found + 4)) if found else 0

    monkeypatch.setattr(BlockTable, "adopt", adopt)
    report = run_requests(bench.engine(config=SIZES, blocks=TIGHT), requests)
    assert report.tokens != plain.tokens
