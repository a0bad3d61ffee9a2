"""One API key in front of every route, the page and the metrics included.

Deny by default: with a key set, nothing answers without it. Programs send `Authorization: Bearer KEY`; a
browser, which cannot, is asked for a password (HTTP Basic, any user name) and sends the key as that.
Compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flexserve_apps.http.errors import ApiError


class ApiKeyMiddleware:
    """ASGI middleware that answers 401 unless the request carries the key."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._key = api_key.encode("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._allows(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "API key required"})
        else:
            await _refusal(Headers(scope=scope)).response()(scope, receive, send)

    def _allows(self, headers: Headers) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given = credentials.strip().encode("latin-1")  # the bytes as they came
        elif scheme.lower() == "basic":
            given = _password(credentials)
        else:
            given = b""
        return hmac.compare_digest(given, self._key)


def _password(credentials: str) -> bytes:
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded.partition(b":")[2]


def _refusal(headers: Headers) -> ApiError:
    """Only a browser is offered Basic: it would show nothing but the bare error otherwise."""
    from_browser = "text/html" in headers.get("accept", "")
    challenge = (
        'Basic realm="FlexServe: the API key is the password", charset="UTF-8"' if from_browser else "Bearer"
    )
    problem = "The API key is wrong" if "authorization" in headers else "An API key is required"
    message = f"{problem}. Send it as 'Authorization: Bearer KEY'."
    return ApiError(401, message, code="invalid_api_key", headers={"WWW-Authenticate": challenge})
