"""The seam between the LangChain classes and an engine: one call goes in, pieces of text come out.

Two implementations exist, `in_process.InProcess` and `service.Service`. Neither knows LangChain; the
classes know only this module. A call is *submitted when `open` returns*, so a caller that opens many
answers before reading any of them has all of them in the engine's batch at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flexserve_core import FlexServeError


class ServiceError(FlexServeError):
    """A FlexServe service refused a call, could not be reached, or broke off.

    `status` is the HTTP code (None when there was no answer), `param` the field that was refused, when named.
    """

    def __init__(self, message: str, *, status: int | None = None, param: str | None = None) -> None:
        self.status = status
        self.param = param
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: either `prompt` or `messages` (role/content dictionaries), and how to sample.

    `sampling` has the names of `flexserve_core.types.SamplingParams`; what is absent keeps the engine's
    default.
    """

    prompt: str | None = None
    messages: tuple[Mapping[str, str], ...] | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is known when an answer has ended; the optional parts depend on the service.

    `speculation` has draft_steps, drafted_tokens and accepted_tokens; in process also llm_steps and
    tokens_per_step.
    """

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    model: str
    request_id: str | None = None
    seed: int | None = None
    stop_reason: int | str | None = None
    speculation: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an answer. `logprobs` are in OpenAI's chat form; the last piece carries `end`."""

    text: str = ""
    logprobs: tuple[Mapping[str, Any], ...] = ()
    end: End | None = None


class Answer(Protocol):
    """A submitted call. Closing it before its end aborts the request; closing twice is harmless."""

    def __iter__(self) -> Iterator[Piece]: ...

    def close(self) -> None: ...


class AsyncAnswer(Protocol):
    """As `Answer`, on the running event loop."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    async def aclose(self) -> None: ...


class Transport(Protocol):
    """A way to an engine."""

    def open(self, call: Call) -> Answer: ...

    async def aopen(self, call: Call) -> AsyncAnswer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A whole answer."""

    text: str
    logprobs: tuple[Mapping[str, Any], ...]
    end: End


def join(pieces: Iterable[Piece]) -> Finished:
    """Put the pieces of one answer together; a `ServiceError` when its end is missing."""
    pieces = tuple(pieces)
    end = next((piece.end for piece in pieces if piece.end), None)
    if end is None:
        raise ServiceError("the answer broke off before its end")
    logprobs = tuple(item for piece in pieces for item in piece.logprobs)
    return Finished(text="".join(piece.text for piece in pieces), logprobs=logprobs, end=end)


async def ajoin(pieces: AsyncIterable[Piece]) -> Finished:
    """As `join`, for an async answer."""
    return join([piece async for piece in pieces])
