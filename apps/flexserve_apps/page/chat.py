"""The page's one handler: a question and the history go in, the growing answer and its statistics come out.

Thin: `conversation` decides what the model sees, `statistics` what the line under the answer says. An async
generator on purpose: Gradio then cancels the very await it is in, so the stop button (and a closed tab)
reaches the `finally` at once and the engine frees the request's slot within a step; no worker thread waits
for tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexserve_apps.page.controls import Settings
from flexserve_apps.page.conversation import (
    Prepared,
    prepare_chat,
    require_text,
    turns_of,
)
from flexserve_apps.page.statistics import Tally
from flexserve_core import FlexServeError

if TYPE_CHECKING:
    from flexserve_core import EngineServer

Message = dict[str, Any]
Handler = Callable[..., AsyncIterator[list[Message]]]

_UPDATE_S = 0.05  # a browser cannot show more than twenty updates a second to any use


def chat_handler(server: EngineServer) -> Handler:
    """The function behind the page: `(message, history, *settings)` gives lists of assistant messages."""

    async def chat(message: str, history: list[Message], *settings: Any) -> AsyncIterator[list[Message]]:
        """Ask the model; the settings are those of the page's panel, in its order."""
        try:
            prepared = await asyncio.to_thread(_prepare, server, message, history, Settings(*settings))
            stream = server.submit(prepared.request)
        except FlexServeError as error:
            yield [_problem("Not answered", error)]
            return
        tally = Tally(prepared.forgotten)
        shown_s = 0.0
        try:
            async for chunk in stream:
                now_s = time.monotonic()
                tally.add(chunk, now_s)
                if chunk.result or now_s - shown_s >= _UPDATE_S:
                    shown_s = now_s
                    yield _answer(tally)
        except FlexServeError as error:
            yield [*_answer(tally), _problem("The answer broke off", error)]
        finally:
            stream.close()

    return chat


def _prepare(
    server: EngineServer, message: str, history: Sequence[Mapping[str, Any]], settings: Settings
) -> Prepared:
    question, length, sampling = require_text(message), int(settings.max_new_tokens), settings.sampling()
    if not server.info.has_chat_template:
        return Prepared(server.make_request(prompt=question, max_new_tokens=length, **sampling))
    return prepare_chat(server, turns_of(history), question, settings.system_prompt, length, sampling)


def _answer(tally: Tally) -> list[Message]:
    """The text, and its statistics: the title makes Gradio show them small, and keeps them from the model."""
    metadata = {"title": tally.line(), "status": "done"}  # done: folded, the reader opens it
    return [
        {"role": "assistant", "content": tally.text},
        {"role": "assistant", "content": tally.details(), "metadata": metadata},
    ]


def _problem(title: str, error: FlexServeError) -> Message:
    """A remark that is open from the start."""
    return {"role": "assistant", "content": str(error), "metadata": {"title": title}}
