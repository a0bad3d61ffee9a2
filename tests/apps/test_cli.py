"""The command line: help, one clear line and exit code 2 for bad input, real runs with a tiny random model."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys

import openai
import pytest
from flexserve_apps.cli.serve import url

from flexserve_core import EngineConfig
from flexserve_core.testing import write_tiny_model

from .command import check_refused, run

COMMAND = [sys.executable, "-c", "from flexserve_apps.cli import app; app()"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read once, at import
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("FLEXSERVE_API_KEY", raising=False)


def test_a_quantised_copy_can_be_served(tiny, tmp_path):
    written = run("quantize", tiny, "--int4", "-o", str(tmp_path / "copy"))
    assert written.exit_code == 0, written.output
    assert "MiB of weights" in written.output
    told = run("info", str(tmp_path / "copy"), "--dtype", "bfloat16", "--no-speculation")
    assert told.exit_code == 0, told.output
    assert "bfloat16, int4 weights" in told.output


@pytest.mark.parametrize("command", [[], ["serve"], ["generate"], ["replay"], ["info"], ["plan"]], ids=str)
def test_help(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_help_tells_the_true_defaults():
    text = re.sub(r"\s+", " ", run("serve", "--help").output)
    config = EngineConfig()
    assert f"Requests that share an LLM step. [default: {config.max_requests_per_batch}]" in text
    assert f"pieces. [default: {config.max_tokens_per_batch}]" in text
    assert f"auto. [default: {config.dtype}]" in text
    assert f"[default: {config.model}]" in text
    assert "[default: 127.0.0.1]" in text


def test_help_is_quick_because_nothing_heavy_is_imported():
    script = (
        "import sys; from flexserve_apps.cli import app\n"
        "try: app(['serve', '--help'])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'transformers', 'gradio', 'fastapi', 'uvicorn'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout


BAD = [  # arguments, words of the message
    (["quantize", "demo", "-o", "./new"], ["quantization", "--int4, --int8"]),
    (["quantize", "demo", "-o", ".", "--int4"], ["output", "not an empty folder"]),
    (["generate", "-p", "x", "--quantize", "int3"], ["quantization", "int3", "int8, int4"]),
    (["generate", "-p", "x", "--quantize", "int4", "--dtype", "float32"], ["quantization", "bfloat16"]),
    (["generate", "-p", "x", "--grown", "7B"], ["grown", "100M, 300M, 1.1B"]),
    (["generate", "./nowhere", "-p", "x"], ["./nowhere", "no such folder"]),
    (["generate", "nobody/nothing", "-p", "x"], ["nobody/nothing"]),
    (["generate", "{empty}", "-p", "x"], ["config.json"]),
    (["serve", "{empty}", "--port", "0"], ["config.json"]),
    (["info", "./nowhere"], ["./nowhere"]),
    (["generate", "{tiny}", "--ssm", "{other}", "-p", "x"], ["tokenizer differs", "share the LLM"]),
    (["generate", "{tiny}", "-p", "x" * 600], ["prompt", "512"]),
    (["generate", "{tiny}", "-p", ""], ["prompt"]),
    (["generate", "{tiny}", "-p", "x", "--temperature", "-1"], ["--temperature"]),
    (["generate", "{tiny}", "-p", "x", "--top-p", "0"], ["top_p"]),
    (["generate", "{tiny}", "-p", "x", "--max-new-tokens", "0"], ["--max-new-tokens"]),
    (["generate", "{tiny}", "-p", "x", "--dtype", "float8"], ["dtype", "float8", "bfloat16"]),
    (["generate", "{tiny}", "-p", "x", "--device", "tpu"], ["device", "tpu"]),
    (["generate"], ["--prompt"]),
    (["generate", "-p", "x", "--prompt-file", "x.json"], ["--prompt"]),
    (["generate", "--prompt-file", "{empty}/none.json"], ["none.json"]),
    (["generate", "--prompt-file", "{numbers}"], ["array of strings"]),
    (["generate", "--prompt-file", "{two}", "--stream"], ["stream", "2 prompts"]),
    (["generate", "-p", "x", "--output-file", "{empty}/no/out"], ["output_file"]),
    (["generate", "-p", "x", "--no-such-option"], ["--no-such-option"]),
    (["serve", "{tiny}", "--port", "0", "--max-seq-length", "100000"], ["max_seq_length", "512"]),
    (["serve", "./nowhere", "--host", "0.0.0.0"], ["host", "--api-key"]),
    (["serve", "./nowhere", "--host", "::"], ["host", "--api-key"]),
    (["serve", "./nowhere", "--host", "no.such.host.invalid", "--api-key", "k"], ["host", "resolved"]),
    (["serve", "./nowhere", "--port", "70000"], ["--port"]),
    (["serve", "./nowhere", "--port", "{busy}"], ["port", "another program"]),
]


@pytest.fixture(scope="module")
def places(tiny, tmp_path_factory):
    """What stands in the braces of the table."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "empty").mkdir()
    (folder / "numbers.json").write_text("[1, 2]")
    (folder / "two.json").write_text('["a", "b"]')
    other = write_tiny_model(folder / "other", extra_tokens=3)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield {
            "tiny": tiny,
            "other": str(other),
            "empty": str(folder / "empty"),
            "numbers": str(folder / "numbers.json"),
            "two": str(folder / "two.json"),
            "busy": str(busy.getsockname()[1]),
        }


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=lambda value: " ".join(value)[:60])
def test_bad_input(places, arguments, words):
    check_refused(run(*(argument.format(**places) for argument in arguments)), *words)


