"""Prometheus metrics of one engine under vLLM's names, so that its dashboards work unchanged.

Counters and gauges are read from `EngineServer.stats()` when scraped; histograms are fed as an engine
observer. Every application has its own registry. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flexserve_core import Completion, FinishReason, RequestResult, StepRecord

if TYPE_CHECKING:
    from flexserve_core import EngineServer

_SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1,
    2.5,
    5,
    7.5,
    10,
    20,
    40,
    80,
    160,
)
_TOKENS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_HISTOGRAMS = {  # name → (help, buckets)
    "time_to_first_token_seconds": ("From submission to the first token.", _SECONDS),
    "inter_token_latency_seconds": ("Between two steps that gave tokens to the same request.", _SECONDS),
    "request_time_per_output_token_seconds": ("Mean time per token after the first, of a request.", _SECONDS),
    "e2e_request_latency_seconds": ("From submission to the last token.", _SECONDS),
    "request_queue_time_seconds": ("From submission to admission to the batch.", _SECONDS),
    "request_prompt_tokens": ("Prompt tokens of a finished request.", _TOKENS),
    "request_generation_tokens": ("Generated tokens of a finished request.", _TOKENS),
    "request_params_n": ("Choices that a request asked for.", (1, 2, 4, 8, 16)),
    "iteration_tokens_total": ("Rows of one LLM forward.", _ROWS),
}


_CUT_SHORT = (FinishReason.TIMEOUT, FinishReason.ABORT, FinishReason.ERROR)


class EngineMetrics(Collector):
    """An engine observer and a Prometheus collector in one; `registry` holds everything to scrape."""

    def __init__(self, server: EngineServer, model_name: str) -> None:
        self._server = server
        self._model = model_name
        self._step_times: dict[str, list[float]] = {}  # request id → end of its steps, seconds, monotonic
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._histograms = {
            name: self._histogram(name, text, buckets) for name, (text, buckets) in _HISTOGRAMS.items()
        }

    def _histogram(self, name: str, text: str, buckets: Iterable[float]) -> Histogram:
        family = Histogram(
            f"vllm:{name}", text, ["model_name"], registry=self.registry, buckets=tuple(buckets)
        )
        return family.labels(self._model)

    # ---- engine observer; called on the engine's thread

    def on_step(self, record: StepRecord) -> None:
        self._histograms["iteration_tokens_total"].observe(record.rows)
        for request_id in record.request_ids:
            self._step_times.setdefault(request_id, []).append(record.time_s)

    def on_request(self, result: RequestResult) -> None:
        step_times = self._step_times.pop(result.request_id, [])
        if any(one.finish_reason in _CUT_SHORT for one in result.choices):
            return  # half a request would distort the latencies
        self._observe("request_prompt_tokens", len(result.prompt_token_ids))
        self._observe("request_generation_tokens", result.generated_tokens)
        self._observe("request_params_n", len(result.choices))
        for completion in result.choices:
            self._observe_times(completion)
        self._observe_steps(step_times, max((one.speculation.llm_steps for one in result.choices), default=0))

    def _observe_times(self, completion: Completion) -> None:
        timings, tokens = completion.timings, len(completion.token_ids)
        self._observe("request_queue_time_seconds", timings.queued_s)
        self._observe("time_to_first_token_seconds", timings.first_token_s)
        self._observe("e2e_request_latency_seconds", timings.total_s)
        if tokens > 1:
            per_token = (timings.total_s - timings.first_token_s) / (tokens - 1)
            self._observe("request_time_per_output_token_seconds", per_token)

    def _observe_steps(self, times: list[float], producing_steps: int) -> None:
        """The last `producing_steps` steps gave tokens; those before were prompt."""
        times = times[-producing_steps:] if producing_steps else []
        for earlier, later in pairwise(times):
            self._observe("inter_token_latency_seconds", later - earlier)

    def _observe(self, name: str, value: float) -> None:
        self._histograms[name].observe(value)

    # ---- Prometheus collector; called when scraped

    def collect(self) -> Iterable[Metric]:
        stats, health = self._server.stats(), self._server.health()
        yield self._gauge("num_requests_running", "Requests in the batch.", stats.running)
        yield self._gauge("num_requests_waiting", "Requests in the queue.", stats.waiting)
        yield self._gauge("kv_cache_usage_perc", "Used part of the KV cache; 1 is all of it.", stats.kv_usage)
        yield self._counter(
            "prefix_cache_queries", "Prompt tokens looked up in the prefix cache.", stats.prefix_cache_queries
        )
        yield self._counter(
            "prefix_cache_hits", "Prompt tokens found in the prefix cache.", stats.prefix_cache_hits
        )
        yield self._counter(
            "num_preemptions", "Times a sequence gave its memory to older ones.", stats.preemptions
        )
        yield self._counter("prompt_tokens", "Prompt tokens computed.", stats.prompt_tokens)
        yield self._counter("generation_tokens", "Tokens generated.", stats.generated_tokens)
        finished = {(reason.value,): float(stats.requests_finished.get(reason, 0)) for reason in FinishReason}
        yield self._labelled("request_success", "Requests by how they ended.", "finished_reason", finished)
        yield self._counter("spec_decode_num_drafts", "Drafted trees that were verified.", stats.drafts)
        yield self._counter(
            "spec_decode_num_draft_tokens", "Drafted tokens that were verified.", stats.drafted_tokens
        )
        yield self._counter(
            "spec_decode_num_accepted_tokens", "Drafted tokens accepted.", stats.accepted_tokens
        )
        by_depth = {(str(depth),): float(count) for depth, count in enumerate(stats.accepted_per_depth)}
        name = "spec_decode_num_accepted_tokens_per_pos"
        yield self._labelled(
            name, "Accepted tokens by their depth in the draft, from 0.", "position", by_depth
        )
        steps = CounterMetricFamily("flexserve:llm_steps", "LLM forwards.", labels=["model_name"])
        steps.add_metric([self._model], stats.llm_steps)
        yield steps
        restarts = CounterMetricFamily("flexserve:engine_restarts", "Engine restarts.", labels=["model_name"])
        restarts.add_metric([self._model], health.restarts)
        yield restarts

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"vllm:{name}", text, labels=["model_name"])
        family.add_metric([self._model], value)
        return family

    def _counter(self, name: str, text: str, value: float) -> Metric:
        family = CounterMetricFamily(f"vllm:{name}", text, labels=["model_name"])
        family.add_metric([self._model], value)
        return family

    def _labelled(self, name: str, text: str, label: str, values: dict[tuple[str], float]) -> Metric:
        family = CounterMetricFamily(f"vllm:{name}", text, labels=["model_name", label])
        for (value,), count in values.items():
            family.add_metric([self._model, value], count)
        return family
