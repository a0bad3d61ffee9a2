"""What a forward costs on this machine: seconds by rows, measured at start and kept current by every step.

Knows nothing of models: somebody else times the forwards.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

import numpy as np

_LEVEL_RATE = 0.1  # how fast the whole curve follows the machine's speed
_POINT_RATE = 0.03  # how fast a point follows its own error
MOST = 1.5  # a longer forward is believed this far: a step that was interrupted says nothing
_CALL_FADE = 0.95
_MOST_OF_CALL = 2.5  # a call of many forwards is believed that far
_PRIOR_CALLS = 0.5
_CALLS_AT_ONCE = 20.0  # that one counts for which took far less than thought
FAR = 0.5  # what takes this much less than thought is believed at once: nothing shortens it by accident


class CostCurve:
    """Seconds of a forward by number of rows: measured points, straight lines between them, never falling.

    points: rows → seconds, at least one. per_key: seconds for every key a row attends (a row at position p: p + 1).
    """

    def __init__(self, points: Mapping[int, float], per_key: float = 0.0) -> None:
        if not points or min(points) < 1 or min(points.values()) <= 0:
            raise ValueError(f"points = {dict(points)}: give seconds > 0 for row counts ≥ 1")
        self._rows = sorted(points)
        self._measured = [points[rows] for rows in self._rows]
        self._rising = list(accumulate(self._measured, max))
        self._level = 1.0
        self._per_key = per_key

    def seconds(self, rows: int, keys: int = 0) -> float:
        """Of a forward over `rows` rows that attend `keys` keys in all; 0 for no rows."""
        if rows <= 0:
            return 0.0
        return self._level * (self._by_rows(rows) + self._per_key * keys)

    def seconds_each(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """`seconds` of many forwards, rows ≥ 1."""
        far = self._rows[-1] + int(rows.max())
        points, times = [*self._rows, far], [*self._rising, self._by_rows(far)]
        return self._level * (np.interp(rows, points, times) + self._per_key * keys)

    def _by_rows(self, rows: int) -> float:
        if rows <= self._rows[0] or len(self._rows) == 1:
            return self._rising[0]
        right = min(
            bisect_left(self._rows, rows), len(self._rows) - 1
        )  # beyond the end the last slope goes on
        low, high = self._rows[right - 1], self._rows[right]
        slope = (self._rising[right] - self._rising[right - 1]) / (high - low)
        return self._rising[right - 1] + slope * (rows - low)

    def observe(self, rows: int, seconds: float, keys: int = 0) -> bool:
        """A forward took this long. The level follows at once, the nearest point slowly. True: it was far less."""
        if rows <= 0 or seconds <= 0:
            return False
        ratio = min(MOST, seconds / self.seconds(rows, keys))
        nearest = self._nearest(rows)
        if ratio < FAR:
            self._take_down(nearest, ratio)
        else:
            self._level *= 1 + _LEVEL_RATE * (ratio - 1)
            self._measured[nearest] *= 1 + _POINT_RATE * (ratio - 1)
        self._rising = list(accumulate(self._measured, max))
        return ratio < FAR

    def _take_down(self, point: int, ratio: float) -> None:
        """The machine is no longer busy.

        If it was at start, too, the point was disturbed and perhaps those of more rows; fewer cost no more than that.
        """
        over = max(ratio, min(1.0, 1.0 / self._level))
        self._level *= over
        ratio /= over
        self._measured[point:] = [ratio * seconds for seconds in self._rising[point:]]
        self._measured[:point] = [min(seconds, self._measured[point]) for seconds in self._measured[:point]]

    def _nearest(self, rows: int) -> int:
        above = bisect_left(self._rows, rows)
        if above == 0:
            return 0
        if above == len(self._rows) or rows - self._rows[above - 1] < self._rows[above] - rows:
            return above - 1
        return above

    def points(self) -> dict[int, float]:
        """rows → seconds, as believed now."""
        return {rows: self._level * seconds for rows, seconds in zip(self._rows, self._rising, strict=True)}


class TokenCost:
    """What tokens took in the last steps, as a share of what plain steps had: of fewer texts either takes longer."""

    def __init__(self) -> None:
        self._plain_s = self._seconds = 0.0  # of a step, on average

    def share(self) -> float:
        """1 before the first step."""
        return self._seconds / self._plain_s if self._plain_s else 1.0

    def observe(self, plain_s: float, seconds: float) -> None:
        """A step took so long; plain_s: that plain steps had taken for as many tokens."""
        rate = _POINT_RATE if self._plain_s else 1.0
        self._plain_s += rate * (plain_s - self._plain_s)
        self._seconds += rate * (seconds - self._seconds)


class UnitCost:
    """Seconds of what costs the same for each of some units."""

    def __init__(self, unit_s: float = 2e-5) -> None:
        self._unit_s = unit_s

    def seconds(self, units: float) -> float:
        return self._unit_s * units

    def observe(self, units: int, seconds: float) -> None:
        if units <= 0:
            return
        measured = min(seconds / units, 3 * self._unit_s + 1e-5)
        self._unit_s += (1.0 if measured < FAR * self._unit_s else _LEVEL_RATE) * (measured - self._unit_s)


class LinearCost:
    """Seconds of calls that take so much for each unit, and a multiple of what was predicted for the rest.

    Least squares over fading observations. before: whose answer stands where little was seen; None: as predicted.
    """

    def __init__(self, before: LinearCost | None = None) -> None:
        self._before = before
        self._clear()

    def _clear(self) -> None:
        self._calls = 0.0
        self._uu = self._up = self._pp = self._us = self._ps = 0.0  # sums: units u, predicted p, seconds s

    def fit(self) -> tuple[float, float]:
        """(seconds of a unit, factor of what was predicted); neither is negative."""
        unit_s, factor = self._before.fit() if self._before is not None else (0.0, 1.0)
        if self._calls == 0:
            return unit_s, factor
        prior = (
            _PRIOR_CALLS / self._calls
        )  # calls of units alone and of the rest alone, as large as those seen
        uu, pp = (1 + prior) * self._uu, (1 + prior) * self._pp
        us, ps = self._us + prior * self._uu * unit_s, self._ps + prior * self._pp * factor
        apart = uu * pp - self._up**2
        unit_s, factor = (us * pp - self._up * ps) / apart, (uu * ps - self._up * us) / apart
        if unit_s < 0:
            return 0.0, ps / pp
        return (us / uu, 0.0) if factor < 0 else (unit_s, factor)

    def seconds(self, units: int, predicted: float) -> float:
        unit_s, factor = self.fit()
        return unit_s * units + factor * predicted

    def observe(self, units: int, predicted: float, seconds: float) -> None:
        """units ≥ 1, predicted > 0."""
        thought, weight = self.seconds(units, predicted), 1.0
        if seconds < FAR * thought:
            self._clear()
            weight = _CALLS_AT_ONCE
        seconds = min(seconds, _MOST_OF_CALL * thought)
        self._fade(_CALL_FADE)
        self._calls += weight
        self._uu += weight * units * units
        self._up += weight * units * predicted
        self._pp += weight * predicted * predicted
        self._us += weight * units * seconds
        self._ps += weight * predicted * seconds

    def forget(self, share: float = 1.0) -> None:
        """A share of how much slower it was than thought before: the busy machine's doing, perhaps."""
        unit_s, factor = self.fit()
        if unit_s > 0 or factor > 1:
            unit_s, factor = self._before.fit() if self._before is not None else (0.0, 1.0)
            self._us += share * (unit_s * self._uu + factor * self._up - self._us)
            self._ps += share * (unit_s * self._up + factor * self._pp - self._ps)

    def _fade(self, by: float) -> None:
        self._calls *= by
        self._uu, self._up, self._pp = by * self._uu, by * self._up, by * self._pp
        self._us, self._ps = by * self._us, by * self._ps
