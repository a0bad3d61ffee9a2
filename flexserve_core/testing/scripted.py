"""A drafter that knows the future: it plants given continuations at chosen depths and branches of its trees.

Random tiny models accept nothing by chance; with the true text at hand every depth and every branch can be made to
occur, surrounded by decoys. Knows nothing of models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder


@dataclass(frozen=True, slots=True)
class Plant:
    """`depth` true tokens in a row, each behind `rank` wrong siblings; every decoy heads a chain of `decoy` nodes.

    depth 0: decoys only. rank 0: no sibling, hence a chain that ends in one wrong token.
    """

    depth: int
    rank: int = 0
    decoy: int = 1


class ScriptedDrafter:
    """Plants `texts` (token ids of prompts with their completions), going round the `plants` call by call.

    `accepted[depth, branch]` counts the nodes of its own trees that the text went on with, known from the second
    proposal of a sequence on; branch is the node's place among its siblings. It keeps max_nodes and max_depth itself.
    """

    name = "scripted"

    def __init__(self, texts: Sequence[Sequence[int]], plants: Sequence[Plant], vocab_size: int) -> None:
        self.accepted: Counter[tuple[int, int]] = Counter()
        self.num_proposals = 0
        self._texts = [list(text) for text in texts]
        self._plants = plants
        self._vocab = vocab_size
        self._last: dict[
            int, tuple[int, TokenTree]
        ] = {}  # per sequence: text length and tree of the last proposal

    def propose(self, views: Sequence[DraftView]) -> list[TokenTree]:
        return [self._one(view) for view in views]

    def _one(self, view: DraftView) -> TokenTree:
        self._observe(view)
        truth = self._continuation(view.tokens)
        plant = self._plants[self.num_proposals % len(self._plants)]
        self.num_proposals += 1
        tree = self._tree(truth, plant, view.max_depth) if truth else EMPTY_TREE
        tree = tree.head(min(len(tree), view.max_nodes))
        self._last[view.key] = (len(view.tokens), tree)
        return tree

    def _observe(self, view: DraftView) -> None:
        length, tree = self._last.get(view.key, (0, EMPTY_TREE))
        node = -1
        # the last committed token was the LLM's own, but it may have been a node all the same
        for token in view.tokens[length:]:
            child = tree.child(node, token)
            if child is None:
                return
            siblings = [index for index, parent in enumerate(tree.parents) if parent == node]
            self.accepted[tree.depths[child], siblings.index(child)] += 1
            node = child

    def _continuation(self, tokens: Sequence[int]) -> list[int]:
        """What comes after `tokens` in the first script that begins with them."""
        known = list(tokens)
        for text in self._texts:
            if len(text) > len(known) and text[: len(known)] == known:
                return text[len(known) :]
        return []

    def _tree(self, truth: list[int], plant: Plant, max_depth: int) -> TokenTree:
        builder, node = TreeBuilder(), -1
        for depth, token in enumerate(truth[:max_depth]):
            left = max_depth - depth
            if depth == plant.depth:
                self._decoy(builder, node, token, 1, min(plant.decoy, left), depth)
                break
            for rank in range(plant.rank):
                self._decoy(builder, node, token, rank + 1, min(plant.decoy, left), depth)
            node = builder.add(node, token, -0.1 * (depth + 1), self.name)
        return builder.build()

    def _decoy(
        self, builder: TreeBuilder, parent: int, true: int, offset: int, length: int, depth: int
    ) -> None:
        node = parent
        for step in range(length):
            token = (true + offset + step) % self._vocab
            node = builder.add(node, token, -0.1 * (depth + step + 1), self.name)

    def open(self, key: int, max_tokens: int) -> None:
        """Nothing is kept before the first proposal."""

    def close(self, key: int) -> None:
        self._last.pop(key, None)

    def reset(self) -> None:
        self._last.clear()

    def check_integrity(self) -> None:
        for _, tree in self._last.values():
            tree.check_integrity()
