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
    depths: tuple[int, ...]  # how deep the arm's drafters go, by candidate
    tokens: float
    seconds: float
    once_s: float = 0.0  # of the seconds: catching up, which later steps gain from, too

    @property
    def lasting_s(self) -> float:
        return lasting(self.seconds, self.once_s)

    @property
    def asked(self) -> list[int]:
        """By level: sequences that go so deep."""
        return [sum(own > level for own in self.depths) for level in range(max(self.depths, default=0))]


@dataclass(frozen=True, slots=True)
class StepLoad:
    """What a step has to do whatever is drafted."""

    count: int
    keys: int  # a row of each candidate attends
    debts: np.ndarray  # [candidate, drafter]
    other_rows: int

    @classmethod
    def of(cls, candidates: Sequence[Candidate], other_rows: int) -> StepLoad:
        debts = np.array([candidate.debts for candidate in candidates])
        return cls(len(candidates), sum(candidate.length for candidate in candidates), debts, other_rows)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What was decided for a step, and how long each drafter should take."""

    plan: StepPlan
    load: StepLoad
    debts: list[int]  # per drafter, of those that are asked
    draft_s: list[float]  # per drafter

    @classmethod
    def of(cls, plan: StepPlan, load: StepLoad, drafters: Sequence[DrafterCost]) -> PlannedStep:
        asked = plan.asked
        some = np.array(plan.depths, dtype=bool) if asked else np.zeros(load.count, dtype=bool)
        debts = load.debts[some].sum(axis=0).tolist()
        seconds = []
        for i, drafter in enumerate(drafters):
            levels = [load.count] if drafter.level is None else asked if i in plan.arm.drafters else []
            seconds.append(float(drafter.seconds(debts[i], levels, plan.arm.wide)[-1]) if levels else 0.0)
        return cls(plan, load, debts, seconds)

    def drafted(self, drafter: int, outcomes: Sequence[Outcome]) -> Drafted:
        """What came of it."""
        found = Counter(depth for outcome in outcomes for depth in outcome.drafts[drafter].depths)
        nodes = [found[level] for level in sorted(found)]
        asked = self.plan.asked if drafter in self.plan.arm.drafters else [len(outcomes)]
        return Drafted(self.debts[drafter], asked, self.plan.arm.wide, nodes)
