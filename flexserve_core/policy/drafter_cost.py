"""What asking a drafter costs: predicted from its model's forward and what it has to catch up on, kept current.

Knows nothing of what its drafts are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flexserve_core.policy.cost import FAR, CostCurve, LinearCost, UnitCost

_RATE = 0.1  # of the running averages
_FORGETTING = 0.003  # in a step


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a drafter was asked for in a step, of all sequences together, and did."""

    sequences: int
    debts: int = 0
    wide: bool = False
    rows: Sequence[int] = ()  # of the levels that it ran, but what there was to catch up on
    ended: bool = False  # it would have been let go deeper
    left: int = 0  # of the debts, those that one step can leave behind; a newcomer's whole prompt is none


@dataclass(slots=True)
class DrafterCost:
    """What asking one drafter costs. level: the model's forward by rows; None for a drafter without a model."""

    level: CostCurve | None
    calls: UnitCost = field(default_factory=UnitCost)  # a unit is one sequence; of drafters without a model
    wide_rows: float = 3.0  # of a level of one sequence's wide draft
    usual_debt: float = 1.0  # rows a sequence owes although it was drafted for in the step before
    goes_on: float = 1.0  # of the levels below the first that it might have run: a draft may end early
    _narrow: LinearCost = field(default_factory=LinearCost)  # a unit is one sequence
    _wide: LinearCost = field(init=False)
    _not_asked: int = 0  # steps whose forgetting is still to be done
    _asked: bool = False  # in the last step

    def __post_init__(self) -> None:
        self._wide = LinearCost(self._narrow)

    def by_depth(
        self, debts: int, sequences: int, max_depth: int, wide: bool, at_start: bool = False
    ) -> list[float]:
        """[d]: seconds of drafting d + 1 levels with a model for so many sequences. debts: rows of the first, of all.

        at_start: as it was predicted at start, if that was less."""
        rows = max(1, round(self.wide_rows * sequences)) if wide else sequences
        first_s = self.first_level(debts, sequences, wide, at_start)
        level_s = self.of_level(rows, wide, at_start)
        return [first_s + self.levels_below(depth) * level_s for depth in range(1, max_depth + 1)]

    def first_level(self, debts: int, sequences: int, wide: bool, at_start: bool = False) -> float:
        """With what there is to do once in a draft, and all that is to be caught up on."""
        unit_s = 0.0 if at_start else self._line(wide).fit()[0]
        level_s = self.of_level(min(debts, sequences), wide, at_start)
        return unit_s * sequences + level_s + self.catching_up(debts, sequences)

    def of_level(self, rows: int, wide: bool, at_start: bool = False) -> float:
        """Of one forward of its model, with what there is to do around it."""
        assert self.level is not None
        factor = self._line(wide).fit()[1]
        return (min(1.0, factor) if at_start else factor) * self.level.seconds(rows)

    def levels_below(self, depth: int) -> float:
        """Of `depth` levels those below the first that are run: a geometric series."""
        goes_on = min(self.goes_on, 1 - 1e-6)
        return goes_on * (1 - goes_on ** (depth - 1)) / (1 - goes_on)

    def once(self, debts: int, sequences: int) -> float:
        """What of `by_depth` is spent once: the rows that the next step will not owe again."""
        again = min(debts, round(self.usual_debt * sequences))
        return self.catching_up(debts, sequences) - self.catching_up(again, sequences)

    def catching_up(self, debts: int, sequences: int) -> float:
        """What the rows beyond one a sequence add to the first level."""
        if self.level is None:
            return 0.0
        more_s = self.level.seconds(debts) - self.level.seconds(min(debts, sequences))
        return (
            min(1.0, self._line(wide=False).fit()[1]) * more_s
        )  # what there is to do around a forward does not grow

    def observe(self, drafted: Drafted, seconds: float) -> None:
        if self.level is None:
            self.calls.observe(drafted.sequences, seconds)
            return
        if self._asked and drafted.left:
            self.usual_debt += _RATE * (drafted.left / drafted.sequences - self.usual_debt)
        self._asked = True
        if drafted.rows:  # else it may have had no room to do anything
            self._note_seconds(drafted, sum(map(self.level.seconds, drafted.rows)), seconds)
            self._note_shape(drafted)

    def _note_seconds(self, drafted: Drafted, predicted: float, seconds: float) -> None:
        once_s = self.catching_up(drafted.debts, drafted.sequences)
        line = self._line(drafted.wide)
        thought = line.seconds(drafted.sequences, predicted)
        if once_s < thought:
            line.observe(drafted.sequences, predicted, max(0.0, seconds - once_s))
        elif seconds < FAR * (
            once_s + thought
        ):  # of much catching up this is learned alone: all is not so slow
            line.forget()

    def _note_shape(self, drafted: Drafted) -> None:
        fed = drafted.rows[1:]
        if fed or drafted.ended:
            self.goes_on += _RATE * (len(fed) / (len(fed) + drafted.ended) - self.goes_on)
        if drafted.wide and fed:
            rows = sum(fed) / len(fed) / drafted.sequences
            self.wide_rows += _RATE * (rows - self.wide_rows)

    def not_asked(self) -> None:
        """A step without it: that it was slow, perhaps because the machine was busy, is slowly forgotten."""
        self._not_asked += 1
        self._asked = False

    def forget(self, share: float = 1.0) -> None:
        """That it was slower than predicted."""
        self._narrow.forget(share)
        self._wide.forget(share)

    def _line(self, wide: bool) -> LinearCost:
        if self._not_asked:
            self.forget(1 - (1 - _FORGETTING) ** self._not_asked)
            self._not_asked = 0
        return self._wide if wide else self._narrow
