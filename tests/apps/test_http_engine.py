"""The whole way, over a real socket: OpenAI's own client → HTTP → the real engine with a tiny random model.

The draft model is the LLM itself under another name, so that drafts are accepted and speculation really runs.
"""

from __future__ import annotations

import json
import threading

import httpx
import openai
import pytest
from flexserve_apps.http import create_app

from flexserve_core import EngineConfig, build_server
from flexserve_core.testing import write_tiny_model
from flexserve_core.types import FinishReason

from .live import serve_live

TURNS = [{"role": "user", "content": "Tell me something."}]
LONG = {"prompt": "Once", "max_tokens": 400, "temperature": 0, "ignore_eos": True}

BAD = [  # path, body, status, param
    ("/v1/chat/completions", {"messages": TURNS, "model": "gpt-4"}, 404, "model"),
    ("/v1/completions", {"prompt": "x" * 600}, 400, "prompt"),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x" * 600}]}, 400, "messages"),
    ("/v1/completions", {"prompt": "x", "temperature": -1}, 400, "temperature"),
    ("/v1/completions", {"prompt": "x", "n": 1_000_000}, 400, "n"),
    ("/v1/completions", {"prompt": "x", "max_tokens": 0}, 400, "max_tokens"),
    ("/v1/completions", {"prompt": "x", "logprobs": 1000}, 400, "logprobs"),
    ("/v1/completions", {"prompt": [70_000]}, 400, "prompt"),
    ("/v1/completions", {"prompt": "x", "stop": ["a"] * 100}, 400, "stop"),
    ("/v1/completions", {"prompt": ""}, 400, "prompt"),
    ("/v1/completions", {"prompt": "x", "logit_bias": {"5": 1e9}}, 400, "logit_bias"),
    ("/v1/chat/completions", {"messages": TURNS, "top_logprobs": 99, "logprobs": True}, 400, "top_logprobs"),
    ("/v1/completions", {"prompt": "x", "timeout": 0}, 400, "timeout"),
    ("/v1/chat/completions", {"messages": TURNS, "timeout": 1e6}, 400, "timeout"),
    ("/v1/chat/completions", {"messages": []}, 400, "messages"),
    ("/v1/chat/completions", {"messages": TURNS, "temprature": 1}, 400, "temprature"),
    ("/v1/chat/completions", b'{"messages": [', 400, None),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    server = build_server(
        EngineConfig(model=str(folder), ssms=(str(folder),), dtype="float32", policy="fixed")
    )
    with server:
        yield server


@pytest.fixture(scope="module")
def address(engine):
    with serve_live(create_app(engine, page=False), engine) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60) as client:
        yield client


