"""What the routes answer: OpenAI's shapes, whole and streamed, against the scripted engine's known words."""

from __future__ import annotations

import json

import pytest

from flexserve_core import StructuredOutput

REPLY = "Hello there, world!"
CHAT = {"messages": [{"role": "user", "content": "hi there"}]}


def events(response) -> list:
    lines = [line for line in response.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    payloads = [line.removeprefix("data: ") for line in lines]
    assert payloads.pop() == "[DONE]"
    return [json.loads(payload) for payload in payloads]


def stream(client, path: str, body: dict) -> list:
    with client.stream("POST", path, json=body | {"stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return events(response)


def test_chat_whole(client):
    answer = client.post("/v1/chat/completions", json=CHAT).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "fake-model"
    assert answer["seed"] == 7
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": REPLY},
            "logprobs": None,
            "finish_reason": "stop",
            "stop_reason": None,
        }
    ]
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}
    assert answer["metrics"]["speculative_decoding"] == {
        "mean_acceptance_length": 2.0,
        "draft_acceptance_rate": 0.5,
        "acceptance_histogram": [0, 5],
        "num_spec_steps": 5,
        "num_accepted_draft_tokens": 5,
        "num_draft_tokens": 10,
    }


def test_chat_streamed_equals_whole(client):
    chunks = stream(
        client, "/v1/chat/completions", CHAT | {"n": 2, "stream_options": {"include_usage": True}}
    )
    last = chunks.pop()
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12}
    assert last["metrics"]["speculative_decoding"]["num_spec_steps"] == 10
    assert {chunk["id"] for chunk in chunks} == {last["id"]}
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["usage"] is None for chunk in chunks)
    for index in range(2):
        mine = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == index]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(choice["delta"].get("content", "") for choice in mine) == REPLY
        assert [choice["finish_reason"] for choice in mine] == [None] * (len(mine) - 1) + ["stop"]


def test_no_usage_unless_asked(client):
    assert all("usage" not in chunk for chunk in stream(client, "/v1/chat/completions", CHAT))


def test_chat_logprobs(client):
    answer = client.post("/v1/chat/completions", json=CHAT | {"logprobs": True, "top_logprobs": 2}).json()
    content = answer["choices"][0]["logprobs"]["content"]
    assert [item["token"] for item in content] == ["Hello", " there", ",", " world", "!"]
    assert content[0]["bytes"] == list(b"Hello")
    assert content[0]["top_logprobs"][1] == {"token": "é", "logprob": -1.5, "bytes": [195, 169]}
    streamed = stream(client, "/v1/chat/completions", CHAT | {"logprobs": True, "top_logprobs": 2})
    parts = [chunk["choices"][0]["logprobs"] for chunk in streamed]
    assert [item for part in parts if part for item in part["content"]] == content


def test_content_parts_and_developer_role(client, fake):
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    body = {"messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": parts}]}
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    expected = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one\ntwo"}]
    assert fake.prompts == [{"messages": expected}]


def test_fields_reach_the_engine_under_its_names(client, fake):
    body = CHAT | {
        "temperature": 0.5,
        "top_p": 0.9,
        "n": 2,
        "seed": 11,
        "stop": "x",
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {"5": -1, "6": 2.5},
        "max_completion_tokens": 3,
        "logprobs": True,
        "top_k": -1,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "stop_token_ids": [1, 2],
        "include_stop_str_in_output": True,
        "ignore_eos": True,
        "min_tokens": 1,
        "skip_special_tokens": False,
        "speculation": False,
        "timeout": 2.5,
        "prompt_logprobs": 4,
        "user": "someone",
        "tools": None,
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "structured_outputs": {"regex": "a+"},
        "store": False,
    }
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    sampling = fake.submitted[0].sampling
    expected = {
        "temperature": 0.5,
        "top_p": 0.9,
        "n": 2,
        "seed": 11,
        "stop": ("x",),
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": ((5, -1.0), (6, 2.5)),
        "max_new_tokens": 3,
        "logprobs": 0,
        "top_k": 0,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "stop_token_ids": (1, 2),
        "include_stop_str_in_output": True,
        "ignore_eos": True,
        "min_tokens": 1,
        "skip_special_tokens": False,
        "speculation": False,
        "timeout_s": 2.5,
        "prompt_logprobs": 4,
        "structured": StructuredOutput(regex="a+"),
    }
    assert {name: getattr(sampling, name) for name in expected} == expected
    assert set(expected) == set(type(sampling).__dataclass_fields__), (
        "a sampling field has no way in over HTTP"
    )


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_temperature_defaults_to_openais(client, fake, path):
    client.post(path, json=CHAT if "chat" in path else {"prompt": "x"})
    assert fake.submitted[0].sampling.temperature == 1.0


def test_completions_many_prompts_and_choices(client):
    answer = client.post("/v1/completions", json={"prompt": ["a b", "c"], "n": 2, "echo": True}).json()
    assert answer["object"] == "text_completion"
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert [choice["text"] for choice in answer["choices"]] == ["a b" + REPLY] * 2 + ["c" + REPLY] * 2
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23}


@pytest.mark.parametrize(
    ("prompt", "given"),
    [
        ("a", [{"prompt": "a"}]),
        ([5, 6], [{"prompt_token_ids": [5, 6]}]),
        ([[5], [6, 7]], [{"prompt_token_ids": [5]}, {"prompt_token_ids": [6, 7]}]),
    ],
)
def test_completions_prompt_forms(client, fake, prompt, given):
    assert client.post("/v1/completions", json={"prompt": prompt}).status_code == 200
    assert fake.prompts == given


def test_completions_echo_of_token_ids(client):
    answer = client.post("/v1/completions", json={"prompt": [5, 6], "echo": True, "max_tokens": 1}).json()
    assert answer["choices"][0]["text"] == "<5><6>Hello"
    assert answer["choices"][0]["finish_reason"] == "length"


def test_completions_streamed(client):
    chunks = stream(client, "/v1/completions", {"prompt": ["a", "b"], "echo": True})
    texts = {0: "", 1: ""}
    for chunk in chunks:
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["text"]
    assert texts == {0: "a" + REPLY, 1: "b" + REPLY}


def test_completions_logprobs(client):
    answer = client.post("/v1/completions", json={"prompt": "x", "logprobs": 2, "max_tokens": 2}).json()
    expected = {
        "tokens": ["Hello", " there"],
        "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"Hello": -0.5, "é": -1.5}, {" there": -0.5, "é": -1.5}],
        "text_offset": [0, 5],
    }
    assert answer["choices"][0]["logprobs"] == expected
    chunks = stream(client, "/v1/completions", {"prompt": "x", "logprobs": 2, "max_tokens": 2})
    parts = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    assert {name: [item for part in parts for item in part[name]] for name in expected} == expected


@pytest.mark.parametrize("path", ["/generate/", "/generate"])
def test_generate(client, fake, path):
    answer = client.post(path, json={"prompt": "x"})
    assert answer.json() == {"prompt": "x", "response": REPLY}
    assert fake.submitted[0].sampling.greedy
    assert fake.submitted[0].sampling.max_new_tokens == 128


def test_models(client):
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["fake-model"]
    assert client.get("/v1/models/fake-model").json()["max_model_len"] == 64
    assert client.get("/v1/models/gpt-4").status_code == 404


def test_health(client, fake):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    proof = [{"what": "linear rows", "holds": True, "detail": "bitwise equal"}]
    assert answer.json()["engine"]["proof"] == proof
    fake.stop()
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "stopped"
