"""A random life of an engine for as long as wanted: arrivals, aborts, preemptions, every kind of sampling, grammars.

Each request's tokens are known beforehand from plain decoding, one request at a time, without any drafter; whatever
happens around it, what the busy engine emits must be these tokens, or their beginning when it was aborted. Requests
come from a fixed set that is drawn from again and again, so that plain decoding does not take half of the time.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flexserve_core.config import EngineConfig
from flexserve_core.engine.engine import Engine
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.testing.bench import Bench, run_requests
from flexserve_core.types import Chunk, FinishReason, Request

_MAX_LENGTH = 96
KINDS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0},
    {"temperature": 0.0, "repetition_penalty": 1.3},
    {"temperature": 0.0, "logprobs": 1},
    {"temperature": 0.0, "speculation": False},
    {"temperature": 0.0, "prompt_logprobs": 1},
    {"temperature": 1.0},
    {"temperature": 0.8, "top_p": 0.9, "top_k": 30},
    {"temperature": 1.2, "frequency_penalty": 0.5, "n": 3},
    {"temperature": 1.0, "stop": ["e", "\ufffd"], "min_tokens": 1},
    {
        "temperature": 0.9,
        "structured": {"json_schema": {"type": "array", "items": {"enum": ["é", None, 25]}}},
    },
    {"temperature": 0.0, "n": 2, "structured": {"regex": "([a-c]{2}-)+x"}},
)


@dataclass(slots=True)
class SoakReport:
    """What happened, and what differed."""

    requests: int = 0
    tokens: int = 0
    mismatches: int = 0  # choices that differ from plain decoding
    aborted: int = 0
    preemptions: int = 0
    accepted: int = 0
    steps: int = 0
    reasons: dict[str, int] = field(default_factory=dict)  # how completions ended
    first_bytes: int = 0  # resident memory of the process after a fifth of the time
    last_bytes: int = 0


def soak_config(prefix_caching: bool = True) -> EngineConfig:
    """A crowded engine: steps of few rows, small blocks."""
    return EngineConfig(
        max_seq_length=_MAX_LENGTH,
        max_requests_per_batch=8,
        max_tokens_per_batch=24,
        kv_block_size=4,
        max_tree_nodes=12,
        prefix_caching=prefix_caching,
    )


def resident_bytes() -> int:
    """Memory of this process now; where the system does not tell, the most it ever had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


TIGHT = _MAX_LENGTH // 4  # blocks: one of the longest texts


class Soak:
    """`kinds`: how many different requests there are. drafters: made anew for the engine that lives."""

    def __init__(self, bench: Bench, seed: int = 0, kinds: int = 120) -> None:
        self._bench = bench
        self._dice = random.Random(seed)
        self._known = [self._request(index) for index in range(kinds)]
        self._plain: dict[str, list[tuple[int, ...]]] = {}
        for request in self._known:
            self._plain.update(run_requests(bench.engine(), [request]).tokens)

    def live(
        self,
        drafters: Callable[[EngineConfig], list[Drafter]],
        seconds: float,
        prefix_caching: bool = True,
        say: Callable[[SoakReport], None] | None = None,
    ) -> SoakReport:
        """Run for so long, then let what is in flight end. say: told the state every half minute.

        AssertionError when the engine's own checks fail, when a request is lost, or when memory is not given back."""
        config = soak_config(prefix_caching)
        engine = self._bench.engine(drafters(config), config, blocks=TIGHT)
        report, flying = SoakReport(), {}
        started = said = time.monotonic()
        while (now := time.monotonic()) < started + seconds or flying:
            if now < started + seconds:
                self._arrive(engine, flying)
            chunks = self._abort(engine, flying)
            output = engine.step()
            if output is not None:
                chunks += output.chunks
                report.steps += 1
                report.accepted += output.record.accepted_tokens
                report.preemptions += output.record.preemptions
            for chunk in chunks:
                self._compare(chunk, flying, report)
            if not report.first_bytes and now > started + seconds / 5:
                report.first_bytes = resident_bytes()
            if say is not None and now > said + 30:
                said, report.last_bytes = now, resident_bytes()
                say(report)
        report.last_bytes = resident_bytes()
        engine.check_integrity()
        assert engine.kv_usage == 0.0, "blocks are still in use"
        return report

    def _request(self, index: int) -> Request:
        dice = self._dice
        return self._bench.request(
            [dice.randrange(250) for _ in range(dice.choice([1, 2, 5, 20, 45]))],
            request_id=str(index),
            seed=index,
            max_new_tokens=dice.choice([1, 2, 30, 50]),
            max_seq_length=_MAX_LENGTH,
            **KINDS[index % len(KINDS)],
        )

    def _arrive(self, engine: Engine, flying: dict[str, Request]) -> None:
        while len(flying) < 12 and self._dice.random() < 0.4:
            known = self._dice.choice(self._known)
            number = self._dice.getrandbits(60)
            request = replace(known, request_id=f"{known.request_id}/{number}")
            engine.add(request, time.monotonic())
            flying[request.request_id] = request

    def _abort(self, engine: Engine, flying: dict[str, Request]) -> list[Chunk]:
        if not flying or self._dice.random() > 0.01:
            return []
        chunks = engine.abort(self._dice.choice(sorted(flying)))
        engine.check_integrity()
        return chunks

    def _compare(self, chunk: Chunk, flying: dict[str, Request], report: SoakReport) -> None:
        if chunk.result is None:
            return
        request = flying.pop(chunk.request_id)
        expected = self._plain[request.request_id.partition("/")[0]]
        assert len(chunk.result.choices) == len(expected)
        report.requests += 1
        for choice, tokens in zip(chunk.result.choices, expected, strict=True):
            cut = choice.finish_reason is FinishReason.ABORT
            wanted = tokens[: len(choice.token_ids)] if cut else tokens
            report.mismatches += choice.token_ids != wanted
            report.tokens += len(choice.token_ids)
            report.aborted += cut
            reason = choice.finish_reason.value
            report.reasons[reason] = report.reasons.get(reason, 0) + 1
