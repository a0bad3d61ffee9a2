"""What an SSM drafter keeps of one sequence: which text its cache holds, and the tree that grows from it now.

Knows nothing of models, or of which nodes are worth growing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flexserve_core.kv.blocks import BlockTable
from flexserve_core.speculation.drafter import DraftView, Front
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder


@dataclass(slots=True)
class CachedText:
    """What the SSM's cache holds for one sequence."""

    table: BlockTable
    num_cached: int = 0  # committed tokens whose keys lie at logical positions 0 … num_cached − 1
    tree: TokenTree = EMPTY_TREE  # drafted after them last time
    num_fed: int = 0  # of its nodes, the first ones: node i's keys lie at logical position num_cached + i

    def fed_way(self, text: Sequence[int]) -> list[int]:
        """The nodes, with their keys there, that turned out to be the text; never its last token's."""
        way = self.tree.way(text[self.num_cached : len(text) - 1])
        return [node for node in way if node < self.num_fed]  # the deeper, the higher a node's number


@dataclass(slots=True)
class Growth:
    """One sequence's tree while it grows."""

    view: DraftView
    state: CachedText
    builder: TreeBuilder = field(default_factory=TreeBuilder)
    frontier: list[int] = field(default_factory=lambda: [-1])  # nodes whose children come next
    num_fed: int = 0  # nodes, the first ones
    tails: dict[int, tuple[int, ...]] = field(default_factory=lambda: {-1: ()})
    log_probs: dict[int, float] = field(default_factory=lambda: {-1: 0.0})
    depth: int = 0

    def has_room(self) -> bool:
        """Whether there is a node to grow from, and may be one below it."""
        room = self.view.max_nodes - len(self.builder)
        return bool(self.frontier) and room > 0 and self.depth < self.view.max_depth

    def front(self) -> Front:
        return Front(not self.view.sampling.greedy, [self.log_probs[node] for node in self.frontier])
