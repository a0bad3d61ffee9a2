"""A request's stream of chunks: filled by the engine thread, read by one caller, blocking or on an event loop.

Knows nothing of the engine but how to close. One reader at a time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from flexserve_core.errors import failure
from flexserve_core.types import Chunk, FinishReason, RequestResult


class RequestStream:
    """Iterate (`for` or `async for`) over chunks, or ask for the `result`. Closing aborts the request."""

    def __init__(self, request_id: str, close: Callable[[str], None]) -> None:
        self.request_id = request_id
        self._close = close
        self._chunks: deque[Chunk] = deque()
        self._changed = threading.Condition()
        self._wake: Callable[[], None] | None = None
        self._result: RequestResult | None = None
        self._read_all = False

    # -- the engine's side -------------------------------------------------------------------------------------

    def put(self, chunk: Chunk) -> None:
        """Called on the engine thread."""
        with self._changed:
            self._chunks.append(chunk)
            self._changed.notify()
            wake = self._wake
        if wake is not None:
            wake()

    # -- the caller's side -------------------------------------------------------------------------------------

    def next(self, timeout_s: float | None = None) -> Chunk | None:
        """The next chunk; None when `timeout_s` passed without one. StopIteration after the last.

        Raises EngineFailedError when the engine failed on this request, StructuredOutputError when its grammar did."""
        with self._changed:
            if not self._read_all:
                self._changed.wait_for(lambda: self._chunks, timeout_s)
            return self._pop()

    def _pop(self) -> Chunk | None:
        if self._read_all:
            raise StopIteration
        if not self._chunks:
            return None
        chunk = self._chunks.popleft()
        if chunk.result is not None:
            self._read_all = True
            self._result = chunk.result
            if any(choice.finish_reason is FinishReason.ERROR for choice in chunk.result.choices):
                raise failure(self.request_id, chunk.result.error)
        return chunk

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            try:
                chunk = self.next()
            except StopIteration:
                return
            assert chunk is not None
            yield chunk

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        with self._changed:
            self._wake = lambda: _call_soon(loop, arrived.set)
        try:
            while True:
                arrived.clear()
                try:
                    with self._changed:
                        chunk = self._pop()
                except StopIteration:
                    return
                if chunk is None:
                    await arrived.wait()
                else:
                    yield chunk
        finally:
            with self._changed:
                self._wake = None

    def result(self) -> RequestResult:
        """Read to the end; the whole result."""
        for _ in self:
            pass
        assert self._result is not None
        return self._result

    async def aresult(self) -> RequestResult:
        """As `result`, on the running event loop."""
        async for _ in self:
            pass
        assert self._result is not None
        return self._result

    def close(self) -> None:
        """Abort unless finished; the slot is free within a step. Idempotent."""
        if not self._read_all:
            self._close(self.request_id)


def _call_soon(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    """A reader whose loop has ended is no longer listening."""
    try:
        loop.call_soon_threadsafe(action)
    except RuntimeError:
        assert loop.is_closed()
