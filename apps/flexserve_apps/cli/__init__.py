"""The command `flexserve`: serve, generate, replay, info, plan, tune, bench, quantize.

Only typer and rich are imported here; each command imports the engine when it runs, so that `--help` is
quick.
"""

from __future__ import annotations

import importlib.metadata
from typing import Annotated

import typer

from flexserve_apps.cli.bench import bench
from flexserve_apps.cli.generate import generate
from flexserve_apps.cli.info import info
from flexserve_apps.cli.plan import plan
from flexserve_apps.cli.quantize import quantize
from flexserve_apps.cli.replay import replay
from flexserve_apps.cli.serve import serve
from flexserve_apps.cli.tune import tune

app = typer.Typer(
    name="flexserve",
    help="Serve and run large language models with token-tree speculative inference.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # its listing of local variables would print prompts and keys
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (serve, generate, replay, info, plan, quantize, tune):
    app.command()(command)
app.add_typer(bench, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flexserve {importlib.metadata.version('flexserve')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Serve and run large language models with token-tree speculative inference."""
