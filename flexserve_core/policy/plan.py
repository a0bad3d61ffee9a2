"""A step as a policy weighs it: what is to be done whatever is drafted; what a way to draft would bring and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from flexserve_core.policy.arms import Arm
from flexserve_core.policy.drafter_cost import Drafted
from flexserve_core.policy.gate import Gate
from flexserve_core.policy.policy import Candidate, Outcome

_STEPS = 8  # that catching up is thought to serve


_Seconds = TypeVar("_Seconds", float, np.ndarray)


def lasting(seconds: _Seconds, once_s: float) -> _Seconds:
    """A step's share of the seconds, of which once_s are spent once, when it goes on like that."""
    return seconds - once_s * (1 - 1 / _STEPS)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One way to draft, and what is expected of it."""

    arm: Arm
    depth: int
    tokens: float
    seconds: float
    once_s: float = 0.0  # of the seconds: catching up, which later steps gain from, too
    by_level: tuple[float, ...] = ()  # tokens of one sequence that each level brings

    @property
    def rate(self) -> float:
        return self.tokens / self.lasting_s

    @property
    def lasting_s(self) -> float:
        return lasting(self.seconds, self.once_s)


@dataclass(frozen=True, slots=True)
class StepLoad:
    """What a step has to do whatever is drafted: sums over the candidates."""

    count: int
    keys: int  # a row of each attends
    debts: tuple[int, ...]  # per drafter
    other_rows: int

    @property
    def scale(self) -> int:
        """How many sequences, by order of size: 1, 2, 3 to 5, 6 to 11, 12 to 23, …: nearly full is as good as full."""
        return (4 * self.count // 3).bit_length()

    @classmethod
    def of(cls, candidates: Sequence[Candidate], other_rows: int) -> StepLoad:
        debts = tuple(map(sum, zip(*(candidate.debts for candidate in candidates), strict=True)))
        return cls(len(candidates), sum(candidate.length for candidate in candidates), debts, other_rows)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What was decided for a step."""

    plan: StepPlan
    load: StepLoad
    plain_per_s: float  # tokens, if nobody were asked
    gates: Mapping[int, Gate]  # of the drafters with a model that are asked
    text_s: float  # that asking the others should take
    once_s: float  # of the drafts' seconds, what later steps gain from, too

    @property
    def draft_s(self) -> float:
        """Seconds that the drafts should take, as far as they went."""
        return self.text_s + sum(gate.draft_s for gate in self.gates.values())

    @property
    def levels(self) -> int:
        """That the deepest draft was let go."""
        return max((gate.levels for gate in self.gates.values()), default=0)

    def drafted(self, drafter: int, outcomes: Sequence[Outcome]) -> Drafted:
        """What came of it."""
        gate, debts = self.gates.get(drafter), self.load.debts[drafter]
        if gate is None:
            return Drafted(len(outcomes))
        depth = max(outcome.depths[drafter] for outcome in outcomes)
        rows = [min(debts, len(outcomes)), *gate.fed] if any(one.drafts[drafter] for one in outcomes) else []
        asked = [outcome.candidate for outcome in outcomes]
        left = sum(min(candidate.debts[drafter], candidate.max_depth + 1) for candidate in asked)
        ended = len(rows) < depth and not gate.closed
        return Drafted(len(outcomes), debts, self.plan.arm.wide, rows, ended, left)

    def let(self, outcome: Outcome) -> Outcome:
        """With the depths that the gates let all texts go to: what they ended is unknown beyond, not wrong.

        A text that ends before the others do has brought what it can: a level beyond that it is not worth."""
        ended = {drafter: gate.levels for drafter, gate in self.gates.items() if gate.closed}
        if not ended:
            return outcome
        return outcome.at_depths(
            tuple(min(depth, ended.get(i, depth)) for i, depth in enumerate(outcome.depths))
        )
