"""Every example runs as it stands and does what it says."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py"))


def test_no_example_goes_untested() -> None:
    assert SCRIPTS == ["langchain/prompt_template_chain.py", "openai_client.py", "quickstart.py"]


@pytest.mark.filterwarnings(
    "ignore:num_gpus = 1"
)  # the quickstart asks for one; a machine without is told so
def test_quickstart(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    assert len(capsys.readouterr().out.split()) > 5


def test_the_chain_says_the_same_in_process_and_by_url(
    engine: Any, service_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = str(EXAMPLES / "langchain" / "prompt_template_chain.py")
    runpy.run_path(script)["run"]({"server": engine})
    in_process = capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [script, "--url", service_url])
    runpy.run_path(script, run_name="__main__")
    assert capsys.readouterr().out == in_process
    for heading in ("--- Tokyo", "--- Paris", "--- Rome", "--- What is speculative inference?"):
        assert heading in in_process


def test_the_openai_package(
    service_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = str(EXAMPLES / "openai_client.py")
    monkeypatch.setattr(sys, "argv", [script, "Who are you?", "--url", service_url])
    runpy.run_path(script, run_name="__main__")
    answer, cost = capsys.readouterr().out.rstrip().rsplit("\n", 1)
    assert answer.strip()
    assert cost.startswith("[") and cost.endswith("tokens]")  # noqa: PT018
