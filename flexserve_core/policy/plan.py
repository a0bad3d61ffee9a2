"""A step as a policy weighs it: what is to be done whatever is drafted; what a way to draft would bring and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from flexserve_core.policy.arms import Arm
from flexserve_core.policy.drafter_cost import Drafted, DrafterCost
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

    @classmethod
    def of(cls, candidates: Sequence[Candidate], other_rows: int) -> StepLoad:
        debts = tuple(map(sum, zip(*(candidate.debts for candidate in candidates), strict=True)))
        return cls(len(candidates), sum(candidate.length for candidate in candidates), debts, other_rows)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What was decided for a step, and how long each drafter should take."""

    plan: StepPlan
    load: StepLoad
    draft_s: list[float]  # per drafter

    @classmethod
    def of(cls, plan: StepPlan, load: StepLoad, drafters: Sequence[DrafterCost]) -> PlannedStep:
        asked = [drafter.level is None or i in plan.arm.drafters for i, drafter in enumerate(drafters)]
        depth = max(1, plan.depth)
        seconds = [
            drafter.seconds(load.debts[i], load.count, depth, plan.arm.wide) if asked[i] else 0.0
            for i, drafter in enumerate(drafters)
        ]
        return cls(plan, load, seconds)

    def drafted(self, drafter: int, outcomes: Sequence[Outcome]) -> Drafted:
        """What came of it."""
        found = Counter(depth for outcome in outcomes for depth in outcome.drafts[drafter].depths)
        depth = max(outcome.depths[drafter] for outcome in outcomes)
        nodes = [found[level] for level in sorted(found)]
        return Drafted(len(outcomes), self.load.debts[drafter], depth, self.plan.arm.wide, nodes)
