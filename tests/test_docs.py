"""The documentation's code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flexserve_core as ff
from flexserve_core.speculation import registry

DOCS = Path(__file__).parents[1] / "docs"


def code_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_drafter_of_the_docs_speeds_up_and_changes_nothing(monkeypatch, tmp_path):
    from flexserve_core.testing import write_tiny_model

    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    [code] = code_blocks("drafters.md")
    space: dict = {}
    exec(code, space)
    assert space["config"].text_drafters == ("last_time", "prompt_lookup")
    write_tiny_model(tmp_path)
    config = ff.EngineConfig(
        model=str(tmp_path), dtype="float32", text_drafters=("last_time",), policy="fixed"
    )
    with ff.build_server(config) as server:
        fields = {"prompt": "abcabcabcabc", "temperature": 0.0, "max_new_tokens": 24}
        fast = server.submit(server.make_request(**fields)).result().choices[0]
        plain = server.submit(server.make_request(**fields, speculation=False)).result().choices[0]
    assert fast.token_ids == plain.token_ids
    assert fast.speculation.drafted_tokens > 0


def test_a_drafter_of_nobody_is_refused(tmp_path):
    from flexserve_core.testing import write_tiny_model

    write_tiny_model(tmp_path)
    with pytest.raises(ff.ConfigurationError, match="there is no such drafter"):
        ff.build_server(ff.EngineConfig(model=str(tmp_path), text_drafters=("astrology",)))


def test_the_structured_outputs_of_the_docs_match():
    [code] = code_blocks("structured-output.md")
    space: dict = {}
    exec(code, space)
    assert space["trip"]["city"] in ("Tokyo", "Paris", "Zürich")
    assert 1 <= space["trip"]["days"] <= 9
    assert space["answer"] in ("yes", "no")
    assert re.fullmatch("[A-C][0-9]{2}", space["number"])
    assert re.fullmatch("[0-9]{1,2}([+-][0-9]{1,2}){1,2}", space["sums"])
