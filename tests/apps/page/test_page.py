"""The page as it is served: its settings, its endpoint, and that it calls nobody."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from flexserve_apps.page import build_page


def chat_component(page: Any) -> dict[str, Any]:
    return next(part["props"] for part in page.config["components"] if part["type"] == "chatbot")


def test_nothing_is_reported_to_anyone(fake: Any) -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert build_page(fake).analytics_enabled is False


def test_as_many_questions_at_once_as_the_engine_takes(fake: Any) -> None:
    """Gradio's default is one at a time, which would keep the engine's batch at one."""
    page = build_page(fake)
    limits = [fn.concurrency_limit for fn in page.fns.values() if fn.types_generator]
    at_once = fake.limits.max_requests_per_batch
    assert limits.count(at_once) >= 2  # the page's own events and the endpoint
    assert set(limits) <= {at_once, "default"}
    assert page._queue.default_concurrency_limit == at_once


def test_what_a_model_says_is_sanitised(fake: Any) -> None:
    chat = chat_component(build_page(fake))
    assert chat["sanitize_html"] is True
    assert chat["allow_tags"] is False


def test_a_models_name_cannot_bring_html(fake: Any) -> None:
    fake.info = replace(fake.info, model="<img src=x onerror=alert(1)>")
    config = str(build_page(fake).config)
    assert "<img" not in config
    assert "&lt;img" in config


def test_the_page_loads_nothing_from_elsewhere(page_url: str) -> None:
    html = httpx.get(page_url).text
    styles = httpx.get(f"{page_url}/theme.css").text
    fetched = re.findall(r"""<(?:link|script|img)[^>]+(?:href|src)=["'](https?://[^"']+)""", html)
    fetched += re.findall(r"url\(['\"]?(https?://[^'\")]+)|@import", styles)
    assert [url for url in fetched if not url.startswith(page_url)] == []
    assert "system-ui" in styles


def test_the_endpoint_answers_programs(page_url: str) -> None:
    client = pytest.importorskip("gradio_client")
    chat = client.Client(page_url, verbose=False, download_files=False)
    answer, remark = chat.predict("hi", "", 16, 0.0, 1.0, 0, 0.0, 1.0, None, True, api_name="/chat")
    assert answer["content"] == "Hello there, world!"
    assert list(chat.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/chat"]
    assert remark["metadata"]["title"].startswith("5 tokens")
