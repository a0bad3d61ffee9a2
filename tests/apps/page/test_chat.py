"""The page's handler on the scripted engine: streaming, history, errors, aborts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import astuple, replace
from typing import Any

import pytest
from flexserve_apps.page.chat import chat_handler
from flexserve_apps.page.controls import Settings

SETTINGS = Settings(
    system_prompt="be brief",
    max_new_tokens=16,
    temperature=0.0,
    top_p=1.0,
    top_k=5.0,
    min_p=0.0,
    repetition_penalty=1.0,
    seed=3.0,
    speculation=False,
)


def ask(server: Any, message: str, history: list[Any] | None = None, settings: Settings = SETTINGS) -> Any:
    return chat_handler(server)(message, history or [], *astuple(settings))


def last(answers: AsyncIterator[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    async def drain() -> list[dict[str, Any]]:
        return [answer async for answer in answers][-1]

    return asyncio.run(drain())


def test_the_answer_and_its_statistics(fake: Any) -> None:
    fake.start()
    answer, remark = last(ask(fake, "hi"))
    assert answer == {"role": "assistant", "content": "Hello there, world!"}
    assert remark["metadata"]["title"].startswith("5 tokens")
    assert "seed 3" in remark["content"]


def test_settings_and_history_reach_the_engine(fake: Any) -> None:
    fake.start()
    history = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    last(ask(fake, "hi", history))
    roles = [(message["role"], message["content"]) for message in fake.prompts[-1]["messages"]]
    assert roles == [("system", "be brief"), ("user", "q"), ("assistant", "a"), ("user", "hi")]
    sampling = fake.submitted[-1].sampling
    assert (sampling.temperature, sampling.top_k, sampling.seed) == (0.0, 5, 3)
    assert (sampling.max_new_tokens, sampling.speculation) == (16, False)


def test_without_a_seed_one_is_drawn_that_a_browser_can_send_back(fake: Any) -> None:
    fake.start()
    _, remark = last(ask(fake, "hi", settings=replace(SETTINGS, seed=None)))
    seed = fake.submitted[-1].sampling.seed
    assert 0 <= seed < 2**31
    assert f"seed {seed}" in remark["content"]


def test_a_model_without_a_chat_template_continues_the_text(fake: Any) -> None:
    fake.info = replace(fake.info, has_chat_template=False)
    fake.start()
    last(ask(fake, "Once upon", [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]))
    assert fake.prompts[-1] == {"prompt": "Once upon"}


def test_text_grows_while_the_engine_works(fake: Any) -> None:
    async def watch() -> list[str]:
        answers = ask(fake, "hi")
        seen = [(await anext(answers))[0]["content"]]
        seen += [answer[0]["content"] async for answer in answers]
        return seen

    fake.start()
    seen = asyncio.run(watch())
    assert seen[0] == "Hello"
    assert seen[-1] == "Hello there, world!"


def test_stopping_frees_the_slot(fake: Any) -> None:
    """Gradio's stop button cancels the await that the handler is in, then closes it."""

    async def stop() -> None:
        answers = ask(fake, "hi")
        reading = asyncio.ensure_future(anext(answers))
        while not fake.submitted:
            await asyncio.sleep(0.001)
        assert not fake.closed
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await answers.aclose()

    fake.hold()
    fake.start()
    asyncio.run(stop())
    assert fake.closed == [fake.submitted[0].request_id]


@pytest.mark.parametrize(
    ("message", "settings", "said"),
    [
        (" ", SETTINGS, "Type a question"),
        ("x " * 100, SETTINGS, "at most 64"),
        ("hi", replace(SETTINGS, temperature=-1.0), "temperature"),
    ],
)
def test_bad_input_is_answered_with_a_remark(fake: Any, message: str, settings: Settings, said: str) -> None:
    fake.start()
    (remark,) = last(ask(fake, message, settings=settings))
    assert remark["metadata"]["title"] == "Not answered"
    assert said in remark["content"]
    assert not fake.submitted


def test_a_full_queue_and_a_stopped_engine_are_answered_with_a_remark(fake: Any) -> None:
    (stopped,) = last(ask(fake, "hi"))
    fake.max_queued = 0
    fake.start()
    (full,) = last(ask(fake, "hi"))
    assert "not running" in stopped["content"]
    assert "waiting already" in full["content"]


def test_an_engine_that_fails_midway_leaves_the_text_and_says_so(fake: Any) -> None:
    async def fail() -> list[dict[str, Any]]:
        answers = ask(fake, "hi")
        reading = asyncio.ensure_future(anext(answers))
        while not fake.submitted:
            await asyncio.sleep(0.001)
        fake.fail()
        return await reading

    fake.hold()
    fake.start()
    answer = asyncio.run(fail())
    assert answer[-1]["metadata"]["title"] == "The answer broke off"
    assert "restarted" in answer[-1]["content"]
