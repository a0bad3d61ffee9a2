"""What of a conversation the model gets to see: the page's history as turns, messages and a request.

Pure functions over the history as Gradio keeps it. Knows nothing of Gradio's components or of streaming.
Messages with a title in their metadata are the page's own remarks (statistics, errors) and never reach the
model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexserve_core import InvalidRequestError, PromptTooLongError, Request

if TYPE_CHECKING:
    from flexserve_core import EngineServer

# An answer that asks for it gets a quarter of the context, 1 / _ROOM, before old turns are kept.
_ROOM = 4


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request and how many of the oldest turns had to be left out of it."""

    request: Request
    forgotten: int = 0


def text_of(content: Any) -> str:
    """The text of one message's content: a string, or a list of parts of which only text counts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return str(content.get("text", "")) if content.get("type", "text") == "text" else ""
    return "".join(text_of(part) for part in content) if isinstance(content, Sequence) else ""


def turns_of(history: Sequence[Mapping[str, Any]]) -> tuple[Turn, ...]:
    """The answered questions of `history`, oldest first; questions that got no answer are left out."""
    turns: list[Turn] = []
    question: str | None = None
    for message in history:
        text = text_of(message.get("content"))
        if message.get("role") == "user":
            question = text
        elif message.get("role") == "assistant" and not is_remark(message) and text and question is not None:
            turns.append(Turn(question, text))
            question = None
    return tuple(turns)


def is_remark(message: Mapping[str, Any]) -> bool:
    """Whether the page itself said this."""
    return bool((message.get("metadata") or {}).get("title"))


def messages_of(turns: Sequence[Turn], question: str, system_prompt: str) -> list[dict[str, str]]:
    """The role/content messages of a chat template, the new question last."""
    messages = [{"role": "system", "content": system_prompt}] if system_prompt.strip() else []
    for turn in turns:
        messages += [
            {"role": "user", "content": turn.question},
            {"role": "assistant", "content": turn.answer},
        ]
    return [*messages, {"role": "user", "content": question}]


def prepare_chat(
    server: EngineServer,
    turns: Sequence[Turn],
    question: str,
    system_prompt: str,
    max_new_tokens: int,
    sampling: Mapping[str, Any],
) -> Prepared:
    """The request for `question` with as many of the latest turns as leave room for the answer.

    Raises `InvalidRequestError` for a refused field, `PromptTooLongError` when the question alone does not
    fit.
    """
    context = server.limits.max_seq_length
    wanted = min(max_new_tokens, context // _ROOM)
    fields = {**sampling, "max_new_tokens": max_new_tokens}
    for forgotten in range(len(turns) + 1):
        last = forgotten == len(turns)
        try:
            request = server.make_request(
                messages=messages_of(turns[forgotten:], question, system_prompt), **fields
            )
        except PromptTooLongError:
            if last:
                raise
            continue
        if last or context - len(request.prompt_token_ids) >= wanted:
            return Prepared(request, forgotten)
    raise AssertionError("the last round returns or raises")


def require_text(text: str) -> str:
    """`text` itself; `InvalidRequestError` when there is nothing in it."""
    if not text.strip():
        raise InvalidRequestError("message", text, "it is empty", "Type a question first.")
    return text
