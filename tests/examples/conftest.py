"""The engine with the demo model, and its URL, as the integrations' tests have them."""

from __future__ import annotations

from ..integrations.conftest import engine, service_url

__all__ = ["engine", "service_url"]
