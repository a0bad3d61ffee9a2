"""An application behind a real socket, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flexserve_apps.cli.web import WebServer, bind


@contextmanager
def serve_live(app: Any, engine: Any) -> Iterator[str]:
    """Serve on a free loopback port; yields the address, `http://127.0.0.1:N`."""
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    ready = threading.Event()
    server = WebServer(app, engine, ready.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        assert ready.wait(20), "the server did not come up"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()
