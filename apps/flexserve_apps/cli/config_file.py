"""`--config FILE`: a YAML file whose keys are the command's own long options; what stands on the command line wins.

Knows nothing of what the options mean.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from flexserve_apps.cli.console import USER_ERROR, err

_MAX_BYTES = 1_000_000


def _read(context: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the command's defaults; every problem is one line and the exit code of wrong usage."""
    if path is None:
        return None
    try:
        context.default_map = {**(context.default_map or {}), **_defaults(context.command.params, path)}
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = getattr(error, "strerror", None) or " ".join(str(error).split())
        err.print(f"[bold red]Error:[/] --config {escape(str(path))}: {escape(problem)}")
        raise typer.Exit(USER_ERROR) from None
    return path


def _defaults(parameters: Sequence[Any], path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError("it holds lines like `dtype: bfloat16`, keyed by the command's long options")
    known = {_word(parameter): parameter for parameter in parameters if parameter.name != "config"}
    defaults = {}
    for key, value in found.items():
        parameter = known.get(key.replace("_", "-"))
        if parameter is None or parameter.name is None:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"{key}: there is no such option; {hint}")
        defaults[parameter.name] = _value(key, value, parameter)
    return defaults


def _word(parameter: Any) -> str:
    longest = max(parameter.opts, key=len)
    return longest.removeprefix("--").replace("_", "-")


def _value(key: str, value: Any, parameter: Any) -> Any:
    """In the form the command line would give it; the command checks it like any other."""
    if isinstance(value, dict):
        return json.dumps(value)
    many = getattr(parameter, "multiple", False)
    if isinstance(value, list) and many and all(isinstance(one, str) for one in value):
        return value
    if isinstance(value, str) and many:
        return [value]
    switch = getattr(parameter, "is_flag", False)
    if switch != isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{key}: {value!r} is no value of this option; write it as on the command line")
    return value


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_read,
        help="YAML file of this command's long options, as `flexserve tune` writes one; the command line wins.",
    ),
]
