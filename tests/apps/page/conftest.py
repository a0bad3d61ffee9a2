"""The page on a loopback port, in front of the scripted engine, and a headless browser to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flexserve_apps.page import mount_page

from ..live import serve_live

# No sandbox: CI often runs as root. The rest keeps the browser from calling its maker.
CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def page_url(fake: Any) -> Iterator[str]:
    fake.start()
    app = FastAPI()
    mount_page(app, fake)
    with serve_live(app, fake) as url:
        yield url


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Any]:
    """A tab of a fresh headless chromium; `tab.asked_for` lists the URLs it requested."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            args=list(CHROMIUM_FLAGS),
            viewport={"width": 1280, "height": 800},
        )
        tab = context.pages[0]
        tab.asked_for = []
        tab.on("request", lambda request: tab.asked_for.append(request.url))
        yield tab
        context.close()
