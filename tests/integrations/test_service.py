"""The way over HTTP when the service is slow, busy, broken or not there; a scripted service plays the part."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_flexserve import ChatFlexServe, FlexServeLLM, ServiceError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


class Service:
    """Answers the n-th call with the n-th of `answers`, and keeps the calls' bodies and headers."""

    def __init__(self) -> None:
        self.answers: list[Callable[[], Response]] = []
        self.models = [{"id": "scripted"}]
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/{path:path}", self._answer, methods=["POST"]),
            ]
        )

    def health(self) -> Any:
        return SimpleNamespace(running=0, waiting=0)  # asked at the end: nothing to wait for

    def _models(self, _: Request) -> Response:
        return JSONResponse({"data": self.models})

    async def _answer(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return self.answers.pop(0)()


def events(*payloads: Any, then_silence: bool = False) -> Callable[[], Response]:
    """A streamed answer of `payloads`."""

    async def lines() -> AsyncIterator[str]:
        for payload in payloads:
            yield f"data: {payload if isinstance(payload, str) else json.dumps(payload)}\n\n"
        if then_silence:
            await asyncio.sleep(3600)  # ends when the client goes away

    return lambda: StreamingResponse(lines(), media_type="text/event-stream")


def refusal(status: int, message: str, **headers: str) -> Callable[[], Response]:
    body = {"error": {"message": message, "param": "temperature", "type": "x", "code": None}}
    return lambda: JSONResponse(body, status, headers)


def word(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"text": text, "finish_reason": finish_reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}
GOOD = events(word("Hel"), word("lo"), word("", "stop"), USAGE, "[DONE]")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def make(service: Service, serve: Callable[..., str]) -> Callable[..., FlexServeLLM]:
    url = serve(service.app, service)
    return lambda **options: FlexServeLLM(base_url=f"{url}/v1", **options)


@pytest.fixture(params=["sync", "async"])
def invoke(request: pytest.FixtureRequest) -> Callable[..., str]:
    if request.param == "sync":
        return lambda llm: llm.invoke("a")
    return lambda llm: asyncio.run(llm.ainvoke("a"))


def test_any_openai_service_will_do(service: Service, make: Any, invoke: Any) -> None:
    service.answers = [GOOD]
    llm = make(temperature=0.5, max_tokens=9, top_k=2, stop=["x"], api_key="secret", logprobs=True)
    assert invoke(llm) == "Hello"
    assert service.bodies == [
        {
            "model": "scripted",
            "prompt": "a",
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "max_tokens": 9,
            "top_k": 2,
            "stop": ["x"],
            "logprobs": 0,
        }
    ]
    assert service.headers[0]["authorization"] == "Bearer secret"


def test_without_a_key_none_is_sent(service: Service, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEXSERVE_API_KEY", raising=False)
    service.answers = [GOOD]
    make().invoke("a")
    assert "authorization" not in service.headers[0]


def test_a_busy_service_is_tried_again(service: Service, make: Any, invoke: Any) -> None:
    service.answers = [refusal(429, "full", **{"retry-after": "0"}), refusal(503, "starting"), GOOD]
    assert invoke(make(max_retries=2)) == "Hello"


def test_but_not_for_ever(service: Service, make: Any, invoke: Any) -> None:
    service.answers = [refusal(429, "full", **{"retry-after": "0"})] * 2
    with pytest.raises(ServiceError, match="full") as caught:
        invoke(make(max_retries=1))
    assert caught.value.status == 429
    assert len(service.bodies) == 2


def test_a_refusal_names_the_field_and_is_not_repeated(service: Service, make: Any, invoke: Any) -> None:
    service.answers = [refusal(400, "temperature = -1 is not accepted")]
    with pytest.raises(ServiceError, match="temperature = -1") as caught:
        invoke(make(max_retries=3))
    assert (caught.value.status, caught.value.param) == (400, "temperature")
    assert len(service.bodies) == 1


def test_silence_times_out(service: Service, make: Any, invoke: Any) -> None:
    service.answers = [events(word("Hel"), then_silence=True)]
    with pytest.raises(TimeoutError, match=r"0\.2"):
        invoke(make(timeout=0.2))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (events(word("Hel")), "broke off"),
        (events(word("Hel"), "not json"), "not JSON"),
        (events(word("Hel"), {"error": {"message": "the engine failed"}}), "the engine failed"),
        (lambda: Response("<html>a proxy</html>", 502), "a proxy"),
    ],
)
def test_a_broken_answer_is_an_error(
    service: Service, make: Any, invoke: Any, answer: Any, message: str
) -> None:
    service.answers = [answer]
    with pytest.raises(ServiceError, match=message):
        invoke(make())


def test_nobody_there(invoke: Any) -> None:
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        port = bound_but_not_listening.getsockname()[1]
        with pytest.raises(ServiceError, match="Is the server running"):
            invoke(FlexServeLLM(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0))


def test_a_service_without_a_model(service: Service, make: Any, invoke: Any) -> None:
    service.models = []
    with pytest.raises(ServiceError, match="model="):
        invoke(make())
    service.answers = [GOOD]
    assert invoke(make(model="named")) == "Hello"
    assert service.bodies[0]["model"] == "named"


def test_both_forms_of_logprobs_become_one(service: Service, make: Any) -> None:
    parallel = {"tokens": ["Hi"], "token_logprobs": [-0.1], "top_logprobs": [{"Hi": -0.1, "Ho": -2.0}]}
    listed = {"content": [{"token": "Hi", "logprob": -0.1, "top_logprobs": []}]}
    choices = [{"text": "Hi", "logprobs": parallel, "finish_reason": "stop"}]
    chat_choices = [{"delta": {"content": "Hi"}, "logprobs": listed, "finish_reason": "stop"}]
    service.answers = [events({"choices": choices}), events({"choices": chat_choices})]
    llm = make(logprobs=True, top_logprobs=2)
    completion = llm.generate(["a"]).generations[0][0].generation_info["logprobs"]["content"]
    chat = ChatFlexServe(base_url=llm.base_url, logprobs=True).invoke("a").response_metadata["logprobs"]
    assert completion == [
        {
            "token": "Hi",
            "logprob": -0.1,
            "top_logprobs": [{"token": "Hi", "logprob": -0.1}, {"token": "Ho", "logprob": -2.0}],
        }
    ]
    assert chat["content"][0]["logprob"] == -0.1


def test_closing_a_stream_closes_its_connection(service: Service, make: Any) -> None:
    gone = threading.Event()

    async def lines() -> AsyncIterator[str]:
        try:
            while True:
                yield f"data: {json.dumps(word('x'))}\n\n"
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    service.answers = [lambda: StreamingResponse(lines(), media_type="text/event-stream")]
    pieces: Any = make().stream("a")
    assert next(pieces) == "x"
    assert not gone.is_set()
    pieces.close()
    assert gone.wait(10), "the service was never told"
