"""How much faster than plain steps those of a kind have been, beside how much faster they are thought to be now.

A forecast knows averages; a draft goes on just where it turns out well, and so brings more. Knows nothing of plans.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

_FADE = 0.98  # of a step, by each new one of its kind
_FORGETTING = 0.005  # in a step of another kind
_PRIOR_STEPS = 10.0  # that a forecast counts for


@dataclass(slots=True)
class _Found:
    """Sums that fade."""

    tokens: float = 0.0
    plain: float = 0.0  # tokens that plain steps had brought in the same time
    steps: float = 0.0
    at: int = 0  # the step in which they were faded last

    def fade(self, rate: float, now: int) -> None:
        """By `rate`, and for the steps of other kinds since the last time."""
        rate *= (1 - _FORGETTING) ** (now - self.at)
        self.tokens, self.plain, self.steps = rate * self.tokens, rate * self.plain, rate * self.steps
        self.at = now


class Hindsight:
    """A speed-up for each kind."""

    def __init__(self) -> None:
        self._found: dict[Hashable, _Found] = {}
        self._now = 0

    def speedup(self, kind: Hashable, forecast: float) -> float:
        found = self._found.get(kind)
        if found is None:
            return forecast
        found.fade(1.0, self._now)
        if found.plain == 0:
            return forecast
        seen = found.steps * found.tokens / found.plain
        return (seen + _PRIOR_STEPS * forecast) / (found.steps + _PRIOR_STEPS)

    def observe(self, kind: Hashable, tokens: float, plain: float) -> None:
        """A step of a kind brought `tokens`; plain: that plain steps had brought in that time."""
        found = self._found.setdefault(kind, _Found(at=self._now))
        found.fade(_FADE, self._now)
        found.tokens, found.plain, found.steps = found.tokens + tokens, found.plain + plain, found.steps + 1

    def step(self, kind: Hashable | None) -> None:
        """A step was of this kind: what is known of the others gets old."""
        self._now += 1
        found = self._found.get(kind)
        if found is not None:
            found.at += 1
