"""One long-running thread owns the engine; any number of callers share it.

Callers put requests into a bounded inbox and read streams; the thread takes in requests and aborts between steps.
A step that raises fails what is in flight, and the engine goes on with an empty batch. Knows nothing of HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from typing import Any, Literal, Protocol, TypeVar

from flexserve_core.engine.engine import Engine, StepOutput
from flexserve_core.engine.stats import EngineStats, StatsCounter
from flexserve_core.engine.stream import RequestStream
from flexserve_core.engine.trace import Trace
from flexserve_core.errors import EngineStoppedError, InvalidRequestError, QueueFullError
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.structure.grammar import Grammars
from flexserve_core.types import (
    Chunk,
    EngineInfo,
    Health,
    Limits,
    Request,
    RequestResult,
    SamplingParams,
    StepRecord,
)
from flexserve_core.validate import build_request

_log = logging.getLogger(__name__)
_News = TypeVar("_News")


class EngineObserver(Protocol):
    """Told of steps and finished requests, on the engine thread: be quick."""

    def on_step(self, record: StepRecord) -> None: ...

    def on_request(self, result: RequestResult) -> None: ...


class EngineServer:
    """Start, submit, stop, start again. `info` says what runs here."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        info: EngineInfo,
        max_queued_requests: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self._engine = engine
        self._grammars = Grammars(tokenizer, info.limits.vocab_size)
        self._clock = clock  # seconds; arrivals and timeouts are on it
        self._max_queued = max_queued_requests
        self._observers: list[EngineObserver] = []
        self._counter = StatsCounter()
        self._changed = threading.Condition()  # guards everything below
        self._thread: threading.Thread | None = None
        self._state: Literal["stopped", "running", "draining", "stopping"] = "stopped"
        self._inbox: list[tuple[Request, float]] = []
        self._aborts: list[str] = []
        self._streams: dict[str, RequestStream] = {}
        self._failures = 0
        self._last_error: str | None = None

    @property
    def limits(self) -> Limits:
        return self.info.limits

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; nothing happens when it runs already. ConfigurationError: FLEXSERVE_TRACE is unusable."""
        with self._changed:
            if self._state == "running":
                return
            if self._state != "stopped":
                raise EngineStoppedError("the engine is just being stopped")
            trace = Trace.from_environment()
            self._state = "running"
            self._thread = threading.Thread(
                target=self._loop, args=(trace,), name="flexserve-engine", daemon=True
            )
            self._thread.start()

    def stop(self, drain: bool = False) -> None:
        """Stop the thread. drain: finish what is in flight first; otherwise it is aborted. Idempotent."""
        with self._changed:
            thread = self._thread
            if thread is None:
                return
            self._state = "draining" if drain else "stopping"
            self._changed.notify_all()
        if thread is not threading.current_thread():
            thread.join()

    def __enter__(self) -> EngineServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- callers -----------------------------------------------------------------------------------------------

    def make_request(
        self,
        *,
        prompt: str | None = None,
        prompt_token_ids: Many[int] | None = None,
        messages: Many[Mapping[str, Any]] | None = None,
        sampling: SamplingParams | None = None,
        request_id: str | None = None,
        **fields: Any,
    ) -> Request:
        """A validated request from exactly one of prompt, prompt_token_ids, messages.

        Sampling comes as `sampling` or as keywords (temperature=0, stop=["x"], …). Raises InvalidRequestError. With
        `structured` it compiles the constraint in the caller's thread: milliseconds, for hostile ones seconds.
        """
        return build_request(
            self.tokenizer,
            self.limits,
            self._grammars,
            prompt=prompt,
            prompt_token_ids=prompt_token_ids,
            messages=messages,
            sampling=sampling,
            request_id=request_id,
            fields=fields,
        )

    def submit(self, request: Request) -> RequestStream:
        """Queue a request. Raises EngineStoppedError, QueueFullError, InvalidRequestError (a request id in use)."""
        with self._changed:
            if self._state != "running":
                raise EngineStoppedError()
            if request.request_id in self._streams:
                raise InvalidRequestError(
                    "request_id", request.request_id, "a request with this id is in flight", "Use another id."
                )
            queued = self._queued()
            if queued + request.sampling.n > self._max_queued:
                raise QueueFullError(queued)
            stream = RequestStream(request.request_id, self.abort)
            self._streams[request.request_id] = stream
            self._inbox.append((request, self._clock()))
            self._changed.notify_all()
            return stream

    def abort(self, request_id: str) -> None:
        """End a request within a step; unknown or finished ids are ignored."""
        with self._changed:
            if request_id in self._streams:
                self._aborts.append(request_id)
                self._changed.notify_all()

    def apply_chat_template(self, messages: Many[Mapping[str, Any]]) -> str:
        """The raw prompt text a conversation becomes, for display."""
        return self.tokenizer.render_chat(messages)

    def add_observer(self, observer: EngineObserver) -> None:
        with self._changed:
            self._observers = [*self._observers, observer]

    def remove_observer(self, observer: EngineObserver) -> None:
        with self._changed:
            self._observers = [other for other in self._observers if other is not observer]

    def health(self) -> Health:
        with self._changed:
            alive = self._thread is not None and self._thread.is_alive()
            return Health(
                status="ok" if self._state == "running" and alive else "stopped",
                running=self._engine.num_running,
                waiting=self._queued(),
                restarts=self._failures,
                last_error=self._last_error,
            )

    def stats(self) -> EngineStats:
        with self._changed:
            queued = self._queued()
        return self._counter.snapshot(self._engine.num_running, queued, self._engine.kv_usage)

    def _queued(self) -> int:
        return self._engine.num_waiting + sum(request.sampling.n for request, _ in self._inbox)

    # -- the engine thread -------------------------------------------------------------------------------------

    def _loop(self, trace: Trace | None) -> None:
        try:
            while self._take_in():
                self._step(trace)
        finally:
            if trace is not None:
                trace.close()
            self._end_all()

    def _end_all(self) -> None:
        """The thread ends, in order or not: nobody may wait for it any longer."""
        with self._changed:
            self._state, self._thread = "stopped", None
            inbox, self._inbox, self._aborts = self._inbox, [], []
        for request, arrival_s in inbox:
            self._engine.add(request, arrival_s)
        self._deliver(self._engine.fail_all("the engine thread ended"))

    def _take_in(self) -> bool:
        """Wait for work, take requests and aborts; False when the thread should end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._inbox or self._aborts or self._engine.has_work() or self._state != "running"
            )
            inbox, self._inbox = self._inbox, []
            aborts, self._aborts = self._aborts, []
            state = self._state
        for request, arrival_s in inbox:
            self._engine.add(request, arrival_s)
        if state == "stopping":
            with self._changed:
                aborts = list(self._streams)
        for request_id in aborts:
            self._deliver(self._engine.abort(request_id))
        self._deliver(self._engine.end_overdue(self._clock()))
        return state == "running" or (state == "draining" and self._engine.has_work())

    def _step(self, trace: Trace | None) -> None:
        try:
            output = self._engine.step()
        except Exception as error:  # a failing model must not end the service
            _log.exception("an engine step failed; the requests that ran are ended")
            message = f"{type(error).__name__}: {error}"
            with self._changed:
                self._failures += 1
                self._last_error = message
            self._deliver(self._engine.fail_step(message))
            return
        if output is not None:
            self._publish(output, trace)

    def _publish(self, output: StepOutput, trace: Trace | None) -> None:
        self._counter.add_step(output.record, output.drafts)
        for observer in self._observers:
            _tell(observer.on_step, output.record)
        if trace is not None:
            trace.write(output.record)
        self._deliver(output.chunks)

    def _deliver(self, chunks: Many[Chunk]) -> None:
        for chunk in chunks:
            with self._changed:
                stream = self._streams[chunk.request_id]
                if chunk.result is not None:
                    del self._streams[chunk.request_id]
            if chunk.result is not None:
                self._counter.add_result(chunk.result)
                for observer in self._observers:
                    _tell(observer.on_request, chunk.result)
            stream.put(chunk)


def _tell(listener: Callable[[_News], None], news: _News) -> None:
    """An observer's failure is its own."""
    try:
        listener(news)
    except Exception:
        _log.exception("an observer failed")
