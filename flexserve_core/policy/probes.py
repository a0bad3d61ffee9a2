"""Time for trying what does not seem to pay: a share of all time, saved up by kind of probe.

Knows nothing of what is tried.
"""

from __future__ import annotations

from enum import Enum

PROBE_SHARE = 0.01  # of all time, for all kinds together
_MOST_S = 2.0  # that a kind saves up


class Probe(Enum):
    """What may be tried."""

    DEEPER = "a level more than seems best"
    TEXTS = "a level for the texts, too, that do not seem to be worth it"
    EVERYONE = "every drafter together, as wide as they like"
    HOPE = "drafting all the same, where nothing seems to pay"


class ProbeBudgets:
    """At most one probe a step, paid from its kind's budget."""

    def __init__(self) -> None:
        self.now: Probe | None = None  # this step's
        self._saved_s = dict.fromkeys(Probe, 0.0)

    def begin_step(self) -> None:
        self.now = None

    def affords(self, kind: Probe, price_s: float) -> bool:
        """True: it is paid, and to be done in this step. price_s: what is thought to be lost by it; less is 0."""
        price_s = max(0.0, price_s)
        if price_s > self._saved_s[kind]:
            return False
        self._saved_s[kind] -= price_s
        self.now = kind
        return True

    def charge(self, seconds: float) -> None:
        """What this step's probe cost beyond its price is paid, too."""
        assert self.now is not None
        self._saved_s[self.now] -= max(0.0, seconds)

    def forgive(self) -> None:
        """What is owed was of other times."""
        self._saved_s = {kind: max(0.0, saved) for kind, saved in self._saved_s.items()}

    def earn(self, seconds: float) -> None:
        """A step took so long."""
        for kind, saved in self._saved_s.items():
            self._saved_s[kind] = min(_MOST_S, saved + PROBE_SHARE / len(Probe) * seconds)
