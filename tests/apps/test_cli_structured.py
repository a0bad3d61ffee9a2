"""`flexserve generate` with a schema or an expression."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from flexserve_apps.cli import app
from typer.testing import CliRunner

from flexserve_core.testing import write_tiny_model

SCHEMA = {"type": "array", "items": {"enum": ["one", "two"]}, "minItems": 1, "maxItems": 3}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def run(tiny, *arguments: str):
    return CliRunner().invoke(app, ["generate", tiny, "--dtype", "float32", "-p", "Hello", *arguments])


def test_a_schema_from_a_file_and_its_replay(tiny, tmp_path):
    schema, receipt = tmp_path / "schema.json", tmp_path / "receipt.json"
    schema.write_text(json.dumps(SCHEMA))
    made = run(tiny, "--json-schema", str(schema), "--receipt-file", str(receipt))
    assert made.exit_code == 0, made.output
    jsonschema.validate(json.loads(made.stdout), SCHEMA)
    replayed = CliRunner().invoke(app, ["replay", str(receipt)])
    assert replayed.exit_code == 0, replayed.output
    assert "Equal" in replayed.output


def test_a_regex(tiny):
    made = run(tiny, "--regex", "[0-9]{3}-[a-z]{2}", "--temperature", "1")
    assert re.fullmatch("[0-9]{3}-[a-z]{2}\n", made.stdout)


def test_refusals_name_the_field(tiny, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text("{")
    for arguments, word in (
        (["--regex", "("], "structured.regex"),
        (["--json-schema", str(schema)], "valid JSON"),
        (["--json-schema", str(tmp_path / "none.json")], "No such file"),
        (["--json-schema", str(schema), "--regex", "a"], "Give one of them"),
    ):
        refused = run(tiny, *arguments)
        assert refused.exit_code == 2
        assert word in refused.output
        assert "Traceback" not in refused.output
