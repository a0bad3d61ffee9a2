"""`flexserve bench tree`, `flexserve tune` and `serve --config`, as the terminal sees them."""

from __future__ import annotations

import json

import pytest
import yaml
from flexserve_apps.cli import app
from typer.testing import CliRunner

from flexserve_core.testing import write_tiny_pair

RUN = CliRunner()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return [str(path) for path in write_tiny_pair(tmp_path_factory.mktemp("pair"))]


@pytest.fixture
def prompts(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text('["The cat sat", "one two"]')
    return str(path)


def test_bench_tree_prints_tables_and_plots(pair, prompts):
    arguments = ["bench", "tree", pair[0], "--ssm", pair[1], "--prompts", prompts, "--rounds", "1"]
    result = RUN.invoke(app, [*arguments, "--max-new-tokens", "8", "--dtype", "float32"])
    assert result.exit_code == 0, result.output
    for part in (
        "forward, ms, by rows",
        "rank 1",
        "adaptive",
        "Sequoia",
        "differed between any two ways: 0",
        "┤",
    ):
        assert part in result.output
    assert "\x1b" not in result.output
    result = RUN.invoke(app, [*arguments, "--max-new-tokens", "8", "--dtype", "float32", "--json"])
    report = json.loads(result.stdout)
    assert report["token_mismatches"] == 0
    assert report["speeds"][0]["nodes"] == 0


def test_tune_writes_what_serve_reads(pair, prompts, tmp_path, monkeypatch):
    output = tmp_path / "settings.yaml"
    arguments = [
        "tune",
        pair[0],
        "--ssm",
        pair[1],
        "--prompts",
        prompts,
        "--seconds",
        "1",
        "--max-new-tokens",
        "6",
    ]
    result = RUN.invoke(app, [*arguments, "-o", str(output)])
    assert result.exit_code == 0, result.output
    for part in ("precision", "drafters", "→", "in turns", "one precision: 0"):
        assert part in result.output
    settings = yaml.safe_load(output.read_text())
    assert settings["model"] == pair[0]
    asked = given(monkeypatch, ["--config", str(output)])
    assert asked.model == pair[0]
    assert asked.speculation is not settings.get("no-speculation", False)


def test_tune_refuses_an_unwritable_file_before_measuring(tmp_path):
    result = RUN.invoke(app, ["tune", "-o", str(tmp_path / "no" / "such.yaml")])
    assert result.exit_code == 2
    assert "output" in result.output


class Asked(Exception):
    """Carries the configuration that `serve` would have loaded."""


def given(monkeypatch, arguments):
    """The EngineConfig of `flexserve serve ARGUMENTS`."""
    import flexserve_core

    def stop(config, progress):
        raise Asked(config)

    monkeypatch.setattr(flexserve_core, "build_server", stop, raising=False)
    result = RUN.invoke(app, ["serve", "--port", "0", *arguments])
    assert isinstance(result.exception, Asked), result.output
    return result.exception.args[0]


def test_the_command_line_wins_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "settings.yaml"
    file.write_text("model: here\ndtype: float32\nmax-seq-length: 100\nssm: [a, b]\nthreads: 3\n")
    config = given(monkeypatch, ["--config", str(file), "--dtype", "bfloat16"])
    assert (config.model, config.dtype, config.max_seq_length, config.threads) == ("here", "bfloat16", 100, 3)
    assert config.ssms == ("a", "b")
    assert given(monkeypatch, ["other", "--config", str(file)]).model == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dtyp: float32", "did you mean dtype"),
        ("- a", "long options"),
        ("a: [", "line 1"),
        ("max-seq-length: [1]", "max-seq-length"),
        ("no-speculation: 3", "no-speculation"),
        ("config: x.yaml", "no such option"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("max-seq-length: many", "integer"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, text, said):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    result = RUN.invoke(app, ["serve", "--config", str(file)])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_missing_file():
    result = RUN.invoke(app, ["serve", "--config", "/no/such/file.yaml"])
    assert result.exit_code == 2
    assert "No such file" in result.output
