"""A random life: arrivals, aborts, preemptions, failing steps, every kind of sampling, grammars; always checked."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import run_requests
from flexserve_core.types import FinishReason

CONFIG = EngineConfig(
    max_seq_length=96, max_requests_per_batch=8, max_tokens_per_batch=24, kv_block_size=4, max_tree_nodes=12
)
TIGHT = 24  # blocks: one of the longest texts
KINDS = [
    {"temperature": 0.0},
    {"temperature": 0.0, "repetition_penalty": 1.3},
    {"temperature": 0.0, "logprobs": 1},
    {"temperature": 1.0},
    {"temperature": 0.8, "top_p": 0.9, "top_k": 30},
    {"temperature": 1.2, "frequency_penalty": 0.5, "n": 2},
    {"temperature": 0.0, "speculation": False},
    {"temperature": 1.0, "stop": ["e", "\ufffd"], "min_tokens": 1},
    {
        "temperature": 0.9,
        "structured": {"json_schema": {"type": "array", "items": {"enum": ["é", None, 25]}}},
    },
    {"temperature": 0.0, "n": 2, "structured": {"regex": "([a-c]{2}-)+x"}},
]


def some_requests(bench, dice, count):
    return [
        bench.request(
            [dice.randrange(250) for _ in range(dice.choice([1, 2, 5, 20, 45]))],
            request_id=str(index),
            seed=index,
            max_new_tokens=dice.choice([1, 2, 30, 50]),
            max_seq_length=96,
            **dice.choice(KINDS),
        )
        for index in range(count)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_soak(bench, ssm_bench, seed, monkeypatch):
    dice = random.Random(seed)
    requests = some_requests(bench, dice, 60)
    expected = {}
    for request in requests:
        expected.update(run_requests(bench.engine(), [request]).tokens)
    config = replace(CONFIG, prefix_caching=seed % 2 == 0)
    drafters = [ssm_bench.ssm_drafter(config, blocks=TIGHT), PromptLookupDrafter()]
    engine = bench.engine(drafters, config, blocks=TIGHT)
    right, broken = ModelRunner.forward, [False]

    def forward(runner, batch):
        if broken[0] and dice.random() < 0.5:
            broken[0] = False
            raise RuntimeError("planted")
        return right(runner, batch)

    monkeypatch.setattr(ModelRunner, "forward", forward)
    waiting, results, accepted, preempted = list(requests), {}, 0, 0
    flying: dict[str, object] = {}
    for _ in range(4000):
        while waiting and len(flying) < 10 and dice.random() < 0.5:
            request = waiting.pop()
            engine.add(request, time.monotonic())
            flying[request.request_id] = request
        chunks = []
        if flying and dice.random() < 0.03:
            chunks += engine.abort(dice.choice(sorted(flying)))
            engine.check_integrity()
        broken[0] = dice.random() < 0.01
        try:
            output = engine.step()
        except RuntimeError:
            chunks += engine.fail_all("planted")
            engine.check_integrity()
            assert engine.kv_usage == 0.0
        else:
            chunks += output.chunks if output else ()
            accepted += output.record.accepted_tokens if output else 0
            preempted += output.record.preemptions if output else 0
        for chunk in chunks:
            if chunk.result is not None:
                results[chunk.request_id] = chunk.result
                flying.pop(chunk.request_id)
        if not waiting and not flying:
            break
    assert set(results) == set(expected), "a request was lost"
    whole = 0
    for key, result in results.items():
        assert len(result.choices) == len(expected[key])
        for choice, tokens in zip(result.choices, expected[key], strict=True):
            cut = choice.finish_reason in (FinishReason.ABORT, FinishReason.ERROR)
            assert choice.token_ids == (tokens[: len(choice.token_ids)] if cut else tokens)
            whole += not cut
    assert whole >= 20
    assert len({result.choices[0].finish_reason for result in results.values()}) >= 3
    assert accepted > 20
    assert preempted > 5
    assert engine.kv_usage == 0.0
    assert ssm_bench.runner.pool.num_used == 0
    engine.check_integrity()
