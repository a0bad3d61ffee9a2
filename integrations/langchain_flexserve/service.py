"""An engine behind a URL: calls go to an OpenAI-compatible service and come back as server-sent events.

Knows nothing of LangChain. Works against any such service; the seed and the speculation counters are there
when it is FlexServe's own. What to send, when to try again and when to give up is written once, as a
generator of steps (the form of httpx's auth flows); the sync and the async side only carry the steps out.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import httpx

from langchain_flexserve.transport import Call, Piece, ServiceError
from langchain_flexserve.wire import EventParser, error_text, first_model, payload

_BUSY = (429, 503)  # worth another try
_LONGEST_WAIT_S = 30.0  # the most that a Retry-After is believed
_NO_LIMIT = httpx.Limits(max_connections=None)  # a batch holds one open stream per prompt

Outcome: TypeAlias = "httpx.Response | httpx.TransportError"
Steps: TypeAlias = "Generator[httpx.Request | float, Outcome, httpx.Response]"  # a float: seconds to wait


class Service:
    """The transport to `base_url`, e.g. http://127.0.0.1:8000/v1.

    `timeout_s` bounds connecting and every silence of a stream; None waits for ever. A service that cannot be
    reached or is busy (429, 503) is tried again up to `max_retries` times, after the time it names.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        max_retries: int = 2,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._model: str | None = None  # asked of the service once, when a call names none

    def open(self, call: Call) -> ServiceAnswer:
        client = httpx.Client(timeout=self._timeout_s, limits=_NO_LIMIT, verify=_tls())
        try:
            return ServiceAnswer(client, _carry_out(client, self._opening(call)), self._timeout_s)
        except BaseException:
            client.close()
            raise

    async def aopen(self, call: Call) -> AsyncServiceAnswer:
        client = httpx.AsyncClient(timeout=self._timeout_s, limits=_NO_LIMIT, verify=_tls())
        try:
            return AsyncServiceAnswer(client, await _acarry_out(client, self._opening(call)), self._timeout_s)
        except BaseException:
            await client.aclose()
            raise

    def _opening(self, call: Call) -> Steps:
        model = call.model or self._model
        if model is None:
            models = yield from self._exchange("GET", "/models")
            model = self._model = first_model(models.content)
        path = "/completions" if call.messages is None else "/chat/completions"
        return (yield from self._exchange("POST", path, payload(call, model)))

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None = None) -> Steps:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        timeout = httpx.Timeout(self._timeout_s).as_dict()
        request = httpx.Request(
            method, self._base_url + path, json=body, headers=headers, extensions={"timeout": timeout}
        )
        for attempt in range(self._max_retries + 1):
            outcome = yield request
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return outcome
            if attempt == self._max_retries or not _may_pass(outcome):
                raise self._refusal(outcome)
            yield _wait_s(outcome, attempt)
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, outcome: Outcome) -> Exception:
        if isinstance(outcome, httpx.TimeoutException):
            return _silent(self._timeout_s)
        if isinstance(outcome, httpx.TransportError):
            remedy = "Is the server running (flexserve serve), and is base_url right?"
            return ServiceError(f"cannot reach {self._base_url}: {outcome}. {remedy}")
        message, param = error_text(outcome.content)
        return ServiceError(f"HTTP {outcome.status_code}: {message}", status=outcome.status_code, param=param)


def _carry_out(client: httpx.Client, steps: Steps) -> httpx.Response:
    try:
        step = next(steps)
        while True:
            if not isinstance(step, httpx.Request):
                time.sleep(step)
                step = next(steps)
                continue
            try:
                outcome: Outcome = client.send(step, stream=True)
                if not _is_stream(outcome):
                    outcome.read()
            except httpx.TransportError as error:
                outcome = error
            step = steps.send(outcome)
    except StopIteration as done:
        return done.value


async def _acarry_out(client: httpx.AsyncClient, steps: Steps) -> httpx.Response:
    try:
        step = next(steps)
        while True:
            if not isinstance(step, httpx.Request):
                await asyncio.sleep(step)
                step = next(steps)
                continue
            try:
                outcome: Outcome = await client.send(step, stream=True)
                if not _is_stream(outcome):
                    await outcome.aread()
            except httpx.TransportError as error:
                outcome = error
            step = steps.send(outcome)
    except StopIteration as done:
        return done.value


class ServiceAnswer:
    """An answer read from a response. Closing the connection makes the service abort what is left."""

    def __init__(self, client: httpx.Client, response: httpx.Response, timeout_s: float | None) -> None:
        self._client = client
        self._response = response
        self._timeout_s = timeout_s

    def __iter__(self) -> Iterator[Piece]:
        parser = EventParser()
        try:
            for line in self._response.iter_lines():
                yield from parser.feed(line)
        except httpx.TransportError as error:
            raise _broken(error, self._timeout_s) from error
        yield parser.finish()

    def close(self) -> None:
        self._response.close()
        self._client.close()


class AsyncServiceAnswer:
    """As `ServiceAnswer`, on the running event loop."""

    def __init__(self, client: httpx.AsyncClient, response: httpx.Response, timeout_s: float | None) -> None:
        self._client = client
        self._response = response
        self._timeout_s = timeout_s

    async def __aiter__(self) -> AsyncIterator[Piece]:
        parser = EventParser()
        try:
            async for line in self._response.aiter_lines():
                for piece in parser.feed(line):
                    yield piece
        except httpx.TransportError as error:
            raise _broken(error, self._timeout_s) from error
        yield parser.finish()

    async def aclose(self) -> None:
        await self._response.aclose()
        await self._client.aclose()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # slow to make (it reads every certificate) and safe to share


def _is_stream(response: httpx.Response) -> bool:
    return response.is_success and response.headers.get("content-type", "").startswith("text/event-stream")


def _may_pass(outcome: Outcome) -> bool:
    """Whether another try could help: nobody listening yet, or busy. Never once the call was taken."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in _BUSY
    return isinstance(outcome, (httpx.ConnectError, httpx.ConnectTimeout))


def _wait_s(outcome: Outcome, attempt: int) -> float:
    named = outcome.headers.get("retry-after", "") if isinstance(outcome, httpx.Response) else ""
    return min(float(named), _LONGEST_WAIT_S) if named.isdigit() else 0.25 * 2.0**attempt


def _silent(timeout_s: float | None) -> TimeoutError:
    return TimeoutError(f"the service gave nothing for timeout = {timeout_s} s; the request was aborted")


def _broken(error: httpx.TransportError, timeout_s: float | None) -> Exception:
    if isinstance(error, httpx.TimeoutException):
        return _silent(timeout_s)
    return ServiceError(f"the connection broke in the middle of the answer: {error}")
