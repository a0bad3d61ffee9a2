"""Full queue, dead engine, leaving clients, large bodies and missing keys, against the scripted engine."""

from __future__ import annotations

import asyncio
import json

import pytest
from fastapi.testclient import TestClient
from flexserve_apps.http import create_app
from flexserve_apps.http.limits import MAX_BODY_BYTES

CHAT = "/v1/chat/completions"
HI = {"messages": [{"role": "user", "content": "hi"}]}


def test_full_queue_is_429(client, fake):
    fake.max_queued = 0
    response = client.post(CHAT, json=HI)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "3"
    assert response.json()["error"]["type"] == "rate_limit_error"


def test_prompts_that_do_not_all_fit_are_all_withdrawn(client, fake):
    fake.max_queued = 2
    fake.hold()
    assert client.post("/v1/completions", json={"prompt": ["a", "b", "c"]}).status_code == 429
    assert fake.health().running == 0
    assert len(fake.closed) == 2


def test_stopped_engine_is_503(client, fake):
    fake.stop()
    response = client.post(CHAT, json=HI)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "engine_stopped"
    assert "Retry-After" in response.headers


def test_unexpected_error_tells_no_details(client, fake):
    def broken(**_):
        raise RuntimeError("secret detail")

    fake.make_request = broken
    response = client.post(CHAT, json=HI)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["error"]["code"] == "internal_error"


async def call(app, body: dict, receive_more) -> list[dict]:
    """One raw ASGI call; `receive_more(sent)` gives the messages after the body."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "path": CHAT,
        "raw_path": CHAT.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    sent: list[dict] = []
    first = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive():
        return first.pop() if first else await receive_more(sent)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def chunks_of(sent: list[dict]) -> list[str]:
    text = b"".join(message.get("body", b"") for message in sent).decode()
    return [event.removeprefix("data: ") for event in text.split("\n\n") if event]


@pytest.mark.parametrize("streamed", [True, False])
def test_leaving_client_frees_the_slot(fake, streamed):
    app = create_app(fake, page=False)
    fake.start()
    fake.hold()

    async def leave_when_running(_):
        while fake.health().running == 0:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    asyncio.run(call(app, HI | {"stream": streamed}, leave_when_running))
    assert fake.health().running == 0
    assert len(fake.closed) == 1


def test_staying_client_is_not_cut(fake):
    """The control of the test above: without a disconnect the answer is whole and nothing is aborted."""
    app = create_app(fake, page=False)
    fake.start()

    async def stay(_):
        await asyncio.Event().wait()

    events = chunks_of(asyncio.run(call(app, HI | {"stream": True}, stay)))
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["choices"][0]["finish_reason"] == "stop"
    assert fake.closed == []


def test_engine_failure_in_a_stream_is_an_error_event(fake):
    app = create_app(fake, page=False)
    fake.start()
    fake.hold()

    async def fail_when_running(_):
        while fake.health().running == 0:
            await asyncio.sleep(0)
        fake.fail()
        await asyncio.Event().wait()

    sent = asyncio.run(call(app, HI | {"stream": True}, fail_when_running))
    assert sent[0]["status"] == 200
    events = chunks_of(sent)
    assert json.loads(events[-2])["error"]["code"] == "engine_failed"
    assert events[-1] == "[DONE]"


def test_engine_failure_of_a_whole_answer_is_503(fake):
    app = create_app(fake, page=False)
    fake.start()
    fake.hold()

    async def fail_when_running(_):
        while fake.health().running == 0:
            await asyncio.sleep(0)
        fake.fail()
        await asyncio.Event().wait()

    sent = asyncio.run(call(app, HI, fail_when_running))
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["error"]["type"] == "service_unavailable_error"


def test_large_body_is_413(client):
    response = client.post(CHAT, content=b" " * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


def test_large_body_of_undeclared_length_is_413(client):
    def pieces():
        for _ in range(100):
            yield b" " * 100_000

    response = client.post(CHAT, content=pieces(), headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_largest_body_is_read(client):
    body = json.dumps(HI).encode()
    response = client.post(
        CHAT, content=body.ljust(MAX_BODY_BYTES), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200


@pytest.fixture
def locked(fake):
    with TestClient(create_app(fake, api_key="clé-7", page=False)) as client:
        yield client


ROUTES = ["/health", "/metrics", "/v1/models", "/v1/openapi.json", "/", "/nothing", CHAT]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic !!!", "Basic OmtleQ==", "clé-7"])
def test_every_route_asks_for_the_key(locked, path, header):
    headers = {} if header is None else {"Authorization": header.encode()}
    response = locked.get(path, headers=headers)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_key_opens(locked):
    assert locked.get("/health", headers={"Authorization": "Bearer clé-7".encode()}).status_code == 200


def test_a_browser_is_asked_for_a_password(locked):
    assert (
        locked.get("/health", headers={"Accept": "text/html"}).headers["WWW-Authenticate"].startswith("Basic")
    )
    assert locked.get("/health", auth=("anyone", "clé-7")).status_code == 200
    assert locked.get("/health", auth=("clé-7", "anyone")).status_code == 401


def test_no_cors(client):
    response = client.get("/health", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in response.headers


def test_lifespan_starts_and_stops_its_own_engine_only(fake):
    with TestClient(create_app(fake, page=False)):
        assert fake.status == "ok"
    assert fake.status == "stopped"
    fake.start()
    with TestClient(create_app(fake, page=False)):
        pass
    assert fake.status == "ok"
