"""`flexserve tune`: the fastest settings for a person's prompts, as a file that `flexserve serve --config` takes.

Knows nothing of how they are found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from flexserve_apps.cli import options
from flexserve_apps.cli.bench import Batch, PromptFile, Tokens, prompts_of
from flexserve_apps.cli.console import err, loading, out, user_errors

if TYPE_CHECKING:
    from flexserve_core import Tuning


def tune(
    model: options.Model = "demo",
    ssm: options.Ssm = None,
    prompts: PromptFile = None,
    seconds: Annotated[
        float, typer.Option(min=1.0, metavar="S", help="To spend on measuring; loading comes on top.")
    ] = 60.0,
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="DTYPE", help="A precision to try beside the automatic one; repeatable."),
    ] = None,
    device: options.Device = None,
    max_new_tokens: Tokens = 64,
    batch: Batch = 1,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The settings, for `serve --config`.")
    ] = Path("flexserve.yaml"),
) -> None:
    """Measure precision, drafters, tree size and threads on your prompts, and write the fastest settings to a file."""
    with user_errors():
        from flexserve_core import ConfigurationError, serve_options
        from flexserve_core import tune as find

        config = options.engine_config(model, ssm, False, device=device)
        texts = prompts_of(prompts)
        _check_writable(output, ConfigurationError)
        with loading(model) as say:
            found = find(
                config,
                texts,
                seconds=seconds,
                max_new_tokens=max_new_tokens,
                batch=batch,
                dtypes=dtype or (),
                say=say,
            )
    print_tuning(found)
    measured = f"# {found.best_over_default:.2f} × the defaults on {len(texts)} prompts, batch {batch}\n"
    output.write_text(measured + yaml.safe_dump(serve_options(found.best), sort_keys=False), encoding="utf-8")
    err.print(f"Written to {escape(str(output))}; use it: flexserve serve --config {escape(str(output))}")


def _check_writable(path: Path, error: type[Exception]) -> None:
    """Before a minute of measuring, not after it."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as problem:
        raise error("output", str(path), f"{problem.strerror}", "Name a file that can be written.") from None


def print_tuning(found: Tuning) -> None:
    """Every trial, the best of each question marked, and what the winner brings."""
    table = Table("", "question", "setting", "tokens/s", "tokens per LLM step", "passes", box=None)
    best = {trial.question: trial for trial in sorted(found.trials, key=lambda trial: trial.tokens_per_s)}
    for trial in found.trials:
        table.add_row(
            "→" if trial is best[trial.question] else "",
            trial.question,
            escape(trial.answer),
            f"{trial.tokens_per_s:.1f}",
            f"{trial.tokens_per_step:.2f}",
            str(trial.passes),
        )
    out.print(table)
    out.print(f"The winner against the given settings, in turns: {found.best_over_default:.2f} ×")
    out.print(f"Tokens that differed between trials of one precision: {found.tokens_differing}")
