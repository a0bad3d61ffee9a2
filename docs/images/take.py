"""Takes the README's picture of the chat page: the real engine, a headless chromium, three questions.

Run: python docs/images/take.py            (needs the test extras and Debian's chromium; writes chat.png
beside itself) python docs/images/take.py --phone    (390 x 844 instead of 1280 x 800; writes chat-phone.png)
"""

from __future__ import annotations

import argparse
import shutil
import threading
from pathlib import Path

from flexserve_apps.cli.web import WebServer, bind
from flexserve_apps.http import create_app
from playwright.sync_api import Page, expect, sync_playwright

from flexserve_core import EngineConfig, build_server

QUESTIONS = ("Who are you?", "Travel tips for Tokyo", "Tell me a story about a cat.")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chat(page: Page, address: str) -> None:
    """Ask the questions; returns while the last answer is being written."""
    page.goto(address)
    question, answers = page.locator("#question textarea"), page.locator("#chat .bot-row")
    for number, text in enumerate(QUESTIONS):
        expect(question).to_be_enabled()
        question.fill(text)
        question.press("Enter")
        expect(answers).to_have_count(number + 1)
        expect(answers.last).to_contain_text("tokens/s")
        if number + 1 < len(QUESTIONS):
            expect(page.locator("button.submit-button")).to_be_visible(timeout=60_000)


def take(address: str, size: tuple[int, int], picture: Path) -> None:
    """Write `picture`, `size` in pixels."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        chat(page, address)
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo")
    parser.add_argument("--phone", action="store_true")
    arguments = parser.parse_args()
    size, name = ((390, 844), "chat-phone.png") if arguments.phone else ((1280, 800), "chat.png")
    with build_server(EngineConfig(model=arguments.model)) as engine, bind("127.0.0.1", 0) as sock:
        ready = threading.Event()
        server = WebServer(create_app(engine), engine, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        ready.wait(30)
        take(f"http://127.0.0.1:{sock.getsockname()[1]}", size, Path(__file__).with_name(name))
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
