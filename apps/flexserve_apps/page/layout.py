"""How the page is put together, and how it is put into an application.

Nothing of it calls another host: no analytics, no fonts or scripts from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, TypeVar

import gradio as gr
from fastapi import FastAPI

from flexserve_apps.page import controls
from flexserve_apps.page.chat import chat_handler
from flexserve_apps.page.style import CSS, theme

if TYPE_CHECKING:
    from flexserve_core import EngineInfo, EngineServer

EXAMPLES = (
    "Who are you?",
    "What is speculative inference?",
    "How do I serve my own model?",
    "Travel tips for Tokyo",
    "What is 17 + 25?",
    "Tell me a story about a cat.",
)
_COMPLETION_EXAMPLES = ("Here are some travel tips for Tokyo:\n", "Once upon a time there was a cat")
_ENDPOINT = "chat"  # what programs may call: (message, *settings)
_WAITING = 256  # questions that may wait in the page's own queue

_Made = TypeVar("_Made")


def build_page(server: EngineServer) -> gr.Blocks:
    """The chat page of `server`, without its looks: `mount_page` brings those."""
    return _in_a_loop(lambda: _build(server))


def mount_page(app: FastAPI, server: EngineServer, path: str = "/") -> FastAPI:
    """Mount the page of `server` into `app` at `path`. Register the application's own routes first."""
    return _in_a_loop(
        lambda: gr.mount_gradio_app(
            app,
            _build(server),
            path=path,
            theme=theme(),
            css=CSS,
            footer_links=[],
            show_error=False,
            max_file_size="1kb",
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
        )
    )


def _in_a_loop(make: Callable[[], _Made]) -> _Made:
    """Call `make` in an event loop; without one Gradio opens loops of its own and never closes them."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:

        async def call() -> _Made:
            return make()

        return asyncio.run(call())
    return make()


def _build(server: EngineServer) -> gr.Blocks:
    chat = server.info.has_chat_template
    at_once = server.limits.max_requests_per_batch
    with gr.Blocks(title="FlexServe", fill_height=True, analytics_enabled=False) as page:
        with gr.Sidebar(open=False, position="right", elem_id="settings"):
            gr.Markdown("### Settings")
            inputs = controls.render(server.limits, chat)
        gr.HTML(_header(server.info), elem_id="header", padding=False)
        gr.ChatInterface(
            chat_handler(server),
            chatbot=_chatbot(chat),
            textbox=_textbox(chat),
            additional_inputs=list(inputs),
            examples=[[text] for text in (EXAMPLES if chat else _COMPLETION_EXAMPLES)],
            editable=True,
            concurrency_limit=at_once,
            show_progress="hidden",
            api_name=_ENDPOINT,
            fill_width=True,
            analytics_enabled=False,
        )
    for fn in page.fns.values():
        if fn.api_name != _ENDPOINT:
            fn.api_visibility = "private"  # the page's inner workings are nobody's interface
    return page.queue(max_size=_WAITING, default_concurrency_limit=at_once)


def _header(info: EngineInfo) -> str:
    name = info.model.rstrip("/").rsplit("/", 1)[-1]
    grown = (f"grown to {info.grown}",) if info.grown else ()
    facts = escape(" · ".join((*grown, info.device, info.precision, f"speculation: {info.speculation}")))
    return (
        f'<h1>FlexServe <span title="{escape(info.model)}">{escape(name)}</span></h1>'
        f'<p title="{facts}">{facts}</p>'
    )


def _chatbot(chat: bool) -> gr.Chatbot:
    welcome = (
        "### What would you like to know?"
        if chat
        else "### Text completion\nThis model has no chat template: it continues your text as it stands, "
        "and each text stands alone."
    )
    return gr.Chatbot(
        show_label=False,
        container=False,
        height="auto",
        scale=1,
        placeholder=welcome,
        buttons=["copy"],
        feedback_options=None,
        sanitize_html=True,
        allow_tags=False,
        editable="user",
        layout="bubble",
        elem_id="chat",
    )


def _textbox(chat: bool) -> gr.Textbox:
    placeholder = "Ask something" if chat else "Text to continue"
    return gr.Textbox(
        show_label=False,
        container=False,
        placeholder=placeholder,
        elem_id="question",
        autofocus=True,
        submit_btn=True,
        stop_btn=True,
        lines=1,
        max_lines=8,
        max_length=100_000,
    )
