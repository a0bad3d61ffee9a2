"""FLEXSERVE_TRACE: one JSON line per step."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from flexserve_core.errors import ConfigurationError
from flexserve_core.types import StepRecord


def test_one_line_per_step(bench, ssm_bench, tmp_path, monkeypatch):
    path = tmp_path / "trace.jsonl"
    monkeypatch.setenv("FLEXSERVE_TRACE", str(path))
    server = bench.server([ssm_bench.ssm_drafter()])
    for _ in range(2):  # a restarted server appends
        with server:
            request = server.make_request(
                prompt="The cat", temperature=0.0, max_new_tokens=12, request_id="r"
            )
            server.submit(request).result()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == server.stats().llm_steps
    assert all(set(line) == {field.name for field in fields(StepRecord)} for line in lines)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert sum(line["emitted_tokens"] for line in lines) == 24
    assert all(line["request_ids"] == ["r"] for line in lines)
    for line in lines:
        assert line["accepted_tokens"] == sum(line["accepted_per_depth"])
        assert 0 < line["draft_s"] + line["forward_s"] + line["verify_s"] <= line["total_s"]


def test_a_file_that_cannot_be_written_is_an_error_at_the_start(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("FLEXSERVE_TRACE", str(tmp_path))
    server = bench.server()
    with pytest.raises(ConfigurationError, match="FLEXSERVE_TRACE"):
        server.start()
    assert server.health().status == "stopped"
    monkeypatch.delenv("FLEXSERVE_TRACE")
    with server:
        server.submit(server.make_request(prompt="x", max_new_tokens=1)).result()
