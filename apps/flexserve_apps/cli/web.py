"""uvicorn around the application: the port taken first, a word when ready, and an orderly end.

SIGTERM and Ctrl-C stop taking connections, let running answers finish and end with exit code 0; a second
Ctrl-C ends at once. Knows nothing of the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from flexserve_core import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from flexserve_core import EngineServer

DRAIN_S = 90.0  # what running answers get to finish
LAST_BYTES_S = 1.0  # what connections get once the engine is idle


def check_exposure(host: str, api_key: str | None, allow_unauthenticated: bool) -> None:
    """Raise ConfigurationError when the server would be open to a network without a key."""
    if api_key or allow_unauthenticated or _is_loopback(host):
        return
    raise ConfigurationError(
        "host",
        host,
        "it can be reached from other machines, and no API key is set",
        "Set --api-key (or FLEXSERVE_API_KEY), or say --allow-unauthenticated.",
    )


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet; port 0 takes a free one. Raises ConfigurationError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        problem = f"it cannot be resolved ({error.strerror})"
        raise ConfigurationError(
            "host", host, problem, "Use 127.0.0.1 or an address of this machine."
        ) from None
    sock = socket.socket(family, kind, protocol)
    if os.name == "posix":  # a restart need not wait for the last run's connections to expire
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _bind_error(host, port, error) from None
    return sock


def _bind_error(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        remedy = "Stop it, or choose another port with --port (0 takes a free one)."
        return ConfigurationError("port", port, "another program is listening on it", remedy)
    if error.errno == errno.EACCES:
        return ConfigurationError(
            "port", port, "this user may not listen on it", "Use one from 1024 to 65535."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        remedy = "Use 127.0.0.1 or an address of this machine."
        return ConfigurationError("host", host, "this machine has no such address", remedy)
    return ConfigurationError(
        "port", port, f"it cannot be used ({error.strerror})", "Choose another with --port."
    )


class WebServer(uvicorn.Server):
    """uvicorn's server, with a call when it listens and an end that waits for the engine alone."""

    def __init__(self, app: FastAPI, engine: EngineServer, on_ready: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", access_log=False, ws="none"))
        self._engine = engine
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        closer = asyncio.create_task(self._close_what_stays_open())
        try:
            await super().shutdown(sockets)
        finally:
            closer.cancel()

    async def _close_what_stays_open(self) -> None:
        """An open chat page holds a heartbeat connection for ever; cut it once the engine is idle."""
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        while self._busy() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(LAST_BYTES_S)
        for connection in list(self.server_state.connections):
            connection.transport.close()  # its request sees a client that left

    def _busy(self) -> bool:
        health = self._engine.health()
        return health.running + health.waiting > 0


def run(app: FastAPI, engine: EngineServer, sock: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until told to stop. Raises ConfigurationError when the port was taken meanwhile."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, _ignore
        )  # uvicorn raises the signal again when done; the exit code is ours to give
    host, port = sock.getsockname()[:2]
    try:
        WebServer(app, engine, on_ready).run(sockets=[sock])
    except OSError as error:
        raise _bind_error(host, port, error) from error
    finally:
        engine.stop(drain=False)  # nothing to do after an orderly end


def _ignore(*_: object) -> None:
    pass
