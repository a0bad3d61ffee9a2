"""An engine in this process: calls go straight to a running `EngineServer`.

Knows nothing of LangChain or HTTP. The engine validates every call (`make_request`); here is only the
translation of its chunks and the waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from flexserve_core import (
    Chunk,
    ConfigurationError,
    EngineStoppedError,
    InvalidRequestError,
    QueueFullError,
    RequestResult,
    TokenLogprob,
)
from langchain_flexserve.transport import Call, End, Piece


class InProcess:
    """The transport to a running `EngineServer`, or to an `ff.LLM` whose server is running.

    `timeout_s` is the longest silence of a stream that is borne; then the request is aborted and
    `TimeoutError` raised. A full queue is tried again up to `max_retries` times.
    """

    def __init__(self, owner: Any, *, timeout_s: float | None = None, max_retries: int = 2) -> None:
        self._owner = owner
        self._timeout_s = timeout_s
        self._max_retries = max_retries

    def open(self, call: Call) -> InProcessAnswer:
        server, request = self._request(call)
        for _ in range(self._max_retries):
            try:
                return InProcessAnswer(server.submit(request), server.info.model, self._timeout_s)
            except QueueFullError as full:
                time.sleep(full.retry_after_s)
        return InProcessAnswer(server.submit(request), server.info.model, self._timeout_s)

    async def aopen(self, call: Call) -> InProcessAnswer:
        server, request = await asyncio.to_thread(self._request, call)  # a schema takes time to compile
        for _ in range(self._max_retries):
            try:
                return InProcessAnswer(server.submit(request), server.info.model, self._timeout_s)
            except QueueFullError as full:
                await asyncio.sleep(full.retry_after_s)
        return InProcessAnswer(server.submit(request), server.info.model, self._timeout_s)

    def _request(self, call: Call) -> tuple[Any, Any]:
        server = engine_of(self._owner)
        if call.model is not None and call.model != server.info.model:
            limit = f"this engine serves {server.info.model!r}"
            raise InvalidRequestError("model", call.model, limit, "Leave model out, or name that one.")
        return server, server.make_request(prompt=call.prompt, messages=call.messages, **call.sampling)


class InProcessAnswer:
    """An answer read from the engine's own stream, on a thread or on an event loop."""

    def __init__(self, stream: Any, model: str, timeout_s: float | None) -> None:
        self._stream = stream
        self._model = model
        self._timeout_s = timeout_s

    def __iter__(self) -> Iterator[Piece]:
        while True:
            try:
                chunk = self._stream.next(timeout_s=self._timeout_s)
            except StopIteration:
                return
            if chunk is None:
                self.close()
                raise _silent(self._timeout_s)
            yield _piece(chunk, self._model)

    async def __aiter__(self) -> AsyncIterator[Piece]:
        chunks = aiter(self._stream)
        while True:
            try:
                chunk = await asyncio.wait_for(anext(chunks), self._timeout_s)
            except StopAsyncIteration:
                return
            except asyncio.TimeoutError:
                self.close()
                raise _silent(self._timeout_s) from None
            yield _piece(chunk, self._model)

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        self._stream.close()


def engine_of(owner: Any) -> Any:
    """The `EngineServer` behind `owner`: itself, or the `.server` of an `ff.LLM`."""
    server = getattr(owner, "server", owner)
    if server is None:
        raise EngineStoppedError("this LLM has no running server")
    if not (hasattr(server, "make_request") and hasattr(server, "submit")):
        raise ConfigurationError(
            "server",
            type(owner).__name__,
            "it is a flexserve_core EngineServer, or an ff.LLM that has been started",
            "Pass one of these, or base_url= for a service on the network.",
        )
    return server


def _silent(timeout_s: float | None) -> TimeoutError:
    return TimeoutError(f"the engine gave no token for timeout = {timeout_s} s; the request was aborted")


def _piece(chunk: Chunk, model: str) -> Piece:
    logprobs = tuple(_logprob(item) for item in chunk.logprobs or ())
    return Piece(text=chunk.text, logprobs=logprobs, end=_end(chunk.result, model) if chunk.result else None)


def _logprob(item: TokenLogprob) -> Mapping[str, Any]:
    top = [{"token": text, "logprob": logprob} for _, text, logprob in item.top]
    return {"token": item.text, "logprob": item.logprob, "top_logprobs": top}


def _end(result: RequestResult, model: str) -> End:
    choice = result.choices[0]
    counters = choice.speculation
    return End(
        finish_reason=choice.finish_reason.value,
        prompt_tokens=len(result.prompt_token_ids),
        completion_tokens=len(choice.token_ids),
        model=model,
        request_id=result.request_id,
        seed=result.seed,
        stop_reason=choice.stop_reason,
        speculation={
            "llm_steps": counters.llm_steps,
            "tokens_per_step": counters.tokens_per_step,
            "draft_steps": counters.draft_steps,
            "drafted_tokens": counters.drafted_tokens,
            "accepted_tokens": counters.accepted_tokens,
        },
    )
