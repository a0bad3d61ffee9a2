"""HTTP, the chat page and LangChain at once on one engine: shared batches, and nobody's answer changes.

The engine is held after its first step until all three requests have come in, so the test depends on no
timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest
from flexserve_apps.http import create_app
from gradio_client import Client
from langchain_flexserve import ChatFlexServe

from flexserve_core.types import RequestResult, StepRecord

HTTP_SEED, PAGE_SEED, LANGCHAIN_SEED = 101, 102, 103  # by which the observer tells the front ends apart
QUESTIONS = {
    HTTP_SEED: "Tell me a story about a cat.",
    PAGE_SEED: "Travel tips for Tokyo",
    LANGCHAIN_SEED: "What is speculative inference?",
}
MAX_TOKENS = 40


class Gate:
    """Records steps and results; holds the engine after a step until `wanted` requests are there."""

    def __init__(self, server: Any, wanted: int) -> None:
        self.steps: list[StepRecord] = []
        self.seeds: dict[str, int] = {}
        self._server = server
        self._wanted = wanted

    def on_step(self, record: StepRecord) -> None:
        deadline_s = time.monotonic() + 30
        while self._wanted and time.monotonic() < deadline_s:
            health = self._server.health()
            if health.running + health.waiting >= self._wanted:
                self._wanted = 0
            time.sleep(0.002)
        self.steps.append(record)

    def on_request(self, result: RequestResult) -> None:
        self.seeds[result.request_id] = result.seed


@pytest.fixture
def gate(engine: Any) -> Iterator[Gate]:
    gate = Gate(engine, wanted=3)
    engine.add_observer(gate)
    yield gate
    engine.remove_observer(gate)


def ask_http(url: str) -> str:
    body = {
        "messages": [{"role": "user", "content": QUESTIONS[HTTP_SEED]}],
        "temperature": 0,
        "seed": HTTP_SEED,
        "max_tokens": MAX_TOKENS,
    }
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


def ask_page(client: Client) -> str:
    settings = ("", MAX_TOKENS, 0.0, 1.0, 0, 0.0, 1.0, PAGE_SEED, True)
    answer, _ = client.predict(QUESTIONS[PAGE_SEED], *settings, api_name="/chat")
    return answer["content"]


def ask_langchain(engine: Any) -> str:
    chat = ChatFlexServe(server=engine, temperature=0, seed=LANGCHAIN_SEED, max_tokens=MAX_TOKENS)
    return chat.invoke(QUESTIONS[LANGCHAIN_SEED]).text


def ask_alone(engine: Any, seed: int) -> str:
    messages = [{"role": "user", "content": QUESTIONS[seed]}]
    request = engine.make_request(
        messages=messages, temperature=0, max_new_tokens=MAX_TOKENS, speculation=False
    )
    return engine.submit(request).result().choices[0].text


def test_they_share_batches_and_leave_each_other_alone(
    engine: Any, gate: Gate, serve: Callable[..., str]
) -> None:
    url = serve(create_app(engine), engine)
    with closing(Client(url, verbose=False, download_files=False)) as page, ThreadPoolExecutor(3) as pool:
        tasks = {
            HTTP_SEED: pool.submit(ask_http, url),
            PAGE_SEED: pool.submit(ask_page, page),
            LANGCHAIN_SEED: pool.submit(ask_langchain, engine),
        }
        answers = {seed: task.result(timeout=60) for seed, task in tasks.items()}

    together = [{gate.seeds[request_id] for request_id in step.request_ids} for step in gate.steps]
    assert {HTTP_SEED, PAGE_SEED, LANGCHAIN_SEED} in together, (
        "no LLM forward held a request of each front end"
    )
    assert answers == {seed: ask_alone(engine, seed) for seed in QUESTIONS}
