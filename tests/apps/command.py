"""Running `flexserve` within a test."""

from __future__ import annotations

from flexserve_apps.cli import app
from typer.testing import CliRunner


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def check_refused(result, *words: str) -> None:
    """Exit code 2, the words, and no traceback."""
    assert result.exit_code == 2, result.output
    for word in words:
        assert word in result.output
    assert "Traceback" not in result.output
