"""The HTTP server: OpenAI's routes, the ancestor's `/generate/`, health and metrics, before one engine."""

from __future__ import annotations

from flexserve_apps.http.app import create_app

__all__ = ["create_app"]
