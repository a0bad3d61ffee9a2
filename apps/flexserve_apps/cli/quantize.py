"""`flexserve quantize`: a quantised copy of a model, for FlexServe and for transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flexserve_apps.cli import options
from flexserve_apps.cli.console import loading, out, user_errors


def quantize(
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="A new or empty folder.", show_default=False)
    ],
    int4: Annotated[bool, typer.Option("--int4", metavar="", help="NF4 in blocks of 64.")] = False,
    int8: Annotated[bool, typer.Option("--int8", metavar="", help="LLM.int8.")] = False,
) -> None:
    """Write a quantised copy of a model in bitsandbytes' format; the head stays in full precision.

    Example: [cyan]flexserve quantize meta-llama/Llama-3.1-8B-Instruct --int4 -o llama-int4[/]
    """
    with user_errors():
        from flexserve_core import ConfigurationError, quantise_checkpoint

        if int4 == int8:
            raise ConfigurationError(
                "quantization", "both" if int4 else "none", "it is one of --int4, --int8", "Give one of them."
            )
        with loading(model) as progress:
            progress(f"quantising {model}")
            nbytes = quantise_checkpoint(model, "int4" if int4 else "int8", output)
    out.print(f"{nbytes / 2**20:.1f} MiB of weights in {escape(str(output))}")
