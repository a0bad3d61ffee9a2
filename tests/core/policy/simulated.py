"""Recorded drafts and machines for policies in simulated time."""

from __future__ import annotations

import math
import random

from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.policy import FixedPolicy
from flexserve_core.policy.simulator import Machine, Recording, simulate
from flexserve_core.speculation.tree import TokenTree, TreeBuilder

DEPTH = 8
CPU = {1: 0.050, 16: 0.055, 32: 0.065, 64: 0.110}  # a forward that many rows make little dearer
SMALL = {1: 0.006, 16: 0.007, 64: 0.010}
RISING = {1: 0.05, 2: 0.1, 4: 0.2, 8: 0.4, 64: 3.2}  # every row costs as much as the first


def tree_of(
    rng: random.Random, truth: tuple[int, ...], right: float, stated: float, second: float = 0.1
) -> TokenTree:
    """Two nodes a level, the likeliest children of the two above: as a drafter that does not know the truth grows it.

    After the truth a node's first child is right with probability `right`, its second in a share `second` of the rest.
    """
    builder = TreeBuilder()
    frontier = [(-1, 0.0, True)]  # node, log-probability, whether all is true so far
    for token in truth[:DEPTH]:
        found = []
        for node, log_prob, true in frontier:
            draw = rng.random()
            first = true and draw < right
            other = true and right <= draw < right + second * (1 - right)
            found.append(
                (log_prob + math.log(stated), node, token if first else -1 - rng.randrange(9), first)
            )
            found.append(
                (log_prob + math.log(second * 0.9 * (1 - stated)), node, token if other else -20, other)
            )
        found.sort(key=lambda one: -one[0])
        frontier = [(builder.add(node, t, p, "ssm"), p, true) for p, node, t, true in found[:2]]
    return builder.build()


def recordings(
    right,
    stated: float = 0.7,
    count: int = 4,
    length: int = 200,
    drafters: int = 1,
    seed: int = 0,
    second: float = 0.1,
):
    """Texts whose drafts come true with `right(position)`."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        tokens = tuple(rng.randrange(1000) for _ in range(length))
        trees = tuple(
            tuple(tree_of(rng, tokens[p:], right(p, d), stated, second) for d in range(drafters))
            if p >= 10
            else ()
            for p in range(length)
        )
        found.append(Recording(10, tokens, trees))
    return found


def policy(llm=CPU, *levels) -> AdaptivePolicy:
    """One that was told the true costs at start."""
    return AdaptivePolicy(
        CostCurve(llm), [DrafterCost(None if c is None else CostCurve(c)) for c in levels], DEPTH
    )


def machine(llm=CPU, *levels) -> Machine:
    return Machine(CostCurve(llm), tuple(None if c is None else CostCurve(c) for c in levels))


class Plain(FixedPolicy):
    def depths(self, candidates, other_rows):
        return [(0,) * self._num_drafters for _ in candidates]


class Shape(FixedPolicy):
    """Always the same depth and width."""

    def __init__(self, depth: int, width: int | None = None) -> None:
        super().__init__(1)
        self._depth = depth
        self._width = width

    def max_width(self) -> int | None:
        return self._width

    def depths(self, candidates, other_rows):
        return [(min(self._depth, candidate.max_depth),) for candidate in candidates]


def speed(chosen, texts, costs, batch=1) -> float:
    return simulate(chosen, texts, costs, batch).tokens_per_s
