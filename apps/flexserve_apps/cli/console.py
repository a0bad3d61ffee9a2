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
    from flexserve_core import EngineFailedError, FlexServeError

    try:
        yield
    except FlexServeError as error:
        err.print(f"[bold red]Error:[/] {escape(str(error))}")
        raise typer.Exit(ENGINE_ERROR if isinstance(error, EngineFailedError) else USER_ERROR) from None


@contextmanager
def loading(model: str) -> Iterator[Callable[[str], None]]:
    """A spinner on a terminal; yields the function that says what is being done. Silent when piped."""
    with err.status(f"Preparing {escape(model)} …") as status:
        from transformers.utils import logging

        logging.disable_progress_bar()  # its bar over a model's tensors would write across the spinner
        yield lambda message: status.update(f"{escape(message[:1].upper() + message[1:])} …")
