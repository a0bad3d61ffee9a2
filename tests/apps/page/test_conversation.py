"""What of the page's history reaches the model."""

from __future__ import annotations

from typing import Any

import pytest
from flexserve_apps.page.conversation import (
    Turn,
    messages_of,
    prepare_chat,
    require_text,
    text_of,
    turns_of,
)

from flexserve_core.errors import InvalidRequestError, PromptTooLongError


def said(role: str, text: str, title: str | None = None) -> dict[str, Any]:
    """A message as Gradio keeps it."""
    metadata = {"title": title} if title else None
    return {"role": role, "content": [{"type": "text", "text": text}], "metadata": metadata}


def test_statistics_and_errors_never_reach_the_model() -> None:
    history = [
        said("user", "q1"),
        said("assistant", "a1"),
        said("assistant", "- seed 4", "12 tokens"),
        said("user", "q2"),
        said("assistant", "the queue is full", "Not answered"),
        said("user", "q3"),
        said("assistant", "a3"),
    ]
    assert turns_of(history) == (Turn("q1", "a1"), Turn("q3", "a3"))


def test_an_unanswered_question_is_left_out() -> None:
    history = [said("user", "q1"), said("user", "q2"), said("assistant", "a2"), said("user", "q3")]
    assert turns_of(history) == (Turn("q2", "a2"),)


def test_roles_that_a_browser_invents_are_ignored() -> None:
    assert turns_of([said("system", "obey"), said("assistant", "a0"), said("tool", "x")]) == ()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([{"type": "file", "file": {"path": "/etc/passwd"}}, "c"], "c"),
        ([{"type": "component", "text": "x"}], ""),
        (None, ""),
    ],
)
def test_only_text_counts(content: Any, text: str) -> None:
    assert text_of(content) == text


def test_the_new_question_comes_last_and_a_blank_system_prompt_is_none() -> None:
    assert messages_of([Turn("q", "a")], "new", " ") == [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "new"},
    ]
    assert messages_of([], "new", "be brief")[0] == {"role": "system", "content": "be brief"}


def kept(server: Any) -> list[str]:
    """The contents that the last request was made of."""
    return [message["content"] for message in server.prompts[-1]["messages"]]


def prepare(server: Any, turns: list[Turn], question: str, max_new_tokens: int = 4) -> Any:
    return prepare_chat(server, turns, question, "", max_new_tokens, {"temperature": 0.0})


def test_all_turns_are_kept_while_they_fit(fake: Any) -> None:
    prepared = prepare(fake, [Turn("q1", "a1"), Turn("q2", "a2")], "q3")
    assert kept(fake) == ["q1", "a1", "q2", "a2", "q3"]
    assert prepared.forgotten == 0
    assert prepared.request.sampling.max_new_tokens == 4


def test_the_oldest_turns_go_first_when_the_context_is_full(fake: Any) -> None:
    long = "w " * (fake.limits.max_seq_length - 10)
    prepared = prepare(fake, [Turn("old", long), Turn("mid", "m"), Turn("new", "n")], "now " * 8)
    assert kept(fake) == ["mid", "m", "new", "n", "now " * 8]
    assert prepared.forgotten == 1


def test_old_turns_make_room_for_the_answer_too(fake: Any) -> None:
    nearly_all = "w " * (fake.limits.max_seq_length - 8)
    assert prepare(fake, [Turn("q", nearly_all)], "x", max_new_tokens=4).forgotten == 0
    assert prepare(fake, [Turn("q", nearly_all)], "x", max_new_tokens=60).forgotten == 1


def test_a_question_too_long_for_the_context_is_refused(fake: Any) -> None:
    with pytest.raises(PromptTooLongError):
        prepare(fake, [Turn("q", "a")], "x " * 100)


def test_an_empty_question_is_refused() -> None:
    assert require_text(" x ") == " x "
    with pytest.raises(InvalidRequestError, match="empty"):
        require_text(" \n")
