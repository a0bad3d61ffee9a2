"""Measured costs are remembered for what they were measured on, and nothing a file holds can hurt."""

from __future__ import annotations

import json

import pytest
import torch

from flexserve_core.engine.cost_cache import cached_times, folder
from flexserve_core.runner.timing import ForwardTimes

TIMES = ForwardTimes({1: 0.5, 16: 0.75}, 1e-6)
OTHER = ForwardTimes({1: 9.0}, 0.0)
WHAT = {"model": "a", "dtype": "float32"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLEXSERVE_CACHE", str(tmp_path))


def test_measured_once():
    assert cached_times(WHAT, lambda: TIMES) == (TIMES, False)
    assert cached_times(WHAT, lambda: OTHER) == (TIMES, True)


def test_what_is_not_true_any_more_is_measured_anew_and_kept():
    cached_times(WHAT, lambda: TIMES)
    asked = []
    assert cached_times(WHAT, lambda: OTHER, lambda known: asked.append(known) or False) == (OTHER, False)
    assert asked == [TIMES]
    assert cached_times(WHAT, lambda: TIMES) == (OTHER, True)


def test_another_model_precision_or_thread_count_is_measured_anew():
    cached_times(WHAT, lambda: TIMES)
    assert cached_times({**WHAT, "dtype": "bfloat16"}, lambda: OTHER) == (OTHER, False)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert cached_times(WHAT, lambda: OTHER) == (OTHER, False)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "null",
        '{"format": 1}',
        {"points": {"1": -1}},
        {"points": {"1": float("nan")}},
        {"points": {}},
        {"points": {"0": 1}},
        {"points": [1]},
        {"per_key": -1},
        {"per_key": "x"},
        {"format": 2},
        {"key": {}},
    ],
    ids=str,
)
def test_a_damaged_file_is_measured_anew_and_replaced(damage):
    cached_times(WHAT, lambda: TIMES)
    [path] = folder().iterdir()
    content = damage if isinstance(damage, str) else json.dumps({**json.loads(path.read_text()), **damage})
    path.write_text(content)
    assert cached_times(WHAT, lambda: OTHER) == (OTHER, False)
    assert cached_times(WHAT, lambda: TIMES) == (OTHER, True)
    assert list(folder().iterdir()) == [path], "a temporary file was left"


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLEXSERVE_CACHE", str(tmp_path / "file"))
    assert cached_times(WHAT, lambda: TIMES) == (TIMES, False)
