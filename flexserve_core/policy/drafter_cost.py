"""What asking a drafter costs: predicted from its model's forward and what it has to catch up on, kept current.

Knows nothing of what its drafts are worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flexserve_core.policy.cost import FAR, CostCurve, UnitCost

_RATE = 0.1  # of the running averages
_FORGETTING = 0.003  # in a step


@dataclass(slots=True)
class DrafterCost:
    """What asking one drafter costs. level: the model's forward by rows; None for a drafter without a model."""

    level: CostCurve | None
    overhead: float = 1.0  # measured ÷ predicted of drafters with a model
    calls: UnitCost = field(default_factory=UnitCost)  # a unit is one sequence; of drafters without a model
    rows_per_level: float = 3.0  # frontier nodes of one sequence

    def seconds(self, debts: int, sequences: int, depth: int) -> float:
        """Of drafting `depth` levels for `sequences` sequences whose debts add up to `debts` rows."""
        if depth == 0 or sequences == 0:
            return 0.0
        if self.level is None:
            return self.calls.seconds(sequences)
        deeper = self.level.seconds(max(1, round(self.rows_per_level * sequences)))
        return self.overhead * (self.level.seconds(debts) + (depth - 1) * deeper)

    def catching_up(self, debts: int, sequences: int) -> float:
        """What of `seconds` is spent once: the rows that the next step will not owe."""
        if self.level is None:
            return 0.0
        return self.overhead * (self.level.seconds(debts) - self.level.seconds(min(debts, sequences)))

    def observe(self, predicted_s: float, sequences: int, seconds: float) -> None:
        """Drafting for so many sequences took `seconds`, `predicted_s` by `seconds()` before."""
        if self.level is None:
            self.calls.observe(sequences, seconds)
        elif predicted_s > 0:
            ratio = min(1.5, seconds / predicted_s)
            self.overhead *= ratio if ratio < FAR else 1 + _RATE * (ratio - 1)

    def not_asked(self) -> None:
        """A step without it: that it was slow, perhaps because the machine was busy, is slowly forgotten."""
        self.overhead = max(min(1.0, self.overhead), (1 - _FORGETTING) * self.overhead)
