"""A receipt written by one command and replayed by another."""

from __future__ import annotations

import json

import pytest

from flexserve_core.testing import write_tiny_model

from .command import run


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def test_an_answer_is_replayed(tiny, tmp_path):
    paper = tmp_path / "receipt.json"
    made = run(
        *("generate", tiny, "--dtype", "float32", "-p", "Hello there", "--max-new-tokens", "12"),
        *("--temperature", "0.8", "--receipt-file", str(paper)),
    )
    assert made.exit_code == 0, made.output
    replayed = run("replay", str(paper))
    assert replayed.exit_code == 0, replayed.output
    content = json.loads(paper.read_text())
    count = len(content["output_token_ids"][0])
    assert f"Equal: all {count} tokens." in replayed.output
    content["output_token_ids"][0][0] ^= 1
    paper.write_text(json.dumps(content))
    forged = run("replay", str(paper))
    assert forged.exit_code == 1
    assert "Different: first at token 0 of choice 0." in forged.output


@pytest.mark.parametrize(
    "options",
    [
        ("--quantize", "int4", "--quantize-head", "int8"),
        ("--kv-cache-dtype", "int8", "--dtype", "float32"),
    ],
    ids=" ".join,
)
def test_what_decides_about_tokens_is_in_the_receipt(tiny, tmp_path, options):
    if "--quantize" in options:
        pytest.importorskip("bitsandbytes")
    paper = tmp_path / "receipt.json"
    arguments = ("-p", "Hello there", "--max-new-tokens", "120", "--temperature", "1.3", "--no-speculation")
    made = run("generate", tiny, *arguments, *options, "--receipt-file", str(paper))
    assert made.exit_code == 0, made.output
    replayed = run("replay", str(paper))
    assert replayed.exit_code == 0, replayed.output
    assert "Equal" in replayed.output
    settings = json.loads(paper.read_text())["settings"]
    named = {
        "--quantize": "quantization",
        "--quantize-head": "quantize_head",
        "--kv-cache-dtype": "kv_cache_dtype",
    }
    asked = {
        named[name]: value for name, value in zip(options[::2], options[1::2], strict=True) if name in named
    }
    assert {name: value for name, value in settings.items() if value is not None} == asked


def test_what_is_no_receipt_is_refused(tmp_path):
    paper = tmp_path / "paper.json"
    missing = run("replay", str(paper))
    assert missing.exit_code == 2
    assert "No such file" in missing.output
    paper.write_text("{}")
    empty = run("replay", str(paper))
    assert empty.exit_code == 2
    assert "it is no receipt" in empty.output


def test_one_receipt_is_of_one_prompt(tiny, tmp_path):
    prompts = tmp_path / "prompts.json"
    prompts.write_text('["a", "b"]')
    refused = run("generate", tiny, "--prompt-file", str(prompts), "--receipt-file", str(tmp_path / "r.json"))
    assert refused.exit_code == 2
    assert "a receipt is of one prompt" in refused.output
