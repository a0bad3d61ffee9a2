"""Fixtures of the applications' tests: the scripted engine and a client in front of it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from flexserve_apps.http import create_app

from .fake_server import FakeServer


@pytest.fixture
def fake():
    server = FakeServer()
    yield server
    if server.status == "ok":
        server.stop()


@pytest.fixture
def client(fake):
    with TestClient(create_app(fake, page=False), raise_server_exceptions=False) as client:  # type: ignore[arg-type]
        yield client
