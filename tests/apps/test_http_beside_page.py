"""The API beside the chat page, which is mounted at `/` and would take every path that is left to it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from flexserve_apps.http import create_app


@pytest.fixture
def client(fake):
    with TestClient(create_app(fake)) as client:
        yield client


def test_page_and_api_in_one_application(client, fake):
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert client.get("/health").json()["status"] == "ok"
    assert "vllm:num_requests_running" in client.get("/metrics").text
    assert client.post("/generate/", json={"prompt": "x"}).json()["response"] == "Hello there, world!"
    assert client.post("/v1/completions", json={"prompt": "x"}).status_code == 200
    assert fake.status == "ok"  # the page's own lifespan did not replace ours


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/completions", 405), ("GET", "/v1/x", 404)]
)
def test_errors_of_the_api_are_its_own(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/heartbeat/x"])
def test_the_key_guards_the_page(fake, path):
    with TestClient(create_app(fake, api_key="k")) as client:
        assert client.get(path).status_code == 401
        assert client.get("/", headers={"Authorization": "Bearer k"}).status_code == 200
