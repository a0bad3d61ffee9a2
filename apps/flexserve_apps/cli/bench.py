"""`flexserve bench tree`: what trees cost and bring here, in tables and plots.

Knows nothing of how it is measured.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flexserve_apps.cli import options
from flexserve_apps.cli.console import err, loading, out, user_errors

if TYPE_CHECKING:
    from flexserve_core import TreeReport

bench = typer.Typer(help="Measure what speculation does on this machine.", no_args_is_help=True)

PromptFile = Annotated[
    Path | None,
    typer.Option(
        "--prompts", metavar="FILE", help='JSON array of prompts, ["…", …]; without it six short ones.'
    ),
]
Tokens = Annotated[int, typer.Option("--max-new-tokens", min=1, metavar="N", help="Of every completion.")]
Batch = Annotated[int, typer.Option(min=1, metavar="N", help="Prompts that run at once.")]


def prompts_of(path: Path | None) -> list[str]:
    """Of the file, or the built-in ones. Raises ConfigurationError."""
    from flexserve_apps.cli.generate import read_prompts
    from flexserve_core import DEFAULT_PROMPTS

    return list(DEFAULT_PROMPTS) if path is None else read_prompts(None, path)


@bench.callback()
def _bench() -> None:
    """Measure what speculation does on this machine."""


@bench.command()
def tree(
    model: options.Model = "demo",
    ssm: options.Ssm = None,
    speculative_config: options.SpeculativeConfig = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    prompts: PromptFile = None,
    max_new_tokens: Tokens = 64,
    batch: Batch = 1,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Passes over the prompts per tree size.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="One JSON document instead.")] = False,
) -> None:
    """Cost against rows, acceptance by depth and rank, speed by tree size, and what the adaptive policy chose."""
    with user_errors():
        from flexserve_core import bench_tree

        config = options.engine_config(model, ssm, False, speculative_config, dtype=dtype, device=device)
        texts = prompts_of(prompts)
        with loading(model) as say:
            report = bench_tree(
                config, texts, max_new_tokens=max_new_tokens, batch=batch, rounds=rounds, say=say
            )
    if as_json:
        typer.echo(json.dumps(asdict(report) | {"prompts": len(texts), "batch": batch}))
        return
    print_report(report)
    err.print(f"{len(texts)} prompts, batch {batch}, {max_new_tokens} tokens at most, greedy.", style="dim")


def print_report(report: TreeReport) -> None:
    """Three tables and two plots."""
    out.print(f"[bold]{escape(report.model)}[/]: {escape(report.speculation)}\n")
    _print_costs(report)
    _print_acceptance(report)
    _print_speeds(report)
    plain = next(one for one in report.speeds if one.nodes == 0)
    adaptive = next(one for one in report.speeds if one.nodes is None)
    out.print(
        f"The adaptive policy verified {report.mean_nodes:.1f} nodes, {report.mean_depth:.1f} deep, on average: "
        f"{adaptive.tokens_per_s / plain.tokens_per_s:.2f} × plain decoding."
    )
    out.print(f"Best fixed tree for this acceptance (Sequoia): {report.planned_shape}.")
    out.print(f"Tokens that differed between any two ways: {report.token_mismatches}")


def _print_costs(report: TreeReport) -> None:
    rows = sorted(next(iter(report.costs.values())))
    table = Table("forward, ms, by rows", *map(str, rows), box=None)
    for name, points in report.costs.items():
        table.add_row(escape(name), *(f"{points[row] * 1e3:.2f}" if row in points else "" for row in rows))
    out.print(table)
    llm = report.costs[report.model]
    out.print(_plot("ms by rows", [*llm], [seconds * 1e3 for seconds in llm.values()]))


def _print_acceptance(report: TreeReport) -> None:
    ranks = sorted({one.rank for one in report.acceptance})
    table = Table("accepted, of offered, by depth", *(f"rank {rank}" for rank in ranks), box=None)
    cells = {(one.depth, one.rank): f"{one.share:.0%} of {one.offered}" for one in report.acceptance}
    for depth in sorted({one.depth for one in report.acceptance}):
        table.add_row(str(depth), *(cells.get((depth, rank), "") for rank in ranks))
    out.print(table)


def _print_speeds(report: TreeReport) -> None:
    table = Table("tree nodes", "tokens/s", "tokens per LLM step", box=None)
    for one in report.speeds:
        size = "adaptive" if one.nodes is None else str(one.nodes) if one.nodes else "0 (plain)"
        table.add_row(size, f"{one.tokens_per_s:.1f}", f"{one.tokens_per_step:.2f}")
    out.print(table)
    fixed = [one for one in report.speeds if one.nodes is not None]
    out.print(
        _plot(
            "tokens/s by tree nodes", [one.nodes or 0 for one in fixed], [one.tokens_per_s for one in fixed]
        )
    )


def _plot(title: str, x: list[int], y: list[float]) -> Text:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(64, 12)
    plotext.title(title)
    plotext.plot(x, y, marker="braille")
    plotext.scatter(x, y)
    return Text(plotext.uncolorize(plotext.build()).rstrip())
