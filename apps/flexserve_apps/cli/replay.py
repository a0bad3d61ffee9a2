"""`flexserve replay`: compute a receipt's answer again and say whether every token is equal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flexserve_apps.cli import options
from flexserve_apps.cli.console import err, loading, out, user_errors

DIFFERENT = 1

ReceiptFile = Annotated[
    Path, typer.Argument(metavar="RECEIPT.json", help="Written by generate --receipt-file.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="MODEL", help="Where the model lies, if no longer in its old place."),
]


def replay(receipt: ReceiptFile, model: Model = None, device: options.Device = None) -> None:
    """Compute a receipt's answer again, without speculation, and compare every token.

    Exit code 0: all equal, 1: some differ, 2: it cannot be replayed here.
    """
    with user_errors():
        from flexserve_core import Receipt, build_server, replay_receipt

        paper = Receipt.from_json(_read(receipt))
        name = model or paper.model
        with loading(name) as progress:
            config = options.engine_config(
                name, None, True, dtype=paper.dtype, device=device, **paper.settings
            )
            engine = build_server(config, progress=progress)
        with engine:
            outcome = replay_receipt(paper, engine)
    for note in outcome.notes:
        err.print(f"[yellow]Note:[/] {escape(note)}")
    if outcome.first_difference is None:
        out.print(f"[green]Equal:[/] all {outcome.tokens_compared} tokens.")
        return
    choice, index = outcome.first_difference
    out.print(f"[red]Different:[/] first at token {index} of choice {choice}.")
    raise typer.Exit(DIFFERENT)


def _read(path: Path) -> str:
    from flexserve_core import ConfigurationError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigurationError(
            "receipt", str(path), problem, "Name a receipt that FlexServe wrote."
        ) from None
