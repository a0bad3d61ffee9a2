"""Cumulative counters of a server, for metrics. Knows nothing of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from flexserve_core.types import FinishReason, RequestResult, StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """Counters since the server was built, and gauges of now."""

    requests_finished: dict[FinishReason, int]  # by the first choice's reason
    prompt_tokens: int
    generated_tokens: int
    prefix_cache_queries: int  # prompt tokens looked up in the prefix cache
    prefix_cache_hits: int  # of them, found
    llm_steps: int
    drafts: int
    drafted_tokens: int
    accepted_tokens: int
    accepted_per_depth: tuple[int, ...]
    preemptions: int
    running: int
    waiting: int
    kv_usage: float  # 0 … 1


class StatsCounter:
    """Adds up steps and results; written by the engine thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._finished: Counter[FinishReason] = Counter()
        self._depths: Counter[int] = Counter()
        self._sums: Counter[str] = Counter()

    def add_step(self, record: StepRecord, drafts: int) -> None:
        with self._lock:
            self._sums.update(
                prompt_tokens=record.prompt_tokens,
                generated_tokens=record.emitted_tokens,
                llm_steps=1,
                drafts=drafts,
                drafted_tokens=record.drafted_tokens,
                accepted_tokens=record.accepted_tokens,
                preemptions=record.preemptions,
            )
            self._depths.update(dict(enumerate(record.accepted_per_depth)))

    def add_result(self, result: RequestResult) -> None:
        with self._lock:
            self._finished[result.choices[0].finish_reason] += 1
            self._sums.update(
                prefix_cache_queries=len(result.prompt_token_ids) * len(result.choices),
                prefix_cache_hits=sum(choice.cached_prompt_tokens for choice in result.choices),
            )

    def snapshot(self, running: int, waiting: int, kv_usage: float) -> EngineStats:
        with self._lock:
            sums = self._sums
            return EngineStats(
                requests_finished=dict(self._finished),
                prompt_tokens=sums["prompt_tokens"],
                generated_tokens=sums["generated_tokens"],
                prefix_cache_queries=sums["prefix_cache_queries"],
                prefix_cache_hits=sums["prefix_cache_hits"],
                llm_steps=sums["llm_steps"],
                drafts=sums["drafts"],
                drafted_tokens=sums["drafted_tokens"],
                accepted_tokens=sums["accepted_tokens"],
                accepted_per_depth=tuple(self._depths[d] for d in range(len(self._depths))),
                preemptions=sums["preemptions"],
                running=running,
                waiting=waiting,
                kv_usage=kv_usage,
            )
