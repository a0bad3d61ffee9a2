"""Timing a model's forwards: every row count that fits, within the time that was given."""

from __future__ import annotations

import time

import pytest

from flexserve_core.runner import timing
from flexserve_core.runner.timing import ForwardTimes, confirms, time_forwards


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


def test_a_point_that_was_disturbed_is_taken_down_to_the_next(runner, monkeypatch):
    def seconds(_, rows, start):
        return {1: 0.05, 8: 0.03}.get(rows, 1e-3 + 1e-5 * rows)

    monkeypatch.setattr(timing, "_seconds", seconds)
    monkeypatch.setattr(type(runner.loaded), "max_positions", lambda self: 512)
    points = time_forwards(runner, 5.0).points
    assert points[1] == points[2] == pytest.approx(1.02e-3)
    assert points[8] == points[16] < points[64]


@pytest.mark.parametrize(
    ("factor", "holds"), [(1.0, True), (1.4, True), (0.6, True), (3.0, False), (0.3, False)]
)
def test_remembered_times_are_looked_at(runner, monkeypatch, factor, holds):
    """factor: remembered over true."""
    monkeypatch.setattr(timing, "_seconds", lambda *_: 1e-3)
    times = ForwardTimes({1: 1e-3 * factor, 16: 1e-3 * factor}, 0.0)
    assert confirms(runner, times) is holds
