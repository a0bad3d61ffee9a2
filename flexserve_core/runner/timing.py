"""Times a model's forwards on this machine: seconds by rows, and for each key that a row attends.

Knows nothing of why somebody wants to know; `policy/cost.py` is what the numbers are for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf

import numpy as np

from flexserve_core.runner.batch import Segment, chain_segment, pack, with_logits_of
from flexserve_core.runner.model_runner import ModelRunner

_ROWS = (1, 16, 64, 4, 32, 8, 2, 24, 48)  # in the order of what is most worth knowing when time is short
_LEAST = 2  # row counts that are timed whatever they take: a curve needs a slope
_REPEATS = 3
_SHORT, _LONG = 64, 448  # tokens before the timed rows
_LONG_ROWS = 16
_TOO_LONG, _TOO_SHORT = 1.5, 2.0  # a busy machine makes a forward longer, nothing makes it shorter


@dataclass(frozen=True, slots=True)
class ForwardTimes:
    """points: rows → seconds with few keys; per_key: further seconds for every key a row attends."""

    points: dict[int, float]
    per_key: float


def time_forwards(runner: ModelRunner, budget_s: float) -> ForwardTimes:
    """Decode-like forwards of 1 … 64 rows. Overwrites the runner's cache: call it before the first request.

    Stops after `budget_s`, but never before two row counts are known."""
    room = min(runner.pool.num_slots, runner.loaded.max_positions())
    short = min(_SHORT, room // 2)
    started = time.perf_counter()
    _seconds(runner, 1, short)  # what is paid once, buffers and threads, is no cost of a step
    points: dict[int, float] = {}
    for rows in _ROWS:
        if len(points) >= _LEAST and time.perf_counter() - started > budget_s:
            break
        if rows <= room - short:
            points[rows] = _fastest(runner, rows, short, started + budget_s)
    per_key, extra = 0.0, min(_LONG, room - _LONG_ROWS) - short
    if _LONG_ROWS in points and extra >= short and time.perf_counter() - started < budget_s:
        longer = _fastest(runner, _LONG_ROWS, short + extra, started + budget_s)
        per_key = max(0.0, longer - points[_LONG_ROWS]) / (_LONG_ROWS * extra)
    bare = {rows: max(s - per_key * _keys(rows, short), s / 2) for rows, s in points.items()}
    return ForwardTimes(_undisturbed(bare), per_key)


def confirms(runner: ModelRunner, times: ForwardTimes) -> bool:
    """Whether forwards of few rows still take about as long. Overwrites the runner's cache.

    Times that are too long by more than a little were taken while something else used the machine."""
    short = min(_SHORT, min(runner.pool.num_slots, runner.loaded.max_positions()) // 2)
    for rows in sorted(times.points)[:2]:
        expected = times.points[rows] + times.per_key * _keys(rows, short)
        _seconds(runner, rows, short)
        now = _fastest(runner, rows, short, time.perf_counter() + expected * _REPEATS)
        if not expected / _TOO_LONG <= now <= expected * _TOO_SHORT:
            return False
    return True


def _keys(rows: int, before: int) -> int:
    """That so many rows behind `before` tokens attend, all together."""
    return rows * before + rows * (rows + 1) // 2


def _undisturbed(points: dict[int, float]) -> dict[int, float]:
    """More rows never cost less: a point above a later one was disturbed, and is taken down to it."""
    least = inf
    found = {}
    for rows in sorted(points, reverse=True):
        least = min(least, points[rows])
        found[rows] = least
    return dict(sorted(found.items()))


def _fastest(runner: ModelRunner, rows: int, start: int, until: float) -> float:
    """Of a few repetitions: what disturbs a run only ever makes it slower."""
    found = [_seconds(runner, rows, start)]
    while len(found) < _REPEATS and time.perf_counter() + found[0] < until:
        found.append(_seconds(runner, rows, start))
    return min(found)


def _seconds(runner: ModelRunner, rows: int, start: int) -> float:
    started = time.perf_counter()
    runner.forward(pack([_rows_after(start, rows)], runner.device)).argmax(dim=-1).tolist()
    return time.perf_counter() - started


def _rows_after(start: int, rows: int) -> Segment:
    """So many rows behind `start` tokens, the logits of all of them wanted, as in a verification."""
    chain = chain_segment([0] * rows, start, np.arange(start + rows, dtype=np.int64), want_last=True)
    return with_logits_of(chain, range(rows - 1))