def test_a_key_opens_all_addresses():
    """The model is looked for next, so the address was accepted."""
    check_refused(
        run("serve", "./nowhere", "--port", "0", "--host", "0.0.0.0", "--api-key", "k"), "./nowhere"
    )
    check_refused(
        run("serve", "./nowhere", "--port", "0", "--host", "0.0.0.0", "--allow-unauthenticated"), "./nowhere"
    )


def test_version():
    result = run("--version")
    assert re.fullmatch(r"flexserve \S+\n", result.output)


def test_generate_prints_the_completion_alone(tiny):
    results = [
        run("generate", tiny, "-p", "One", "--max-new-tokens", "12", *more) for more in ([], ["--stream"])
    ]
    assert [result.exit_code for result in results] == [0, 0]
    assert results[0].stdout == results[1].stdout
    assert "12 tokens in" in results[0].stderr
    sampled = ["generate", tiny, "-p", "One", "--max-new-tokens", "12", "--temperature", "1", "--seed", "3"]
    first, second = run(*sampled), run(*sampled, "--no-speculation")
    assert first.stdout == second.stdout != results[0].stdout
    assert "seed 3" in first.stderr


def test_chat_uses_the_template(tiny):
    raw = run("generate", tiny, "-p", "<user>user: One\nassistant: ", "--max-new-tokens", "8")
    asked = run("generate", tiny, "-p", "One", "--chat", "--max-new-tokens", "8")
    assert asked.exit_code == 0
    assert asked.stdout == raw.stdout


def test_prompt_file_and_output_file(tiny, tmp_path):
    prompts = ["One", "Two and", "Three, more"]
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    out = tmp_path / "out.txt"
    arguments = [
        "--prompt-file",
        str(tmp_path / "prompts.json"),
        "--output-file",
        str(out),
        "--max-new-tokens",
        "6",
    ]
    result = run("generate", tiny, *arguments)
    assert result.exit_code == 0, result.output
    assert "[2/3] Two and" in result.stdout
    text = out.read_text()
    profile = r"\[Profile\] guid\((\d+)\) llm_decoding_steps\((\d+)\) latency\(([\d.]+)\) ttft\(([\d.]+)\)"
    found = re.findall(profile + r"\ntoken IDs: ([\d,]+)\n(One|Two and|Three, more)", text)
    assert [(guid, prompt) for guid, *_, prompt in found] == list(
        zip(["1000000", "1000001", "1000002"], prompts, strict=True)
    )
    for _, steps, latency, first_token, ids, prompt in found:
        assert 1 <= int(steps) <= 6
        assert 0 < float(first_token) <= float(latency)
        assert len(ids.split(",")) <= len(prompt) + 6
        assert ids.startswith(",".join(ids.split(",")[: len(prompt)]))


def test_info(tiny):
    shown = run("info", tiny)
    assert shown.exit_code == 0, shown.output
    assert "Load-time proof" in shown.output
    assert "holds" in shown.output
    whole = json.loads(run("info", tiny, "--json").stdout)
    assert whole["engine"]["model_type"] == "llama"
    assert whole["engine"]["proof"]
    assert all(item["holds"] for item in whole["engine"]["proof"])
    assert whole["versions"]["torch"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::1", "http://[::1]:1")],
)
def test_url(host, expected):
    assert url(host, 1) == expected


def test_serve_until_sigterm(tiny):
    """The real command in its own process: banner, an answer, then an orderly end with exit code 0."""
    arguments = ["serve", tiny, "--port", "0", "--no-page", "--dtype", "float32"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        banner = [process.stdout.readline() for _ in range(6)]
        facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in banner)
        assert list(facts) == ["OpenAI API", "Model", "Device", "Precision", "Speculation", "Stop"]
        assert facts["Precision"] == "float32"
        with openai.OpenAI(base_url=facts["OpenAI API"], api_key="none", max_retries=0) as client:
            name = client.models.list().data[0].id
            stream = client.completions.create(model=name, prompt="One", max_tokens=200, stream=True)
            next(iter(stream))
            process.send_signal(signal.SIGTERM)  # while an answer runs: it is finished first
            finish = [chunk.choices[0].finish_reason for chunk in stream][-1]
        assert finish in ("length", "stop")
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert output == "Stopped.\n"
        assert errors == ""
    finally:
        process.kill()
        process.communicate()
