"""Timing a model's forwards: every row count that fits, within the time that was given."""

from __future__ import annotations

import time

import pytest

from flexserve_core.runner import timing
from flexserve_core.runner.timing import time_forwards


@pytest.fixture
def runner(bench):
    bench.runner.allocate(32, 16)
    return bench.runner


def test_every_row_count_within_the_budget(runner):
    started = time.perf_counter()
    times = time_forwards(runner, 5.0)
    assert time.perf_counter() - started < 5.5
    assert set(times.points) == {1, 2, 4, 8, 16, 24, 32, 48, 64} & {
        rows
        for rows in times.points
        if rows <= min(runner.pool.num_slots, runner.loaded.max_positions()) // 2
    }
    assert {1, 16} <= set(times.points)
    assert all(seconds > 0 for seconds in times.points.values())
    assert times.per_key >= 0


def test_short_of_time_two_points_are_known(runner):
    assert set(time_forwards(runner, 0.0).points) == {1, 16}


def test_more_keys_cost_more(runner, monkeypatch):
    """Against a forward whose time is known: 1 ms a row and 10 µs a key."""

    def seconds(_, rows, start):
        return 1e-3 * rows + 1e-5 * (rows * start + rows * (rows + 1) / 2)

    monkeypatch.setattr(timing, "_seconds", seconds)
    monkeypatch.setattr(type(runner.loaded), "max_positions", lambda self: 512)
    times = time_forwards(runner, 5.0)
    assert times.per_key == pytest.approx(1e-5, rel=1e-6)
    assert times.points == {rows: pytest.approx(1e-3 * rows) for rows in (1, 2, 4, 8, 16, 24, 32, 48, 64)}
