"""The page on a loopback port, in front of the scripted engine, and a headless browser to look at it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from flexserve_apps.page import mount_page

# No sandbox: CI often runs as root. The rest keeps the browser from calling its maker.
CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The URL at which `app` is served while the context lasts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def page_url(fake: Any) -> Iterator[str]:
    fake.start()
    app = FastAPI()
    mount_page(app, fake)
    with served(app) as url:
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
