"""Structured output over a real socket: OpenAI's own client, vLLM's names, valid answers, clear refusals."""

from __future__ import annotations

import json
import re

import httpx
import jsonschema
import openai
import pytest
from flexserve_apps.http import create_app

from flexserve_core import EngineConfig, build_server
from flexserve_core.testing import write_tiny_model

from .live import serve_live

TURNS = [{"role": "user", "content": "Who are you?"}]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "kind": {"enum": ["cat", "dög"]}},
    "required": ["name", "kind"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "pet", "strict": True, "schema": SCHEMA}}
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    engine = build_server(EngineConfig(model=str(folder), ssms=(str(folder),), dtype="float32"))
    with engine, serve_live(create_app(engine, page=False), engine) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60) as client:
        yield client


def chat(client, **fields):
    return client.chat.completions.create(model="tiny", messages=TURNS, max_tokens=300, seed=4, **fields)


@pytest.mark.parametrize("temperature", [0, 1])
def test_json_schema(client, temperature):
    answer = chat(client, response_format=FORMAT, temperature=temperature, n=2)
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        jsonschema.validate(json.loads(choice.message.content), SCHEMA)
    plain = chat(
        client, response_format=FORMAT, temperature=temperature, n=2, extra_body={"speculation": False}
    )
    assert [c.message.content for c in plain.choices] == [c.message.content for c in answer.choices]


def test_a_stream_spells_the_same_answer(client):
    whole = chat(client, response_format=FORMAT).choices[0].message.content
    pieces = [
        chunk.choices[0].delta.content or "" for chunk in chat(client, response_format=FORMAT, stream=True)
    ]
    assert "".join(pieces) == whole


def test_json_object(client):
    """A model of random weights need not come to an end, but begins as an object does."""
    text = chat(client, response_format={"type": "json_object"}).choices[0].message.content
    assert text.startswith("{")
    assert re.match(r'\{\s*("|\})', text)


STRUCTURED = {
    "json": ({"json": SCHEMA}, lambda text: jsonschema.validate(json.loads(text), SCHEMA)),
    "json text": ({"json": json.dumps(SCHEMA)}, lambda text: jsonschema.validate(json.loads(text), SCHEMA)),
    "regex": ({"regex": "[a-f]{3}-é+x"}, re.compile("[a-f]{3}-é+x").fullmatch),
    "choice": ({"choice": ["ja", "nein", "诗"]}, ["ja", "nein", "诗"].index),
    "grammar": ({"grammar": 'start: "a" | "(" start ")"'}, re.compile(r"\(*a\)*").fullmatch),
}


@pytest.mark.parametrize("kind", STRUCTURED)
def test_structured_outputs_by_vllms_names(client, kind):
    asked, check = STRUCTURED[kind]
    body = {"structured_outputs": asked}
    chatted = chat(client, extra_body=body).choices[0]
    answer = client.completions.create(model="tiny", prompt="A", max_tokens=300, seed=4, extra_body=body)
    for text, reason in (
        (chatted.message.content, chatted.finish_reason),
        (answer.choices[0].text, answer.choices[0].finish_reason),
    ):
        assert reason in ("stop", "length")
        if reason == "stop":
            assert check(text) is not False
            assert kind != "regex" or check(text)
            assert kind != "grammar" or check(text)
    assert "stop" in (chatted.finish_reason, answer.choices[0].finish_reason)


def test_generate_and_completions_take_a_response_format(client, address):
    body = {"prompt": "A", "response_format": FORMAT, "max_new_tokens": 300}
    text = httpx.post(f"{address}/generate/", json=body).json()["response"]
    jsonschema.validate(json.loads(text), SCHEMA)
    body = {"response_format": FORMAT}
    answer = client.completions.create(model="tiny", prompt=["A", "B"], max_tokens=300, extra_body=body)
    for choice in answer.choices:
        jsonschema.validate(json.loads(choice.text), SCHEMA)


BAD = {  # fields, param, a word of the message
    "no schema object": (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "required",
    ),
    "a schema too many": (
        {"response_format": {"type": "text", "json_schema": {"name": "x"}}},
        "response_format.json_schema",
        "type is 'text'",
    ),
    "no name": (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "response_format.json_schema.name",
        "required",
    ),
    "misspelt": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "shema": {}}}},
        "response_format.json_schema.shema",
        "'schema'",
    ),
    "unusable schema": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "tuple"}},
            }
        },
        "response_format.json_schema.schema",
        "cannot be compiled",
    ),
    "unusable regex": ({"structured_outputs": {"regex": "(?=a)b"}}, "structured_outputs.regex", "look-ahead"),
    "unusable json": ({"structured_outputs": {"json": "{"}}, "structured_outputs.json", "valid JSON"),
    "nothing": ({"structured_outputs": {}}, "structured_outputs", "exactly one"),
    "two at once": (
        {"structured_outputs": {"regex": "a", "choice": ["b"]}},
        "structured_outputs",
        "exactly one",
    ),
    "two fields": (
        {"structured_outputs": {"regex": "a"}, "response_format": {"type": "json_object"}},
        "structured_outputs",
        "one of them",
    ),
    "a tag": (
        {"structured_outputs": {"structural_tag": "{}"}},
        "structured_outputs.structural_tag",
        "grammar",
    ),
    "no end": (
        {"structured_outputs": {"regex": "a"}, "ignore_eos": True},
        "ignore_eos",
        "where its constraint",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_refused_by_the_name_the_client_used(address, path, case):
    fields, param, word = BAD[case]
    prompt = {"messages": TURNS} if path == CHAT else {"prompt": "A"}
    response = httpx.post(address + path, json=prompt | fields)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param), error
    assert word in error["message"]


def test_text_is_no_constraint(client):
    plain = chat(client, response_format={"type": "text"})
    assert plain.choices[0].message.content == chat(client).choices[0].message.content


def test_a_dead_end_is_its_own_request_s_error(tmp_path):
    """A vocabulary of five letters: behind `ab` there is no z."""
    folder = write_tiny_model(tmp_path, alphabet="abcde")
    engine = build_server(EngineConfig(model=str(folder), dtype="float32"))
    with engine, serve_live(create_app(engine, page=False), engine) as address:

        def post(regex):
            body = {"prompt": "abc", "structured_outputs": {"regex": regex}}
            return httpx.post(address + TEXT, json=body)

        dead = post("abz")
        assert (dead.status_code, dead.json()["error"]["code"]) == (400, "structured_output_failed")
        assert "no token of this vocabulary can come next" in dead.json()["error"]["message"]
        assert post("abc").json()["choices"][0]["text"] == "abc"
        assert httpx.get(f"{address}/health").json()["restarts"] == 0
