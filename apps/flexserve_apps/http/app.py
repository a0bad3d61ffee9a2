"""The application: routes, error bodies, guards and the page, around one engine.

    create_app(server) → FastAPI:  /v1/…  /generate/  /health  /metrics  and, last, the page at /

The engine is started with the application if nobody started it, and then stopped (drained) with it. No
route but these: no documentation pages that fetch scripts from elsewhere, no CORS.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from flexserve_apps.http import chat, completions, generate, status
from flexserve_apps.http.auth import ApiKeyMiddleware
from flexserve_apps.http.errors import install_error_handlers
from flexserve_apps.http.limits import BodyLimitMiddleware
from flexserve_apps.http.metrics import EngineMetrics
from flexserve_apps.http.serving import served_model

if TYPE_CHECKING:
    from flexserve_core import EngineServer

_PARTS = (chat, completions, generate, status)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def create_app(server: EngineServer, *, api_key: str | None = None, page: bool = True) -> FastAPI:
    """The application of an engine. `api_key`: asked for on every route; `page`: the chat page at `/`."""
    app = FastAPI(
        title="FlexServe",
        version=server.info.version,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.server = server
    app.state.created = int(time.time())
    app.state.metrics = EngineMetrics(server, served_model(server))
    install_error_handlers(app)
    for part in _PARTS:
        app.include_router(part.router)
    _close_api_paths(app)
    if page:
        from flexserve_apps.page import mount_page  # gradio is slow to import, and needed for the page only

        app = mount_page(app, server)
    app.add_middleware(BodyLimitMiddleware)
    if api_key:
        app.add_middleware(ApiKeyMiddleware, api_key=api_key)  # added last: it comes first
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    server: EngineServer = app.state.server
    ours = server.health().status == "stopped"
    if ours:
        await run_sync(server.start)
    server.add_observer(app.state.metrics)
    try:
        yield
    finally:
        server.remove_observer(app.state.metrics)
        if ours:
            await run_sync(lambda: server.stop(drain=True))


def _close_api_paths(app: FastAPI) -> None:
    """Answer 405 and 404 under the API's paths here; the page, mounted at `/`, would take them otherwise."""
    methods: dict[str, set[str]] = {}
    for route in [*app.routes, *(route for part in _PARTS for route in part.router.routes)]:
        if isinstance(route, Route):
            methods.setdefault(route.path, set()).update(route.methods or ())
    for path, allowed in methods.items():
        others = [method for method in _METHODS if method not in allowed]
        app.router.routes.append(Route(path, _not_allowed(sorted(allowed)), methods=others))
    app.router.routes.append(Route("/v1/{rest:path}", _unknown, methods=list(_METHODS)))


def _not_allowed(allowed: list[str]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        raise HTTPException(405, headers={"Allow": ", ".join(allowed)})

    return endpoint


async def _unknown(_: Request) -> Response:
    raise HTTPException(404)
