"""`FlexServeLLM` and `ChatFlexServe` on a scripted engine: options, batch, streaming, faults, aborts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_flexserve import ChatFlexServe, FlexServeLLM
from pydantic import ValidationError

from flexserve_core.errors import ConfigurationError, EngineStoppedError, InvalidRequestError, QueueFullError

Scripted = Callable[..., Any]


class Listener(BaseCallbackHandler):
    """Collects the tokens that callbacks are told of."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(token)


def test_constructor_options_reach_the_engine_and_call_time_ones_win(scripted: Scripted) -> None:
    engine = scripted()
    llm = FlexServeLLM(
        server=engine, temperature=0.5, max_tokens=7, top_k=3, stop=["\n"], logit_bias={5: 1.0}
    )
    llm.invoke("a")
    llm.invoke("b", temperature=0.0, seed=4, stop=["END"])
    first, second = engine.requests
    assert first == {
        "prompt": "a",
        "messages": None,
        "temperature": 0.5,
        "max_new_tokens": 7,
        "top_k": 3,
        "stop": ["\n"],
        "logit_bias": {5: 1.0},
    }
    assert (second["temperature"], second["seed"], second["stop"]) == (0.0, 4, ["END"])
    assert second["max_new_tokens"] == 7


def test_a_call_without_stop_keeps_the_instances_and_an_empty_list_clears_it(scripted: Scripted) -> None:
    engine = scripted()
    llm = FlexServeLLM(server=engine, stop=["\n"])
    list(llm.stream("a"))
    list(llm.stream("a", stop=[]))
    assert engine.requests[0]["stop"] == ["\n"]
    assert "stop" not in engine.requests[1]


@pytest.mark.parametrize("options", [{"tools": []}, {"temprature": 1.0}, {"top_logprobs": 3}])
def test_an_unknown_call_option_is_refused(scripted: Scripted, options: dict[str, Any]) -> None:
    engine = scripted()
    with pytest.raises(InvalidRequestError, match=next(iter(options))):
        FlexServeLLM(server=engine).invoke("a", **options)
    assert not engine.streams


def test_an_unknown_constructor_option_is_refused(scripted: Scripted) -> None:
    with pytest.raises(ValidationError, match="temprature"):
        FlexServeLLM(server=scripted(), temprature=1.0)  # pyright: ignore[reportCallIssue]


