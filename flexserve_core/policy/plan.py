"""A step as a policy weighs it: what is to be done whatever is drafted; what a way to draft would bring and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexserve_core.policy.policy import Candidate

_STEPS = 8  # that catching up is thought to serve


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One way to draft, and what is expected of it."""

    arm: tuple[int, ...]  # drafters with a model that are asked
    depth: int
    tokens: float
    seconds: float
    once_s: float = 0.0  # of the seconds: catching up, which later steps gain from, too

    @property
    def rate(self) -> float:
        return self.tokens / self.lasting_s

    @property
    def lasting_s(self) -> float:
        """A step's share of the seconds when it goes on like that."""
        return self.seconds - self.once_s * (1 - 1 / _STEPS)


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
