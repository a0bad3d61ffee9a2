"""How deep drafts come true, by *arm*: a set of drafters that is asked together, and how wide their trees are.

A wide tree tells what a narrow one had brought, its likeliest chain, so that a narrow arm is known without being
tried. Knows nothing of costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from flexserve_core.policy.acceptance import DepthRates, Followed
from flexserve_core.policy.policy import Candidate, Outcome


class Arm(NamedTuple):
    """drafters: with a model, by their place in the engine's order. wide: as wide as they like, else a chain each."""

    drafters: tuple[int, ...] = ()
    wide: bool = False


NOBODY = Arm()
_AGES = 5
_ALL_FADE = (
    0.997  # of all requests' counts, by each new one: who comes is like some of the last, not like the last
)
_OWN_FADE = 0.95  # of its own
_TRUST = 0.97  # in them, for each token since the last


@dataclass(slots=True)
class _Own:
    """What a request's own drafts showed, last when it was `length` tokens long."""

    rates: dict[Arm, DepthRates] = field(default_factory=dict)
    length: int = 0


def _age(candidate: Candidate) -> int:
    """Under 8 tokens of completion, under 16, 32, 64, more."""
    return min(_AGES - 1, (candidate.generated // 8).bit_length())


def arms_of(models: Sequence[int]) -> tuple[Arm, ...]:
    """Each drafter alone and all together, narrow and wide."""
    sets = dict.fromkeys([*((i,) for i in models), tuple(models)])
    return tuple(Arm(drafters, wide) for drafters in sets if drafters for wide in (False, True))


class ArmAcceptance:
    """Estimates for each request, which start from those of all requests of its age: texts grow more predictable."""

    def __init__(self, arms: Sequence[Arm], text: Sequence[int], max_depth: int) -> None:
        self._all = {arm: [DepthRates(max_depth, _ALL_FADE) for _ in range(_AGES)] for arm in arms}
        self._any_age = {arm: DepthRates(max_depth, _ALL_FADE) for arm in arms}  # for ages that were not seen
        self._text = tuple(text)  # drafters without a model: asked with every arm
        self._max_depth = max_depth
        self._requests: dict[int, _Own] = {}

    def gains(self, arm: Arm, candidates: Sequence[Candidate]) -> list[float]:
        """[d]: accepted tokens expected of all candidates together at depth d + 1."""
        chain = self._any_age[Arm(arm.drafters)].conditionals()
        any_age = self._any_age[arm].conditionals(chain) if arm.wide else chain
        ages = [_age(candidate) for candidate in candidates]
        priors = {age: self._all[arm][age].conditionals(any_age) for age in {*ages}}
        by_level = [0.0] * self._max_depth
        for candidate, age in zip(candidates, ages, strict=True):
            reach = 1.0
            for level, goes_on in enumerate(self._of_one(arm, candidate, priors[age])):
                reach *= goes_on
                by_level[level] += reach
        return list(accumulate(by_level))

    def _of_one(self, arm: Arm, candidate: Candidate, priors: Sequence[float]) -> Sequence[float]:
        """P(depth d + 1 comes true | depth d did), as far as it may draft. priors: of all of its age."""
        own = self._requests.get(candidate.key)
        if own is None or arm not in own.rates:
            return priors[: candidate.max_depth]
        found = own.rates[arm].conditionals(priors, _TRUST ** (candidate.length - own.length))
        return found[: candidate.max_depth]

    def learn(self, outcome: Outcome, followed: Sequence[Followed]) -> None:
        """Every arm whose drafters were all asked is seen: each path of a merged tree is a path of one of them.

        followed: the outcome's drafts."""
        depths, narrow = outcome.depths, outcome.max_width is not None
        asked = [arm for arm in self._all if not (narrow and arm.wide) and _all_asked(arm, depths)]
        if not asked:
            return
        text = max((len(followed[i].way) for i in self._text), default=0)
        own = self._requests.get(outcome.candidate.key)
        if own is None:
            own = self._requests[outcome.candidate.key] = _Own()
        own.length = outcome.candidate.length
        age = _age(outcome.candidate)
        for arm in asked:
            drafts = [followed[i] for i in arm.drafters]
            reached = max(text, *(len(one.way) if arm.wide else _along_first(one) for one in drafts))
            drafted = max(depths[i] for i in arm.drafters)
            # the tokens end with the text, not with the draft: what was not reached by then is unknown
            drafted = min(drafted, max(reached, len(outcome.emitted)))
            if arm not in own.rates:
                own.rates[arm] = DepthRates(self._max_depth, _OWN_FADE)
            for rates in (self._all[arm][age], self._any_age[arm], own.rates[arm]):
                rates.observe(reached, drafted)

    def forget(self, key: int) -> None:
        """The request ended. Idempotent."""
        self._requests.pop(key, None)


def _all_asked(arm: Arm, depths: Sequence[int]) -> bool:
    return all(depths[i] > 0 for i in arm.drafters)


def _along_first(followed: Followed) -> int:
    """How many of the way's first nodes are their parents' first, hence likeliest, children."""
    parents = followed.tree.parents
    for number, node in enumerate(followed.way):
        if parents.index(parents[node]) != node:
            return number
    return len(followed.way)
