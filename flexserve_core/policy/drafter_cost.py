"""What asking a drafter costs: predicted from its model's forward and what it has to catch up on, kept current.

Knows nothing of what its drafts are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flexserve_core.policy.cost import FAR, CostCurve, UnitCost

_RATE = 0.1  # of the running averages
_FORGETTING = 0.003  # in a step


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a drafter was asked for in a step, of all sequences together, and did."""

    debts: int
    asked: Sequence[int]  # by level: sequences that were to go so deep
    wide: bool
    nodes: Sequence[int]  # drafted, by level; one it did not run is not there


@dataclass(slots=True)
class DrafterCost:
    """What asking one drafter costs. level: the model's forward by rows; None for a drafter without a model."""

    level: CostCurve | None
    overhead: float = 1.0  # measured ÷ predicted of drafters with a model
    calls: UnitCost = field(default_factory=UnitCost)  # a unit is one sequence; of drafters without a model
    wide_rows: float = 3.0  # of a level of one sequence's wide draft
    levels_run: float = 1.0  # of the levels below the first that were asked for: a draft may end early

    def seconds(self, debts: int, asked: Sequence[int] | np.ndarray, wide: bool) -> np.ndarray:
        """[d]: of drafting d + 1 levels. debts: rows to catch up on first, of all sequences that are asked.

        asked: by level, how many of them go so deep."""
        if self.level is None:
            return np.full(len(asked), self.calls.seconds(asked[0]))
        rows = np.asarray(asked) * (self.wide_rows if wide else 1.0)
        deeper = np.where(rows > 0, self.level.seconds_each(rows.round().clip(1), np.zeros(1)), 0.0)
        deeper[0] = 0.0  # the debts' forward is the first level's
        return self.overhead * (self.level.seconds(debts) + self.levels_run * deeper.cumsum())

    def row_s(self, sequences: int, wide: bool) -> float:
        """What one sequence more at a level costs, beside about so many."""
        if self.level is None or sequences == 0:
            return 0.0
        rows = max(1, round(sequences * (self.wide_rows if wide else 1.0)))
        return self.overhead * (self.level.seconds(2 * rows) - self.level.seconds(rows)) / sequences

    def catching_up(self, debts: int, sequences: int) -> float:
        """What of `seconds` is spent once: the rows that the next step will not owe."""
        if self.level is None:
            return 0.0
        return self.overhead * (self.level.seconds(debts) - self.level.seconds(min(debts, sequences)))

    def observe(self, drafted: Drafted, seconds: float) -> None:
        if self.level is None:
            self.calls.observe(drafted.asked[0], seconds)
        elif drafted.nodes:  # else it may have had no room to do anything
            fed = drafted.nodes[:-1]  # the deepest were not
            expected_s = self.level.seconds(drafted.debts) + sum(map(self.level.seconds, fed))
            ratio = min(1.5, seconds / (self.overhead * expected_s))
            self.overhead *= ratio if ratio < FAR else 1 + _RATE * (ratio - 1)
            self._note_shape(drafted, fed)

    def _note_shape(self, drafted: Drafted, fed: Sequence[int]) -> None:
        deeper = len(drafted.asked) - 1
        if deeper:
            self.levels_run += _RATE * (len(fed) / deeper - self.levels_run)
        if drafted.wide and fed:
            rows = sum(fed) / sum(drafted.asked[1 : len(fed) + 1])
            self.wide_rows += _RATE * (rows - self.wide_rows)

    def not_asked(self) -> None:
        """A step without it: that it was slow, perhaps because the machine was busy, is slowly forgotten."""
        self.overhead = max(min(1.0, self.overhead), (1 - _FORGETTING) * self.overhead)
