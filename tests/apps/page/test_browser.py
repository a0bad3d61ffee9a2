"""The page in a real browser, in front of the scripted engine, which stands still where the test says so."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_ask_watch_stop_and_ask_again(fake: Any, page_url: str, tab: Any) -> None:
    from playwright.sync_api import expect

    tab.goto(page_url)
    question = tab.locator("#question textarea")
    answers = tab.locator("#chat .bot-row")

    question.fill("How are you?")
    question.press("Enter")
    expect(answers.last).to_contain_text("Hello there, world!")
    expect(answers.last).to_contain_text("5 tokens")
    expect(answers.last).to_contain_text("tokens per LLM step")

    fake.hold()
    question.fill("And now?")
    question.press("Enter")
    tab.locator("button.stop-button").click()
    assert fake.wait_until_closed(), "the stop button did not reach the engine"
    fake.release()

    expect(question).to_be_enabled()
    question.fill("Still there?")
    question.press("Enter")
    expect(answers).to_have_count(2)
    expect(answers.last).to_contain_text("Hello there, world!")
    contents = [message["content"] for message in fake.prompts[-1]["messages"]]
    assert contents == ["How are you?", "Hello there, world!", "Still there?"]
    assert [url for url in tab.asked_for if not url.startswith((page_url, "data:", "blob:"))] == []
