"""Bad input: an OpenAI-style 4xx that names the field, while another request runs on unharmed."""

from __future__ import annotations

import json

import pytest

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
HI = {"messages": [{"role": "user", "content": "hi"}]}
TURN = HI["messages"][0]

BAD = [  # path, body, status, param, a word of the message
    (CHAT, HI | {"model": "gpt-4"}, 404, "model", "fake-model"),
    (CHAT, HI | {"temperature": -1}, 400, "temperature", "at least 0"),
    (CHAT, HI | {"temperature": "hot"}, 400, "temperature", "number"),
    (CHAT, HI | {"temperature": True}, 400, "temperature", "number"),
    (CHAT, HI | {"n": 1_000_000}, 400, "n", "1 to 8"),
    (CHAT, HI | {"seed": 1.5}, 400, "seed", "integer"),
    (CHAT, HI | {"stream": "yes"}, 400, "stream", "boolean"),
    (CHAT, HI | {"max_tokens": 0}, 400, "max_tokens", "at least 1"),
    (CHAT, HI | {"max_completion_tokens": 0}, 400, "max_completion_tokens", "at least 1"),
    (CHAT, HI | {"max_tokens": 3, "max_completion_tokens": 4}, 400, "max_tokens", "one of them"),
    (CHAT, HI | {"top_logprobs": 2}, 400, "top_logprobs", "logprobs = true"),
    (CHAT, HI | {"logit_bias": {"five": 1}}, 400, "logit_bias.five", "integer"),
    (CHAT, HI | {"temprature": 1}, 400, "temprature", "'temperature'"),
    (CHAT, HI | {"\ud800": 1}, 400, "?", "unknown field"),
    (CHAT, HI | {"stream_options": {"include_usage": True}}, 400, "stream_options", "stream = true"),
    (
        CHAT,
        HI | {"stream": True, "stream_options": {"usage": True}},
        400,
        "stream_options.usage",
        "include_usage",
    ),
    (CHAT, HI | {"response_format": {"type": "xml"}}, 400, "response_format.type", "'json_schema'"),
    (CHAT, HI | {"guided_json": {"type": "object"}}, 400, "guided_json", "structured_outputs"),
    (CHAT, HI | {"tools": [{"type": "function"}]}, 400, "tools", "not supported"),
    (CHAT, HI | {"functions": [{"name": "f"}]}, 400, "functions", "not supported"),
    (CHAT, HI | {"user": "x" * 129}, 400, "user", "128"),
    (CHAT, {}, 400, "messages", "required"),
    (CHAT, {"messages": []}, 400, "messages", "at least one"),
    (CHAT, {"messages": [{"role": "user"}]}, 400, "messages[0].content", "required"),
    (CHAT, {"messages": [TURN | {"role": "tool"}]}, 400, "messages[0].role", "'user'"),
    (CHAT, {"messages": [TURN, TURN | {"nme": "x"}]}, 400, "messages[1].nme", "unknown field"),
    (
        CHAT,
        {"messages": [TURN | {"content": [{"type": "image_url"}]}]},
        400,
        "messages[0].content",
        "only text",
    ),
    (CHAT, {"messages": [TURN | {"content": "\ud800"}]}, 400, "messages[0].content", "surrogate"),
    (CHAT, {"messages": [TURN | {"content": "x " * 64}]}, 400, "messages", "64 tokens"),
    (TEXT, {}, 400, "prompt", "required"),
    (TEXT, {"prompt": "x " * 64}, 400, "prompt", "64 tokens"),
    (TEXT, {"prompt": [0] * 64}, 400, "prompt", "64 tokens"),
    (TEXT, {"prompt": []}, 400, "prompt", "non-empty"),
    (TEXT, {"prompt": ["a", [1]]}, 400, "prompt", "mixture"),
    (TEXT, {"prompt": ["a"] * 129}, 400, "prompt", "128"),
    (TEXT, {"prompt": "x", "echo": True, "logprobs": 1, "stream": True}, 400, "echo", "whole answer"),
    (TEXT, {"prompt": "x", "prompt_logprobs": 1, "stream": True}, 400, "prompt_logprobs", "whole answer"),
    (CHAT, HI | {"prompt_logprobs": 1, "stream": True}, 400, "prompt_logprobs", "whole answer"),
    (TEXT, {"prompt": "x", "best_of": 3}, 400, "best_of", "not supported"),
    (TEXT, {"prompt": "x", "suffix": "y"}, 400, "suffix", "not supported"),
    ("/generate/", {"prompt": "x", "stream": True}, 400, "stream", "/v1/completions"),
    ("/generate/", {"prompt": 5}, 400, "prompt", "string"),
]

MALFORMED = [  # content, a word of the message
    (b'{"messages"', "valid JSON"),
    (b"", "JSON object"),
    (b"[]", "JSON object"),
    (b"\xff", "JSON in UTF-8"),
    (b"[" * 100_000, "JSON"),
    (b'{"n": ' + b"9" * 5000 + b"}", "JSON"),
    (b'{"messages": [], "temperature": NaN}', "finite"),
]


@pytest.fixture
def bystander(client, fake):
    """A request in flight while the test sends a bad one; it must then end as if nothing had happened."""
    fake.hold()
    request = fake.make_request(prompt="bystander", max_new_tokens=4, temperature=0.0)
    running = fake.submit(request)
    fake.prompts.clear()
    yield
    assert fake.submitted == [request], "bad input reached the engine"
    fake.release()
    assert running.result().choices[0].text == "Hello there, world"


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize(("path", "body", "status", "param", "word"), BAD, ids=lambda value: str(value)[:40])
def test_bad_field(client, path, body, status, param, word):
    content = json.dumps(body).encode()
    response = client.post(path, content=content, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (status, param)
    assert word in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize(("content", "word"), MALFORMED, ids=lambda value: str(value)[:20])
def test_malformed_body(client, content, word):
    response = client.post(CHAT, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert word in response.json()["error"]["message"]


def test_other_content_type_is_refused(client):
    """A web page of another origin can send text/plain without asking; it must not reach the engine."""
    response = client.post(CHAT, content=json.dumps(HI), headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/health", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/audio/speech", 404),
        ("GET", "/nothing", 404),
        ("GET", "/docs", 404),
    ],
)
def test_unknown_route_and_method(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]
    assert status != 405 or response.headers["Allow"] in response.json()["error"]["message"]


def test_neutral_values_of_refused_fields_pass(client):
    body = HI | {"tools": None, "functions": [], "response_format": {"type": "text"}, "store": False}
    assert client.post(CHAT, json=body).status_code == 200
