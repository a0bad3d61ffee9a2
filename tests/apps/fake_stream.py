"""The scripted engine's side of a stream: `RequestStream`'s face, for a thread or an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

from flexserve_core.types import Chunk, Completion, Request, RequestResult

if TYPE_CHECKING:
    from .fake_server import FakeServer


class FakeStream:
    """One request's chunks, for a thread or for an event loop."""

    def __init__(self, server: FakeServer, request: Request) -> None:
        self.request = request
        self.sent: list[list[int]] = [[] for _ in range(request.sampling.n)]
        self.done: dict[int, Completion] = {}
        self.closed = False
        self._server = server
        self._items: deque[Chunk | Exception | None] = deque()
        self._changed = threading.Condition()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def put(self, item: Chunk | Exception | None) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()
            for loop, event in self._waiters:
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        self._server.abort(self.request.request_id)

    def __iter__(self) -> FakeStream:
        return self

    def __next__(self) -> Chunk:
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            return _unwrap(self._items.popleft(), StopIteration())

    def __aiter__(self) -> FakeStream:
        return self

    async def __anext__(self) -> Chunk:
        event = asyncio.Event()
        with self._changed:
            if not self._items:
                self._waiters.append((asyncio.get_running_loop(), event))
            else:
                event.set()
        await event.wait()
        with self._changed:
            self._waiters = [waiter for waiter in self._waiters if waiter[1] is not event]
            return _unwrap(self._items.popleft(), StopAsyncIteration())

    def result(self) -> RequestResult:
        return [chunk.result for chunk in self][-1]  # type: ignore[return-value]

    async def aresult(self) -> RequestResult:
        return [chunk.result async for chunk in self][-1]  # type: ignore[return-value]


def _unwrap(item: Chunk | Exception | None, end: Exception) -> Chunk:
    if item is None:
        raise end
    if isinstance(item, Exception):
        raise item
    return item