def chat(client, **fields):
    extras = {"ignore_eos": True} | fields.pop("extra_body", {})
    return client.chat.completions.create(
        model="tiny", messages=TURNS, max_tokens=24, extra_body=extras, **fields
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_timed_out_answer_is_a_cut_one_to_openai_s_clients(client, stream):
    answer = chat(client, stream=stream, extra_body={"timeout": 1e-9})  # over before the first step
    *_, last = answer if stream else [answer]
    [choice] = last.choices
    assert choice.finish_reason == "length"
    assert choice.stop_reason == "timeout"
    answer = client.completions.create(model="tiny", prompt="x", max_tokens=3, extra_body={"timeout": 60.5})
    assert answer.choices[0].stop_reason is None


def test_models(client):
    assert [model.id for model in client.models.list()] == ["tiny"]


@pytest.mark.parametrize("fields", [{"temperature": 0}, {"temperature": 1, "seed": 5, "n": 2}], ids=str)
def test_streamed_chat_equals_whole(client, fields):
    whole = chat(client, **fields)
    texts = {choice.index: choice.message.content for choice in whole.choices}
    pieces = dict.fromkeys(texts, "")
    usage = None
    for chunk in chat(client, stream=True, stream_options={"include_usage": True}, **fields):
        for choice in chunk.choices:
            pieces[choice.index] += choice.delta.content or ""
        usage = chunk.usage or usage
    assert pieces == texts
    assert all(texts.values())
    assert usage == whole.usage
    assert usage.completion_tokens == 24 * len(texts)


def test_seed_decides_and_is_returned(client):
    drawn = chat(client)
    again = chat(client, seed=drawn.seed)
    other = chat(client, seed=drawn.seed - 1 if drawn.seed else 1)
    assert again.choices[0].message.content == drawn.choices[0].message.content
    assert other.choices[0].message.content != drawn.choices[0].message.content
    assert again.system_fingerprint == drawn.system_fingerprint


def test_speculation_changes_the_steps_alone(client):
    fast = chat(client, temperature=0)
    plain = chat(client, temperature=0, extra_body={"speculation": False})
    assert fast.choices[0].message.content == plain.choices[0].message.content
    spec = fast.metrics["speculative_decoding"]
    assert spec["num_accepted_draft_tokens"] > 0
    accepted_per_step = spec["num_accepted_draft_tokens"] / spec["num_spec_steps"]
    assert spec["mean_acceptance_length"] == pytest.approx(1 + accepted_per_step)
    assert 0 < spec["num_spec_steps"] < 24
    assert sum(spec["acceptance_histogram"]) == spec["num_spec_steps"]
    assert (
        sum(k * count for k, count in enumerate(spec["acceptance_histogram"]))
        == spec["num_accepted_draft_tokens"]
    )
    assert plain.metrics["speculative_decoding"]["num_draft_tokens"] == 0
    assert plain.metrics["speculative_decoding"]["num_spec_steps"] == 0


def test_completions_of_many_prompts_equal_one_by_one(client):
    prompts = ["One", "Two and", "Three"]

    def texts(prompt, **fields):
        answer = client.completions.create(model="tiny", prompt=prompt, temperature=0, max_tokens=8, **fields)
        return [choice.text for choice in answer.choices]

    together = texts(prompts)
    assert together == [texts(prompt)[0] for prompt in prompts]
    assert texts(prompts[1], echo=True) == [prompts[1] + together[1]]
    assert texts([list(b"x")], echo=True)[0] != ""


def test_completions_logprobs(client):
    answer = client.completions.create(model="tiny", prompt="One", temperature=0, max_tokens=4, logprobs=3)
    logprobs = answer.choices[0].logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == 4
    assert all(1 <= len(top) <= 3 for top in logprobs.top_logprobs)
    for token, value, top in zip(
        logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert value == max(top.values())  # greedy takes the most likely
        assert token in top


def test_prompt_logprobs_in_both_forms(client):
    """OpenAI's, by an echo, and vLLM's, under a name of its own: the same numbers."""
    length = {"max_tokens": 4, "temperature": 0, "model": "tiny", "prompt": "One two three"}
    echoed = client.completions.create(logprobs=2, echo=True, **length).choices[0]
    known = echoed.logprobs
    size = len(known.tokens) - 4
    assert "".join(known.tokens[:size]) == "One two three"
    assert known.token_logprobs[0] is None
    assert known.top_logprobs[0] is None
    assert known.text_offset == [sum(map(len, known.tokens[:i])) for i in range(size + 4)]
    plain = client.completions.create(logprobs=2, **length).choices[0]
    assert known.token_logprobs[size:] == plain.logprobs.token_logprobs
    named = client.completions.create(extra_body={"prompt_logprobs": 2}, **length).choices[0]
    assert named.text == plain.text
    assert named.prompt_logprobs[0] is None
    for value, token, found in zip(
        known.token_logprobs[1:size], known.tokens[1:size], named.prompt_logprobs[1:], strict=True
    ):
        own = next(iter(found.values()))
        assert (own["logprob"], own["decoded_token"]) == (value, token)
        assert own["rank"] >= 1
        assert 2 <= len(found) <= 3
    turn = client.chat.completions.create(
        model="tiny", messages=TURNS, max_tokens=1, extra_body={"prompt_logprobs": 0}
    )
    assert len(turn.prompt_logprobs) == turn.usage.prompt_tokens
    assert all(len(entry) == 1 for entry in turn.prompt_logprobs[1:])


def test_openai_client_gets_its_own_error_classes(client):
    with pytest.raises(openai.NotFoundError, match="gpt-4"):
        client.chat.completions.create(model="gpt-4", messages=TURNS)
    with pytest.raises(openai.BadRequestError, match="temperature") as caught:
        chat(client, temperature=-1)
    assert caught.value.param == "temperature"


def test_bad_input_harms_nobody(client, address):
    """The whole table while a long answer streams; that answer then equals one given in peace."""
    in_peace = client.completions.create(model="tiny", **_openai_fields(LONG)).choices[0].text
    stream = client.completions.create(model="tiny", stream=True, **_openai_fields(LONG))
    text = next(iter(stream)).choices[0].text
    for path, body, status, param in BAD:
        content = body if isinstance(body, bytes) else json.dumps(body)
        response = httpx.post(address + path, content=content, headers={"Content-Type": "application/json"})
        error = response.json()["error"]
        assert (response.status_code, error["param"]) == (status, param), error
    assert text + "".join(chunk.choices[0].text for chunk in stream) == in_peace
    assert httpx.get(f"{address}/health").json()["restarts"] == 0


def _openai_fields(body: dict) -> dict:
    """The client takes the extras of vLLM apart."""
    extras = {"ignore_eos": body["ignore_eos"]}
    return {name: value for name, value in body.items() if name not in extras} | {"extra_body": extras}


class Endings:
    """An observer that waits for requests to end."""

    def __init__(self) -> None:
        self.reasons: list[FinishReason] = []
        self.ended = threading.Event()

    def on_step(self, record) -> None:
        pass

    def on_request(self, result) -> None:
        self.reasons.append(result.choices[0].finish_reason)
        self.ended.set()


@pytest.mark.parametrize("streamed", [True, False])
def test_leaving_client_frees_the_slot(engine, address, streamed):
    endings = Endings()
    engine.add_observer(endings)
    body = {"prompt": "Once", "max_tokens": 480, "ignore_eos": True, "speculation": False, "n": 8}
    try:
        if streamed:
            with httpx.stream("POST", f"{address}/v1/completions", json=body | {"stream": True}) as response:
                next(response.iter_lines())
        else:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}/v1/completions", json=body, timeout=httpx.Timeout(10, read=0.05))
        assert endings.ended.wait(20)
    finally:
        engine.remove_observer(endings)
    assert endings.reasons == [FinishReason.ABORT]
    assert engine.health().running == 0


def test_metrics_agree_with_the_engine(engine, address, client):
    chat(client, temperature=0)
    text = httpx.get(f"{address}/metrics").text
    stats = engine.stats()
    for name, value in {
        "spec_decode_num_drafts": stats.drafts,
        "spec_decode_num_draft_tokens": stats.drafted_tokens,
        "spec_decode_num_accepted_tokens": stats.accepted_tokens,
        "generation_tokens": stats.generated_tokens,
    }.items():
        assert value > 0
        assert f'vllm:{name}_total{{model_name="tiny"}} {float(value)}' in text


def test_generate(address):
    answer = httpx.post(f"{address}/generate/", json={"prompt": "One", "max_new_tokens": 5}).json()
    assert set(answer) == {"prompt", "response"}
    again = httpx.post(f"{address}/generate/", json={"prompt": "One", "max_new_tokens": 5}).json()
    assert answer == again
    assert answer["response"]