def test_there_is_exactly_one_engine(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEXSERVE_BASE_URL", raising=False)
    with pytest.raises(ValidationError, match="no engine"):
        ChatFlexServe()
    with pytest.raises(ValidationError, match="choose one"):
        ChatFlexServe(server=scripted(), base_url="http://127.0.0.1:9/v1")
    monkeypatch.setenv("FLEXSERVE_BASE_URL", "http://127.0.0.1:9/v1")
    assert ChatFlexServe(server=scripted()).invoke("a").text == "Hello there."


def test_an_ff_llm_is_taken_by_its_server(scripted: Scripted) -> None:
    class Owner:
        server: Any = None

    owner = Owner()
    llm = FlexServeLLM(server=owner)
    with pytest.raises(EngineStoppedError):
        llm.invoke("a")
    owner.server = scripted()
    assert llm.invoke("a") == "Hello there."
    with pytest.raises(ConfigurationError, match="server"):
        FlexServeLLM(server="http://127.0.0.1:9").invoke("a")


def test_another_models_name_is_refused(scripted: Scripted) -> None:
    with pytest.raises(InvalidRequestError, match="scripted"):
        ChatFlexServe(server=scripted(), model="other").invoke("a")


def test_the_whole_batch_is_submitted_before_any_answer_is_read(scripted: Scripted) -> None:
    engine = scripted()
    submitted_at_first_read: list[int] = []
    submit = engine.submit

    def watched(request: Any) -> Any:
        stream = submit(request)
        read = stream.next
        stream.next = lambda timeout_s=None: (
            submitted_at_first_read.append(len(engine.streams)) or read(timeout_s)
        )
        return stream

    engine.submit = watched
    result = FlexServeLLM(server=engine).generate(["a", "b", "c"])
    assert [row[0].text for row in result.generations] == ["Hello there."] * 3
    assert min(submitted_at_first_read) == 3
    assert result.llm_output is not None
    assert result.llm_output["token_usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 9,
        "total_tokens": 18,
    }


def test_closing_a_stream_aborts_its_request(scripted: Scripted) -> None:
    engine = scripted()
    chunks = ChatFlexServe(server=engine).stream("a")
    assert next(chunks).text == "Hello"
    assert not engine.streams[0].closed
    chunks.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert engine.streams[0].closed


def test_cancelling_an_async_stream_aborts_its_request(scripted: Scripted) -> None:
    engine = scripted(silent_after=1)

    async def read_and_cancel() -> None:
        got_one = asyncio.Event()

        async def read() -> None:
            async for _ in FlexServeLLM(server=engine).astream("a"):
                got_one.set()

        task = asyncio.create_task(read())
        await got_one.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(read_and_cancel())
    assert engine.streams[0].closed


def test_a_silent_engine_times_out_and_the_request_is_aborted(scripted: Scripted) -> None:
    engine = scripted(silent_after=1)
    llm = FlexServeLLM(server=engine, timeout=0.05)
    with pytest.raises(TimeoutError, match=r"0\.05"):
        llm.invoke("a")
    with pytest.raises(TimeoutError, match=r"0\.05"):
        asyncio.run(llm.ainvoke("a"))
    assert [stream.closed for stream in engine.streams] == [True, True]


def test_a_full_queue_is_tried_again_so_often_and_no_more(scripted: Scripted) -> None:
    assert FlexServeLLM(server=scripted(full=2), max_retries=2).invoke("a") == "Hello there."
    assert asyncio.run(FlexServeLLM(server=scripted(full=2), max_retries=2).ainvoke("a")) == "Hello there."
    with pytest.raises(QueueFullError):
        FlexServeLLM(server=scripted(full=2), max_retries=1).invoke("a")


def test_a_batch_that_cannot_be_submitted_whole_is_aborted_whole(scripted: Scripted) -> None:
    engine = scripted()
    submit = engine.submit

    def second_is_refused(request: Any) -> Any:
        if engine.streams:
            raise QueueFullError(waiting=9, retry_after_s=0)
        return submit(request)

    engine.submit = second_is_refused
    with pytest.raises(QueueFullError):
        FlexServeLLM(server=engine, max_retries=0).generate(["a", "b"])
    with pytest.raises(QueueFullError):
        asyncio.run(FlexServeLLM(server=engine, max_retries=0).agenerate(["a", "b"]))
    assert engine.streams
    assert all(stream.closed for stream in engine.streams)


def test_a_message_says_how_it_was_made(scripted: Scripted) -> None:
    message = ChatFlexServe(server=scripted(), logprobs=True).invoke("a")
    assert message.usage_metadata == {"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}
    about = message.response_metadata
    assert (about["finish_reason"], about["seed"], about["model_name"]) == ("stop", 11, "scripted")
    assert about["speculation"] == {
        "llm_steps": 2,
        "tokens_per_step": 1.5,
        "draft_steps": 1,
        "drafted_tokens": 4,
        "accepted_tokens": 1,
    }
    assert [item["token"] for item in about["logprobs"]["content"]] == ["Hello", " there", "."]


def test_streamed_chunks_add_up_to_the_whole_message(scripted: Scripted) -> None:
    chat = ChatFlexServe(server=scripted(), logprobs=True)
    chunks = [chunk for chunk in chat.stream("a") if isinstance(chunk, AIMessageChunk)]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    reference = chat.invoke("a")
    assert whole.text == reference.text
    assert whole.usage_metadata == reference.usage_metadata
    assert whole.response_metadata["logprobs"] == reference.response_metadata["logprobs"]
    assert whole.response_metadata["seed"] == reference.response_metadata["seed"]


@pytest.mark.parametrize("model", [FlexServeLLM, ChatFlexServe])
def test_streaming_reports_tokens_to_callbacks_also_from_invoke(scripted: Scripted, model: Any) -> None:
    loud, quiet = Listener(), Listener()
    model(server=scripted(), streaming=True).invoke("a", {"callbacks": [loud]})
    model(server=scripted()).invoke("a", {"callbacks": [quiet]})
    assert "".join(loud.tokens) == "Hello there."
    assert quiet.tokens == []


def test_messages_become_roles_and_text(scripted: Scripted) -> None:
    engine = scripted()
    history = [
        SystemMessage("s"),
        HumanMessage([{"type": "text", "text": "u"}]),
        AIMessage("a"),
        ("user", "v"),
    ]
    ChatFlexServe(server=engine).invoke(history)
    roles = [(message["role"], message["content"]) for message in engine.requests[0]["messages"]]
    assert roles == [("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "v")]


@pytest.mark.parametrize(
    "message",
    [
        ToolMessage("x", tool_call_id="1"),
        HumanMessage([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
    ],
)
def test_what_is_not_text_is_refused_by_name(scripted: Scripted, message: Any) -> None:
    with pytest.raises(InvalidRequestError, match="messages"):
        ChatFlexServe(server=scripted()).invoke([message])


def test_tools_are_refused_clearly(scripted: Scripted) -> None:
    with pytest.raises(NotImplementedError):
        ChatFlexServe(server=scripted()).bind_tools([])


def test_no_secret_is_shown_or_traced() -> None:
    chat = ChatFlexServe(base_url="http://127.0.0.1:9/v1", api_key="swordfish")  # pyright: ignore
    assert "swordfish" not in repr(chat) + str(chat._identifying_params)
