"""One HTTP call's requests in the engine: submitted together, read together, closed together.

A completions call with many prompts is many engine requests, which then share batches. Knows nothing of
wire formats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync

from flexserve_apps.http.errors import ApiError, to_api_error
from flexserve_apps.http.schemas import SamplingFields
from flexserve_core import Chunk, FinishReason, FlexServeError, Request, RequestResult

if TYPE_CHECKING:
    from flexserve_core import EngineServer

logger = logging.getLogger("flexserve_apps.http")


@dataclass(frozen=True, slots=True)
class Job:
    """The streams of one call, in the order of its prompts."""

    requests: tuple[Request, ...]
    streams: tuple[Any, ...]

    @staticmethod
    async def submit(
        server: EngineServer, job_id: str, prompts: Sequence[dict[str, Any]], body: SamplingFields
    ) -> Job:
        """Validate every prompt, then submit them all, or none.

        `prompts`: the keywords that name a prompt to `make_request`. Raises ApiError with the client's names.
        """
        sampling = body.sampling()

        def make() -> tuple[Request, ...]:
            ids = [job_id] if len(prompts) == 1 else [f"{job_id}-{index}" for index in range(len(prompts))]
            return tuple(
                server.make_request(request_id=one, **prompt, **sampling)
                for one, prompt in zip(ids, prompts, strict=True)
            )

        try:
            requests = await run_sync(make)  # tokenizing a long prompt must not hold up the others' streams
            job = Job(requests, _submit_all(server, requests))
        except FlexServeError as error:
            raise to_api_error(error, body.wire_name) from error
        size = sum(len(request.prompt_token_ids) for request in requests)
        logger.info("%s: %d prompt(s), %d tokens, user=%r", job_id, len(requests), size, body.user)
        return job

    async def results(self) -> tuple[RequestResult, ...]:
        """All results, in prompt order. Raises EngineFailedError, or ApiError for an error of its own."""
        results = [await stream.aresult() for stream in self.streams]
        for result in results:
            check(result)
        return tuple(results)

    async def chunks(self) -> AsyncGenerator[tuple[int, Chunk], None]:
        """(prompt index, chunk) in the order of arrival. Raises what the engine raises."""
        queue: asyncio.Queue[tuple[int, Chunk] | Exception | None] = asyncio.Queue()
        readers = [
            asyncio.create_task(_read(index, stream, queue)) for index, stream in enumerate(self.streams)
        ]
        try:
            open_streams = len(readers)
            while open_streams:
                item = await queue.get()
                if item is None:
                    open_streams -= 1
                elif isinstance(item, Exception):
                    raise item
                else:
                    yield item
        finally:
            for reader in readers:
                reader.cancel()
            self.close()

    def close(self) -> None:
        """Abort what still runs; idempotent."""
        for stream in self.streams:
            stream.close()


def check(result: RequestResult) -> None:
    """Raise ApiError when the engine gave the request up."""
    if result.error is not None or any(one.finish_reason is FinishReason.ERROR for one in result.choices):
        raise ApiError(500, f"The engine failed on this request: {result.error}", code="engine_error")


def _submit_all(server: EngineServer, requests: Sequence[Request]) -> tuple[Any, ...]:
    streams: list[Any] = []
    try:
        for request in requests:
            streams.append(server.submit(request))
    except Exception:
        for stream in streams:
            stream.close()
        raise
    return tuple(streams)


async def _read(index: int, stream: Any, queue: asyncio.Queue[Any]) -> None:
    try:
        async for chunk in stream:
            queue.put_nowait((index, chunk))
    except Exception as error:
        queue.put_nowait(error)
    else:
        queue.put_nowait(None)
