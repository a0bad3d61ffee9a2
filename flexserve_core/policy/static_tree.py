"""The best fixed tree of a given size, by dynamic programming over acceptance by rank.

Source: Sequoia (Chen et al., 2024), section 3.1: with p[k] the chance that a node's child of rank k is the accepted
one, the expected tokens of a tree are the sum over nodes of the product of p along the path. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class PlannedTree:
    """parents (−1: the root; parent < own index) and ranks (0: the likeliest child) of its nodes."""

    parents: tuple[int, ...]
    ranks: tuple[int, ...]
    expected_tokens: float  # of a step, the LLM's own token included


def best_tree(acceptance: Sequence[float], num_nodes: int, max_depth: int) -> PlannedTree:
    """The tree of at most `num_nodes` drafted nodes, at most `max_depth` deep, with the most expected tokens.

    acceptance: P(accepted | parent accepted) by rank, non-increasing, summing to at most 1.
    """
    _check(acceptance)
    ranks = tuple(acceptance)

    @cache
    def under(nodes: int, depth: int, rank: int) -> tuple[float, int]:
        """(gain, nodes for the child of this rank) when children from `rank` on share `nodes` nodes."""
        if nodes == 0 or depth == 0 or rank == len(ranks):
            return 0.0, 0
        options = ((under(nodes, depth, rank + 1)[0], 0),) if rank else ((0.0, 0),)
        found = max(options)
        for size in range(1, nodes + 1):
            gain = (
                ranks[rank] * (1.0 + under(size - 1, depth - 1, 0)[0])
                + under(nodes - size, depth, rank + 1)[0]
            )
            if gain > found[0] + 1e-12:
                found = gain, size
        return found

    parents: list[int] = []
    chosen: list[int] = []
    pending = [(-1, num_nodes, max_depth)]
    for parent, nodes, depth in pending:  # grows while it is read: level by level
        for rank in range(len(ranks)):
            size = under(nodes, depth, rank)[1]
            if size == 0:
                break
            parents.append(parent)
            chosen.append(rank)
            pending.append((len(parents) - 1, size - 1, depth - 1))
            nodes -= size
    return PlannedTree(tuple(parents), tuple(chosen), 1.0 + under(num_nodes, max_depth, 0)[0])


def _check(acceptance: Sequence[float]) -> None:
    falling = all(a >= b for a, b in pairwise(acceptance))
    if not falling or any(p < 0 for p in acceptance) or sum(acceptance) > 1 + 1e-9:
        raise ValueError(
            f"acceptance = {list(acceptance)}: give shares by rank, falling, adding up to at most 1"
        )
