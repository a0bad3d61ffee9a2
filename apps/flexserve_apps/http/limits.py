"""The cap on a request's body, kept while reading it, before anything is parsed.

A declared length beyond the cap is refused at once; an undeclared one (chunked) as soon as the cap is
passed, so that memory stays bounded. Knows nothing of what bodies mean.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flexserve_apps.http.errors import ApiError

MAX_BODY_BYTES = 4 * 1024 * 1024


class BodyLimitMiddleware:
    """ASGI middleware that answers 413 to a body of more than `max_bytes`."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self._max_bytes:
            await self._too_large().response()(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise self._too_large()  # an HTTPException: the routes' body reader lets it through
            return message

        return counting

    def _too_large(self) -> ApiError:
        message = f"The body is larger than {self._max_bytes} bytes, which is the limit. Shorten the prompt."
        return ApiError(413, message, code="body_too_large")
