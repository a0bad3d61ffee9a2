"""How deep drafts come true, by *arm*: a set of drafters that is asked together, and how wide their trees are.

A wide tree tells what a narrow one had brought, its likeliest chain, so that a narrow arm is known without being
tried. Knows nothing of costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexserve_core.policy.acceptance import DepthRates, matched_nodes
from flexserve_core.policy.policy import Candidate, Outcome
from flexserve_core.speculation.tree import TokenTree


@dataclass(frozen=True, slots=True)
class Arm:
    """drafters: with a model, by their place in the engine's order. wide: as wide as they like, else a chain each."""

    drafters: tuple[int, ...] = ()
    wide: bool = False


NOBODY = Arm()


def arms_of(models: Sequence[int]) -> tuple[Arm, ...]:
    """Each drafter alone and all together, narrow and wide."""
    sets = dict.fromkeys([*((i,) for i in models), tuple(models)])
    return tuple(Arm(drafters, wide) for drafters in sets if drafters for wide in (False, True))


class ArmAcceptance:
    """Estimates for each request, which start from those of all requests."""

    def __init__(self, arms: Sequence[Arm], text: Sequence[int], max_depth: int) -> None:
        self._all = {arm: DepthRates(max_depth) for arm in arms}
        self._text = tuple(text)  # drafters without a model: asked with every arm
        self._max_depth = max_depth
        self._requests: dict[int, dict[Arm, DepthRates]] = {}

    def gains(self, arm: Arm, candidates: Sequence[Candidate]) -> np.ndarray:
        """[d]: accepted tokens expected of all candidates together at depth d + 1."""
        prior = self._all[arm].conditionals()
        rates = [self._requests.get(candidate.key, {}).get(arm) for candidate in candidates]
        found = np.array([prior if one is None else one.conditionals(prior) for one in rates])
        for row, candidate in zip(found, candidates, strict=True):
            row[candidate.max_depth :] = 0.0
        return found.cumprod(axis=1).cumsum(axis=1).sum(axis=0)

    def learn(self, outcome: Outcome) -> None:
        """Every arm whose drafters were all asked is seen: each path of a merged tree is a path of one of them."""
        asked = {arm for arm in self._all if all(outcome.depths[i] > 0 for i in arm.drafters)}
        if outcome.max_width is not None:
            asked = {arm for arm in asked if not arm.wide}
        if not asked:
            return
        ways = [matched_nodes(tree, outcome.emitted) for tree in outcome.drafts]
        chains = [_along_first(tree, way) for tree, way in zip(outcome.drafts, ways, strict=True)]
        for arm in asked:
            found = [len(ways[i]) if arm.wide else chains[i] for i in arm.drafters]
            reached = max(*found, *(len(ways[i]) for i in self._text), 0)
            drafted = max(outcome.depths[i] for i in arm.drafters)
            # the tokens end with the text, not with the draft: what was not reached by then is unknown
            drafted = min(drafted, max(reached, len(outcome.emitted)))
            self._all[arm].observe(reached, drafted)
            known = self._requests.setdefault(outcome.candidate.key, {})
            if arm not in known:
                known[arm] = DepthRates(self._max_depth)
            known[arm].observe(reached, drafted)

    def forget(self, key: int) -> None:
        """The request ended. Idempotent."""
        self._requests.pop(key, None)


def _along_first(tree: TokenTree, way: Sequence[int]) -> int:
    """How many of the way's first nodes are their parents' first, hence likeliest, children."""
    for number, node in enumerate(way):
        if tree.parents.index(tree.parents[node]) != node:
            return number
    return len(way)
