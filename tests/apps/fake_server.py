"""A scripted engine with `EngineServer`'s face, so that HTTP and CLI can be tested for faults and timing in
milliseconds.

It answers every request with the words of `reply`, one word a step, all running requests in every step. A
test holds it still (`hold`), lets it go (`release`), breaks it (`fail`) or looks at what it was given
(`submitted`, `closed`). The real engine's own end-to-end tests are in test_http_engine.py.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from flexserve_core import (
    Chunk,
    Completion,
    EngineFailedError,
    EngineStoppedError,
    FinishReason,
    Health,
    InvalidRequestError,
    Limits,
    PromptTooLongError,
    QueueFullError,
    Request,
    RequestResult,
    SamplingParams,
    SpeculationStats,
    StepRecord,
    Timings,
    TokenLogprob,
)

from .fake_info import fake_info
from .fake_stream import FakeStream

LIMITS = Limits(vocab_size=1000, max_seq_length=64, max_requests_per_batch=4, max_tokens_per_batch=64)


@dataclass
class FakeServer:
    """See the module's docstring."""

    reply: tuple[str, ...] = ("Hello", " there", ",", " world", "!")
    status: str = "stopped"
    max_queued: int = 8
    prompts: list[dict[str, Any]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    submitted: list[Request] = field(default_factory=list)
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        self.info = fake_info(self.limits)
        self.tokenizer = SimpleNamespace(decode=lambda ids: "".join(f"<{token}>" for token in ids))
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._gate = threading.Event()
        self._gate.set()
        self._work = threading.Event()
        self._running: dict[str, FakeStream] = {}
        self._observers: list[Any] = []
        self._steps = itertools.count()
        self._finished: dict[FinishReason, int] = {}
        self._thread: threading.Thread | None = None

    # ---- a test's handles

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def fail(self) -> None:
        """As when the engine thread dies: requests in flight fail, the engine goes on."""
        with self._lock:
            streams, self._running = list(self._running.values()), {}
        for stream in streams:
            stream.put(EngineFailedError("the engine failed and has restarted"))

    def wait_until_closed(self, count: int = 1, timeout_s: float = 5.0) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: len(self.closed) >= count, timeout_s)

    # ---- EngineServer's face

    def start(self) -> None:
        self.status = "ok"
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self, drain: bool = False) -> None:
        self.status = "stopped"
        self.release()
        self._work.set()
        if self._thread:
            self._thread.join(5)

    def health(self) -> Health:
        return Health(status=self.status, running=len(self._running), waiting=0, restarts=0)  # type: ignore[arg-type]

    def make_request(self, *, request_id: str | None = None, **fields: Any) -> Request:
        prompt = {
            name: fields.pop(name) for name in ("prompt", "prompt_token_ids", "messages") if name in fields
        }
        sampling = SamplingParams(**fields)
        if sampling.temperature < 0:
            raise InvalidRequestError(
                "temperature", sampling.temperature, "it is at least 0", "Use 0 for greedy."
            )
        if not 1 <= sampling.n <= self.limits.max_n:
            raise InvalidRequestError(
                "n", sampling.n, f"it is from 1 to {self.limits.max_n}", "Ask for fewer."
            )
        if prompt.get("messages") == []:
            raise InvalidRequestError("messages", [], "it holds at least one message", "Add one.")
        if sampling.max_new_tokens is not None and sampling.max_new_tokens < 1:
            raise InvalidRequestError(
                "max_new_tokens", sampling.max_new_tokens, "it is at least 1", "Raise it."
            )
        text = prompt.get("prompt") or "".join(one["content"] for one in prompt.get("messages", []))
        ids = prompt.get("prompt_token_ids") or list(range(len(text.split())))
        if len(ids) >= self.limits.max_seq_length:
            raise PromptTooLongError(len(ids), self.limits.max_seq_length)
        self.prompts.append(prompt)
        seed = 7 if sampling.seed is None else sampling.seed
        return Request(
            request_id=request_id or f"fake-{len(self.prompts)}",
            prompt_token_ids=tuple(ids),
            sampling=replace(sampling, seed=seed, max_new_tokens=sampling.max_new_tokens or 16),
            prompt=prompt.get("prompt"),
        )

    def submit(self, request: Request) -> FakeStream:
        with self._lock:
            if self.status != "ok":
                raise EngineStoppedError
            if len(self._running) >= self.max_queued:
                raise QueueFullError(self.max_queued, retry_after_s=3)
            stream = FakeStream(self, request)
            self._running[request.request_id] = stream
            self.submitted.append(request)
        self._work.set()
        return stream

    def abort(self, request_id: str) -> None:
        with self._condition:
            stream = self._running.pop(request_id, None)
            if stream is not None:
                self.closed.append(request_id)
                self._condition.notify_all()
                self._end(stream, FinishReason.ABORT)

    def add_observer(self, observer: Any) -> None:
        self._observers.append(observer)

    def remove_observer(self, observer: Any) -> None:
        self._observers.remove(observer)

    def stats(self) -> SimpleNamespace:
        return SimpleNamespace(
            requests_finished=dict(self._finished),
            prompt_tokens=10,
            generated_tokens=20,
            llm_steps=12,
            drafts=8,
            drafted_tokens=30,
            accepted_tokens=9,
            accepted_per_depth=(6, 3),
            prefix_cache_queries=12,
            prefix_cache_hits=4,
            preemptions=2,
            running=len(self._running),
            waiting=0,
            kv_usage=0.25,
        )

    # ---- the engine's thread

    def _end(self, stream: FakeStream, reason: FinishReason) -> None:
        """End a request early: its last chunk has no text."""
        for index in range(stream.request.sampling.n):
            if index not in stream.done:
                completion = self._complete(index, stream, reason)
                last = len(stream.done) == stream.request.sampling.n
                result = self._result(stream) if last else None
                stream.put(self._chunk(stream.request, index, None, completion, result))
        stream.put(None)

    def _loop(self) -> None:
        while self.status == "ok":
            self._work.wait()
            self._gate.wait()
            with self._lock:
                streams = list(self._running.values())
                if not streams:
                    self._work.clear()
                else:  # as the engine does: observers hear of a step before callers do
                    self._observe_step([stream.request.request_id for stream in streams])
                for stream in streams:
                    self._advance(stream)

    def _advance(self, stream: FakeStream) -> None:
        request = stream.request
        for index in range(request.sampling.n):
            if index in stream.done:
                continue
            token = len(stream.sent[index])
            stream.sent[index].append(token)
            finish = self._finish_reason(stream.sent[index], request)
            completion = self._complete(index, stream, finish) if finish else None
            last = len(stream.done) == request.sampling.n
            stream.put(self._chunk(request, index, token, completion, self._result(stream) if last else None))
        if len(stream.done) == request.sampling.n:
            self._running.pop(request.request_id)
            stream.put(None)

    def _finish_reason(self, sent: list[int], request: Request) -> FinishReason | None:
        if len(sent) == len(self.reply):
            return FinishReason.STOP
        return FinishReason.LENGTH if len(sent) == request.sampling.max_new_tokens else None

    def _complete(self, index: int, stream: FakeStream, finish: FinishReason) -> Completion:
        ids = stream.sent[index]
        stats = SpeculationStats(
            llm_steps=len(ids),
            draft_steps=len(ids),
            generated_tokens=len(ids),
            drafted_tokens=2 * len(ids),
            accepted_tokens=len(ids),
            accepted_per_depth=(len(ids),),
        )
        logprobs = None
        if stream.request.sampling.logprobs is not None:
            logprobs = tuple(self._logprob(token) for token in ids)
        stream.done[index] = Completion(
            index=index,
            text="".join(self.reply[token] for token in ids),
            token_ids=tuple(ids),
            finish_reason=finish,
            logprobs=logprobs,
            speculation=stats,
            timings=Timings(queued_s=0.01, first_token_s=0.02, total_s=0.1),
        )
        return stream.done[index]

    def _logprob(self, token: int) -> TokenLogprob:
        return TokenLogprob(
            token, self.reply[token], -0.5, ((token, self.reply[token], -0.5), (99, "é", -1.5))
        )

    def _chunk(
        self,
        request: Request,
        index: int,
        token: int | None,
        completion: Completion | None,
        result: RequestResult | None,
    ) -> Chunk:
        return Chunk(
            request_id=request.request_id,
            index=index,
            text="" if token is None else self.reply[token],
            token_ids=() if token is None else (token,),
            logprobs=None if token is None or request.sampling.logprobs is None else (self._logprob(token),),
            completion=completion,
            result=result,
        )

    def _result(self, stream: FakeStream) -> RequestResult:
        request = stream.request
        result = RequestResult(
            request_id=request.request_id,
            prompt=request.prompt,
            prompt_token_ids=request.prompt_token_ids,
            seed=request.sampling.seed or 0,
            choices=tuple(stream.done[index] for index in range(request.sampling.n)),
        )
        for choice in result.choices:
            self._finished[choice.finish_reason] = self._finished.get(choice.finish_reason, 0) + 1
        for observer in self._observers:
            observer.on_request(result)
        return result

    def _observe_step(self, request_ids: list[str]) -> None:
        step = next(self._steps)
        given = {
            "step": step,
            "time_s": step * 0.01,
            "request_ids": tuple(request_ids),
            "rows": len(request_ids),
        }
        names = StepRecord.__dataclass_fields__
        zeros = {name: () if name == "accepted_per_depth" else 0 for name in names if name not in given}
        record = StepRecord(**given, **zeros)  # type: ignore[arg-type]
        for observer in self._observers:
            observer.on_step(record)
