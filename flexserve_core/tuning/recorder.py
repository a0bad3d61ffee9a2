"""A policy that another one can be put into at any time, and that counts what came of the trees.

Knows nothing of models or clocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flexserve_core.policy.policy import Candidate, Outcome, Policy, Timing
from flexserve_core.speculation.drafter import LevelGate
from flexserve_core.speculation.tree import TokenTree, prune


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Of nodes at one depth and rank (its place among its siblings, likeliest first) whose parent was accepted."""

    depth: int
    rank: int
    offered: int
    accepted: int

    @property
    def share(self) -> float:
        return self.accepted / self.offered


class SizedPolicy:
    """Every drafter, as deep as so many nodes can go; of the merged tree the likeliest nodes are verified."""

    def __init__(self, max_nodes: int) -> None:
        self._max_nodes = max_nodes

    def rests(self, keys: Sequence[int]) -> bool:
        return False

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        return [(min(one.max_depth, self._max_nodes),) * len(one.debts) for one in candidates]

    def max_width(self) -> int | None:
        return None

    def gate(self, drafter: int) -> LevelGate | None:
        return None

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        return [
            prune(tree, self._max_nodes, candidate.max_depth)
            for tree, candidate in zip(trees, candidates, strict=True)
        ]

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        pass

    def forget(self, key: int) -> None:
        pass


class Recorder:
    """Answers as `current` does."""

    def __init__(self, current: Policy) -> None:
        self.current = current
        self.clear()

    def clear(self) -> None:
        """Forget what was counted."""
        self._offered: Counter[tuple[int, int]] = Counter()
        self._accepted: Counter[tuple[int, int]] = Counter()
        self.nodes: Counter[int] = Counter()  # tree size → how many trees
        self.depth: Counter[int] = Counter()  # tree depth → how many trees

    def rests(self, keys: Sequence[int]) -> bool:
        return self.current.rests(keys)

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        return self.current.depths(candidates, other_rows)

    def max_width(self) -> int | None:
        return self.current.max_width()

    def gate(self, drafter: int) -> LevelGate | None:
        return self.current.gate(drafter)

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        return self.current.select(candidates, trees, other_rows)

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        self.current.observe(outcomes, timing)
        for outcome in outcomes:
            self._count(outcome.tree, outcome.path)

    def forget(self, key: int) -> None:
        self.current.forget(key)

    def acceptance(self) -> tuple[Acceptance, ...]:
        """By depth (from 1), then by rank (from 1)."""
        return tuple(
            Acceptance(depth, rank, count, self._accepted[depth, rank])
            for (depth, rank), count in sorted(self._offered.items())
        )

    def _count(self, tree: TokenTree, path: Sequence[int]) -> None:
        self.nodes[len(tree)] += 1
        self.depth[max(tree.depths, default=0)] += 1
        for parent in (-1, *path):
            children = [node for node in range(len(tree)) if tree.parents[node] == parent]
            children.sort(key=lambda node: (-tree.log_probs[node], node))
            for rank, node in enumerate(children, start=1):
                self._offered[tree.depths[node], rank] += 1
                self._accepted[tree.depths[node], rank] += node in path
