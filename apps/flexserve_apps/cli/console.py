"""The terminal: two consoles, the spinner while a model loads, and errors as one clear line with an exit
code.

Results go to standard output, everything else to standard error, so that output can be piped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

USER_ERROR = 2  # as the command line's own usage errors
ENGINE_ERROR = 1


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn an error that is meant for the user's eyes into one line on standard error and an exit code."""
    from flexserve_core.errors import EngineFailedError, FlexServeError

    try:
        yield
    except FlexServeError as error:
        err.print(f"[bold red]Error:[/] {escape(str(error))}")
        raise typer.Exit(ENGINE_ERROR if isinstance(error, EngineFailedError) else USER_ERROR) from None


@contextmanager
def loading(model: str) -> Iterator[Callable[[str], None]]:
    """A spinner on a terminal; yields the function that says what is being done. Silent when piped."""
    with err.status(f"Loading {escape(model)} …") as status:
        yield lambda message: status.update(f"Loading {escape(model)}: {escape(message)} …")
