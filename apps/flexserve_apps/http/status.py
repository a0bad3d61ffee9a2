"""GET /v1/models, /health and /metrics: what is served, whether it works, how it does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from flexserve_apps.http.errors import RETRY_AFTER_S
from flexserve_apps.http.serving import check_model, engine_of, served_model

router = APIRouter(tags=["status"])


def _model_card(http: Request) -> dict[str, Any]:
    server = engine_of(http)
    return {
        "id": served_model(server),
        "object": "model",
        "created": http.app.state.created,
        "owned_by": "flexserve",
        "max_model_len": server.limits.max_seq_length,
    }


@router.get("/v1/models")
async def models(http: Request) -> dict[str, Any]:
    """The one model that this server has."""
    return {"object": "list", "data": [_model_card(http)]}


@router.get("/v1/models/{model:path}")
async def model(model: str, http: Request) -> dict[str, Any]:
    """That model by name."""
    check_model(engine_of(http), model)
    return _model_card(http)


@router.get("/health")
async def health(http: Request) -> Response:
    """State of the engine with its load-time proof; 200 only when it can take requests."""
    server = engine_of(http)
    state = server.health()
    ok = state.status == "ok"
    body = asdict(state) | {"engine": asdict(server.info) | {"model": served_model(server)}}
    headers = {} if ok else {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(body, 200 if ok else 503, headers)


@router.get("/metrics")
async def metrics(http: Request) -> Response:
    """Prometheus text, under vLLM's names."""
    return Response(generate_latest(http.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
