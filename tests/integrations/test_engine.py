"""Both LangChain classes on the demo model, in process and by URL: the same text and manners either way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_flexserve import ChatFlexServe, FlexServeLLM, ServiceError

from flexserve_core.errors import FlexServeError, InvalidRequestError
from flexserve_core.types import FinishReason, RequestResult, StepRecord

PROMPT = "Here are some travel tips for Tokyo:\n"
QUESTION = "What is speculative inference?"


class Watch:
    """Keeps what the engine did."""

    def __init__(self) -> None:
        self.steps: list[StepRecord] = []
        self.results: list[RequestResult] = []
        self.ended = threading.Event()

    def on_step(self, record: StepRecord) -> None:
        self.steps.append(record)

    def on_request(self, result: RequestResult) -> None:
        self.results.append(result)
        self.ended.set()


@pytest.fixture
def watch(engine: Any) -> Iterator[Watch]:
    watch = Watch()
    engine.add_observer(watch)
    yield watch
    engine.remove_observer(watch)


@pytest.fixture(params=["in process", "by URL"])
def where(request: pytest.FixtureRequest, engine: Any, service_url: str) -> dict[str, Any]:
    return {"server": engine} if request.param == "in process" else {"base_url": service_url}


@pytest.fixture
def llm(where: dict[str, Any]) -> Callable[..., FlexServeLLM]:
    return lambda **options: FlexServeLLM(**{**where, "temperature": 0, "max_tokens": 24, **options})


@pytest.fixture
def chat(where: dict[str, Any]) -> Callable[..., ChatFlexServe]:
    return lambda **options: ChatFlexServe(**{**where, "temperature": 0, "max_tokens": 24, **options})


def test_every_verb_gives_the_engines_own_text(engine: Any, llm: Any) -> None:
    request = engine.make_request(prompt=PROMPT, temperature=0, max_new_tokens=24)
    expected = engine.submit(request).result().choices[0].text

    async def collect() -> str:
        return "".join([piece async for piece in llm().astream(PROMPT)])

    assert expected
    assert llm().invoke(PROMPT) == expected
    assert "".join(llm().stream(PROMPT)) == expected
    assert asyncio.run(llm().ainvoke(PROMPT)) == expected
    assert asyncio.run(collect()) == expected
    assert llm().batch([PROMPT, PROMPT]) == [expected, expected]


def test_a_batch_is_one_batch(llm: Any, watch: Watch) -> None:
    prompts = ["Paris is", "Rome is", "Tokyo is", "A cat is"]
    batched = llm().batch(prompts)
    assert max(len(step.request_ids) for step in watch.steps) == len(prompts)
    assert batched == [llm().invoke(prompt) for prompt in prompts]
    assert asyncio.run(llm().abatch(prompts)) == batched


def test_stop_ends_the_text_before_it_streamed_or_not(llm: Any) -> None:
    whole = llm().invoke(PROMPT)
    stop = whole[len(whole) // 2 :][:3]
    expected = whole[: whole.index(stop)]
    assert llm().invoke(PROMPT, stop=[stop]) == expected
    assert "".join(llm().stream(PROMPT, stop=[stop])) == expected
    assert "".join(llm(stop=[stop]).stream(PROMPT)) == expected


def test_a_seed_brings_the_same_answer_again_and_is_told(chat: Any) -> None:
    first = chat(temperature=1).invoke(QUESTION)
    again = chat(temperature=1, seed=first.response_metadata["seed"]).invoke(QUESTION)
    assert first.text
    assert again.text == first.text


def test_the_message_carries_the_engines_counters(chat: Any, watch: Watch) -> None:
    message = chat().invoke(QUESTION)
    choice = watch.results[0].choices[0]
    assert message.usage_metadata["output_tokens"] == len(choice.token_ids)
    assert message.usage_metadata["input_tokens"] == len(watch.results[0].prompt_token_ids)
    told = message.response_metadata["speculation"]
    for name in told:
        assert told[name] == getattr(choice.speculation, name)
    assert {"draft_steps", "drafted_tokens", "accepted_tokens"} <= told.keys()


def test_without_speculation_the_text_is_the_same(chat: Any) -> None:
    plain = chat(speculation=False).invoke(QUESTION)
    assert plain.response_metadata["speculation"]["drafted_tokens"] == 0
    assert plain.text == chat().invoke(QUESTION).text


def test_logprobs(chat: Any) -> None:
    message = chat(logprobs=True, top_logprobs=2).invoke(QUESTION)
    content = message.response_metadata["logprobs"]["content"]
    assert len(content) == message.usage_metadata["output_tokens"]
    for item in content:
        assert len(item["top_logprobs"]) == 2
        assert item["logprob"] == pytest.approx(
            item["top_logprobs"][0]["logprob"]
        )  # greedy takes the likeliest


def test_a_closed_stream_is_aborted(llm: Any, watch: Watch) -> None:
    pieces = llm(max_tokens=200, ignore_eos=True).stream(PROMPT)
    next(pieces)
    pieces.close()
    assert watch.ended.wait(10), "the engine still works on it"
    choice = watch.results[0].choices[0]
    assert choice.finish_reason is FinishReason.ABORT
    assert len(choice.token_ids) < 200


def test_bad_values_are_refused_by_name(llm: Any) -> None:
    with pytest.raises(FlexServeError, match="temperature") as caught:
        llm(temperature=-1).invoke("a")
    assert isinstance(caught.value, (InvalidRequestError, ServiceError))
