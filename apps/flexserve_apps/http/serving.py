"""The one way of an answer: submit, then whole as JSON or streamed as events, aborted when the client leaves.

Shared by the chat, completions and generate routes. Knows nothing of the bodies' fields.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from flexserve_apps.http.answers import Answer
from flexserve_apps.http.errors import ApiError, to_api_error
from flexserve_apps.http.job import Job, check
from flexserve_apps.http.stream import EventStream, sse, until_disconnect
from flexserve_core import FlexServeError, RequestResult

if TYPE_CHECKING:
    from flexserve_core import EngineServer

logger = logging.getLogger("flexserve_apps.http")
CLIENT_GONE = 499  # as nginx calls it; nobody reads it


def engine_of(http: Request) -> EngineServer:
    """The engine behind the application."""
    return http.app.state.server


def check_model(server: EngineServer, model: str | None) -> None:
    """Raise a 404 when the body names a model that is not served here; no name means the one that is."""
    served = served_model(server)
    if model not in (None, served, server.info.model):
        message = f"model = {model!r} is not served here. This server has {served!r}; see /v1/models."
        raise ApiError(404, message, param="model", code="model_not_found")


def served_model(server: EngineServer) -> str:
    """The model's public name: a hub id as it is, of a local folder its last part alone."""
    name = server.info.model
    local = name.startswith(("/", ".", "~")) or "\\" in name
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] if local else name


async def results_of(http: Request, job: Job) -> tuple[RequestResult, ...] | None:
    """The job's results; None when the client left, after the job was aborted."""
    try:
        return await until_disconnect(http.receive, job.results())
    except ClientDisconnect:
        return None
    finally:
        job.close()


async def whole(http: Request, job: Job, answer: Answer) -> Response:
    results = await results_of(http, job)
    if results is None:
        return Response(status_code=CLIENT_GONE)
    return JSONResponse(answer.whole(results))


def streamed(job: Job, answer: Answer, include_usage: bool) -> Response:
    return EventStream(_events(job, answer, include_usage), job.close)


async def _events(job: Job, answer: Answer, include_usage: bool) -> AsyncGenerator[bytes, None]:
    """The whole stream; what fails once the status is sent becomes an error event."""
    no_usage: dict[str, Any] = {"usage": None} if include_usage else {}
    results: list[RequestResult] = []
    try:
        for choice in answer.opening_choices():
            yield sse(answer.envelope([choice], chunk=True) | no_usage)
        async with aclosing(job.chunks()) as chunks:
            async for prompt_index, chunk in chunks:
                if chunk.result is not None:
                    check(chunk.result)
                    results.append(chunk.result)
                if chunk.text or chunk.logprobs or chunk.completion:
                    choice = answer.chunk_choice(answer.index_of(prompt_index, chunk.index), chunk)
                    yield sse(answer.envelope([choice], chunk=True) | no_usage)
        if include_usage:
            yield sse(answer.usage_chunk(results))
    except Exception as error:
        if not isinstance(error, (FlexServeError, ApiError)):
            logger.exception("%s: the stream broke", answer.answer_id)
        yield sse(to_api_error(error).body())
    yield sse("[DONE]")
