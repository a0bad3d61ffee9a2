"""Every error an HTTP client can see, as OpenAI's body `{"error": {"message", "type", "param", "code"}}`.

Maps the engine's error classes and pydantic's complaints to status codes. Knows nothing of routes or of
the engine's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from flexserve_apps.http.strict import printable
from flexserve_core import (
    EngineFailedError,
    EngineStoppedError,
    InvalidRequestError,
    PromptTooLongError,
    QueueFullError,
    StructuredOutputError,
)

RETRY_AFTER_S = 1
_MAX_SHOWN = 80
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}


class ApiError(HTTPException):
    """An answer other than 200: status, message, the field at fault (`param`), a machine-readable `code`."""

    def __init__(
        self,
        status_code: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status_code, message, headers)
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The JSON object clients get; lone surrogates of hostile input are replaced."""
        fields = {
            "message": printable(self.detail),
            "type": _TYPES.get(self.status_code, "server_error"),
            "param": None if self.param is None else printable(self.param),
            "code": self.code,
        }
        return {"error": fields}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status_code, dict(self.headers or {}))


def invalid_field(
    param: str, value: object, limit: str, remedy: str, code: str = "invalid_value"
) -> ApiError:
    """A 400 that names the field, the value, the limit and the remedy."""
    shown = repr(value)
    shown = shown if len(shown) <= _MAX_SHOWN else shown[: _MAX_SHOWN - 1] + "…"
    return ApiError(
        400, f"{param} = {shown} is not accepted: {limit}. {remedy}".strip(), param=param, code=code
    )


def to_api_error(error: Exception, wire_name: Callable[[str], str] = lambda field: field) -> ApiError:
    """The HTTP form of any error; `wire_name` turns an engine field's name into the one the client sent."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidRequestError):
        code = "context_length_exceeded" if isinstance(error, PromptTooLongError) else "invalid_value"
        return invalid_field(wire_name(error.field), error.value, error.limit, error.remedy, code)
    if isinstance(error, QueueFullError):
        return ApiError(429, str(error), code="queue_full", headers={"Retry-After": str(error.retry_after_s)})
    if isinstance(error, StructuredOutputError):  # trying again would end in the same place
        return ApiError(400, str(error), code="structured_output_failed")
    if isinstance(error, (EngineStoppedError, EngineFailedError)):
        code = "engine_failed" if isinstance(error, EngineFailedError) else "engine_stopped"
        return ApiError(503, str(error), code=code, headers={"Retry-After": str(RETRY_AFTER_S)})
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    return ApiError(
        500, "The server met an unexpected error; its log has the details.", code="internal_error"
    )


def from_validation(errors: Sequence[Any]) -> ApiError:
    """The first of pydantic's complaints (`RequestValidationError.errors()`) as one clear sentence."""
    first = errors[0]
    context = first.get("ctx") or {}
    param = _path([*first["loc"][1:], *([context["field"]] if "field" in context else [])])
    if first["type"] == "json_invalid":
        return ApiError(
            400, f"The body is not valid JSON: {context.get('error', first['msg'])}.", code="invalid_json"
        )
    if not param and isinstance(first.get("input"), bytes):
        return ApiError(
            415, "The body must be sent with Content-Type: application/json.", code="unsupported_media_type"
        )
    if not param:
        return ApiError(400, "The body must be a JSON object.", code="invalid_body")
    if first["type"] == "missing":
        return ApiError(400, f"{param} is required.", param=param, code="missing_required_parameter")
    if "field" in context:
        return ApiError(400, f"{param}: {first['msg']}", param=param, code=first["type"])
    return invalid_field(param, first.get("input"), _sentence(first["msg"]), "")


def install_error_handlers(app: FastAPI) -> None:
    """Let every error of the application leave as OpenAI's body."""

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return from_validation(error.errors()).response()

    async def on_error(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, HTTPException) and not isinstance(error, ApiError):
            error = _routing_error(request, error)
        return to_api_error(error).response()

    app.add_exception_handler(RequestValidationError, on_validation)
    for kind in (
        HTTPException,
        InvalidRequestError,
        QueueFullError,
        EngineStoppedError,
        EngineFailedError,
        StructuredOutputError,
        Exception,
    ):
        app.add_exception_handler(kind, on_error)


def _routing_error(request: Request, error: HTTPException) -> ApiError:
    where = f"{request.method} {request.url.path}"
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return ApiError(404, f"Unknown route: {where}.", code="unknown_route", headers=headers)
    if error.status_code == 405:
        allowed = headers.get("Allow") or headers.get("allow") or "another method"
        return ApiError(
            405, f"{where} is not allowed; use {allowed}.", code="method_not_allowed", headers=headers
        )
    if error.status_code == 400:  # FastAPI's word for JSON that is too deep, too long a number, or no UTF-8
        return ApiError(400, "The body could not be read as JSON in UTF-8.", code="invalid_json")
    return ApiError(error.status_code, str(error.detail), headers=headers)


def _path(parts: Sequence[str | int]) -> str:
    """("messages", 0, "content") → "messages[0].content"."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else str(part)
    return text


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return (message[:1].lower() + message[1:]).rstrip(".")
