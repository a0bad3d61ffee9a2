"""A real engine with the demo model, a loopback server, and a scripted engine.

The scripted one does what a real one cannot do on demand: fall silent, be full, count its closes.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from flexserve_apps.http import create_app

from flexserve_core import EngineConfig, build_server
from flexserve_core.errors import QueueFullError
from flexserve_core.types import (
    Chunk,
    Completion,
    FinishReason,
    Request,
    RequestResult,
    SamplingParams,
    SpeculationStats,
    TokenLogprob,
)

from ..apps.live import serve_live


class ScriptedStream:
    """Gives `words` one chunk each, then the end; with `silent_after`, stops after so many and never ends."""

    def __init__(self, request: Request, words: tuple[str, ...], silent_after: int | None) -> None:
        self.request = request
        self.closed = False
        self._chunks: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        for chunk in list(_chunks(request, words))[:silent_after]:
            self._chunks.put(chunk)
        self._ended = False

    def next(self, timeout_s: float | None = None) -> Chunk | None:
        if self._ended or self.closed:
            raise StopIteration
        try:
            chunk = self._chunks.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._ended = chunk.result is not None
        return chunk

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while not (self._ended or self.closed):
            try:
                chunk = self._chunks.get_nowait()
            except queue.Empty:
                await asyncio.sleep(3600)  # silence; the reader's own time-out or cancellation ends it
                return
            self._ended = chunk.result is not None
            yield chunk

    def close(self) -> None:
        self.closed = True


@dataclass
class ScriptedServer:
    """The part of `EngineServer` that front ends use. Records what it is given."""

    words: tuple[str, ...] = ("Hello", " there", ".")
    silent_after: int | None = None
    full: int = 0  # how many submissions are refused first
    requests: list[dict[str, Any]] = field(default_factory=list)
    streams: list[ScriptedStream] = field(default_factory=list)
    info: Any = field(default_factory=lambda: SimpleNamespace(model="scripted", has_chat_template=True))

    def make_request(self, **given: Any) -> Request:
        self.requests.append(given)
        source = {"prompt", "messages", "prompt_token_ids"}
        fields = {name: value for name, value in given.items() if name not in source}
        sampling = SamplingParams(**{"seed": 11, **fields})
        return Request(request_id=f"r{len(self.requests)}", prompt_token_ids=(1, 2, 3), sampling=sampling)

    def submit(self, request: Request) -> ScriptedStream:
        if self.full:
            self.full -= 1
            raise QueueFullError(waiting=9, retry_after_s=0)
        self.streams.append(ScriptedStream(request, self.words, self.silent_after))
        return self.streams[-1]


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """The demo model with its SSM, running."""
    with build_server(EngineConfig(model="demo")) as server:
        yield server


@pytest.fixture(scope="session")
def service_url(engine: Any) -> Iterator[str]:
    """The engine behind the HTTP API, on a loopback port."""
    with serve_live(create_app(engine, page=False), engine) as url:
        yield f"{url}/v1"


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves an application on a loopback port until the test ends; gives its URL."""
    with ExitStack() as stack:
        yield lambda app, engine: stack.enter_context(serve_live(app, engine))


@pytest.fixture
def scripted() -> Callable[..., ScriptedServer]:
    return ScriptedServer


def _chunks(request: Request, words: tuple[str, ...]) -> Iterator[Chunk]:
    token_ids = tuple(range(10, 10 + len(words)))
    stats = SpeculationStats(
        llm_steps=2, generated_tokens=len(words), draft_steps=1, drafted_tokens=4, accepted_tokens=1
    )
    wants_logprobs = request.sampling.logprobs is not None
    for position, word in enumerate(words):
        last = position == len(words) - 1
        completion = Completion(
            index=0,
            text="".join(words),
            token_ids=token_ids,
            finish_reason=FinishReason.STOP,
            speculation=stats,
        )
        result = RequestResult(
            request_id=request.request_id,
            prompt=None,
            prompt_token_ids=request.prompt_token_ids,
            seed=request.sampling.seed or 0,
            choices=(completion,),
        )
        yield Chunk(
            request_id=request.request_id,
            index=0,
            text=word,
            token_ids=(token_ids[position],),
            logprobs=(TokenLogprob(token_ids[position], word, -0.5),) if wants_logprobs else None,
            completion=completion if last else None,
            result=result if last else None,
        )
