"""What asking a drafter costs: predicted from its model's forward and what it has to catch up on, kept current.

Knows nothing of what its drafts are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flexserve_core.policy.cost import FAR, CostCurve, UnitCost

_RATE = 0.1  # of the running averages
_FORGETTING = 0.003  # in a step


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a drafter was asked for in a step, of all sequences together, and did."""

    sequences: int
    debts: int
    depth: int  # asked for
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

    def seconds(self, debts: int, sequences: int, depth: int, wide: bool) -> float:
        """Of drafting `depth` levels for `sequences` sequences whose debts add up to `debts` rows."""
        if depth == 0 or sequences == 0:
            return 0.0
        if self.level is None:
            return self.calls.seconds(sequences)
        rows = max(1, round(self.wide_rows * sequences)) if wide else sequences
        deeper = self.levels_run * (depth - 1) * self.level.seconds(rows)
        return self.overhead * (self.level.seconds(debts) + deeper)

    def catching_up(self, debts: int, sequences: int) -> float:
        """What of `seconds` is spent once: the rows that the next step will not owe."""
        if self.level is None:
            return 0.0
        return self.overhead * (self.level.seconds(debts) - self.level.seconds(min(debts, sequences)))

    def observe(self, drafted: Drafted, seconds: float) -> None:
        if self.level is None:
            self.calls.observe(drafted.sequences, seconds)
        elif drafted.nodes:  # else it may have had no room to do anything
            fed = drafted.nodes[:-1]  # the deepest were not
            expected_s = self.level.seconds(drafted.debts) + sum(map(self.level.seconds, fed))
            ratio = min(1.5, seconds / (self.overhead * expected_s))
            self.overhead *= ratio if ratio < FAR else 1 + _RATE * (ratio - 1)
            self._note_shape(drafted, fed)

    def _note_shape(self, drafted: Drafted, fed: Sequence[int]) -> None:
        if drafted.depth > 1:
            self.levels_run += _RATE * (len(fed) / (drafted.depth - 1) - self.levels_run)
        if drafted.wide and fed:
            rows = sum(fed) / len(fed) / drafted.sequences
            self.wide_rows += _RATE * (rows - self.wide_rows)

    def not_asked(self) -> None:
        """A step without it: that it was slow, perhaps because the machine was busy, is slowly forgotten."""
        self.overhead = max(min(1.0, self.overhead), (1 - _FORGETTING) * self.overhead)
