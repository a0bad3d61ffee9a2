"""Drafts from what this server has written before: a suffix trie over running and finished texts.

The last tokens of a sequence are looked up; what followed them elsewhere, weighed by how often it did, becomes the
tree. Costs no model, and pays where outputs repeat: agents, templates, code, edits. Memory is bounded: the texts that
finished first are forgotten first. Knows nothing of models or verification.

Source: SuffixDecoding (Oliaro et al., NeurIPS 2025): tree size in proportion to the match, nodes by frequency.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from collections.abc import Sequence

from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.suffix_trie import Cursor, Node, SuffixTrie
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder


class _Text:
    """What the trie holds of one sequence."""

    __slots__ = ("cursor", "tokens")

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.cursor = Cursor()


class SuffixDrafter:
    """max_depth: tokens of context and continuation together. max_factor: nodes per matched token.

    min_probability: least share of occurrences a node must have. max_nodes: size of the trie (about 200 bytes each).
    """

    name = "suffix"

    def __init__(
        self,
        max_depth: int = 24,
        max_factor: float = 2.0,
        min_probability: float = 0.1,
        max_nodes: int = 200_000,
    ) -> None:
        self._trie = SuffixTrie(max_depth)
        self._max_match = max_depth // 2  # so that at least as much can follow
        self._max_factor = max_factor
        self._min_log_prob = math.log(min_probability)
        self._max_nodes = max_nodes
        self._running: dict[int, _Text] = {}
        self._finished: OrderedDict[int, _Text] = OrderedDict()  # least recently finished first

    def propose(self, views: Sequence[DraftView]) -> list[TokenTree]:
        for view in views:
            self._learn(self._running[view.key], view.tokens)
        self._forget()
        return [self._best_tree(self._running[view.key].cursor, view) for view in views]

    def open(self, key: int, max_tokens: int) -> None:
        self._running[key] = self._finished.pop(key, None) or _Text()  # it may have been open before

    def close(self, key: int) -> None:
        text = self._running.pop(key, None)
        if text is not None and text.tokens:
            self._finished[key] = text

    def reset(self) -> None:
        """Finished texts stay: a failure of the engine does not make them wrong."""
        for key in list(self._running):
            self.close(key)

    def check_integrity(self) -> None:
        self._trie.check_integrity()

    def _learn(self, text: _Text, tokens: Sequence[int]) -> None:
        for token in tokens[len(text.tokens) :]:
            self._trie.append(text.cursor, token)
            text.tokens.append(token)

    def _forget(self) -> None:
        while self._trie.num_nodes > self._max_nodes and self._finished:
            _, oldest = self._finished.popitem(last=False)
            self._trie.remove(oldest.tokens)

    def _best_tree(self, cursor: Cursor, view: DraftView) -> TokenTree:
        """Of the trees after every matching length the one with the most tokens to be expected."""
        best, best_score = EMPTY_TREE, 0.0
        for length in range(min(self._max_match, len(cursor.nodes)), 0, -1):
            node = cursor.nodes[length - 1]
            if not node.children:
                continue
            tree = self._grow(node, min(view.max_nodes, math.ceil(self._max_factor * length)), view.max_depth)
            score = sum(map(math.exp, tree.log_probs))
            if score > best_score:
                best, best_score = tree, score
        return best

    def _grow(self, start: Node, max_nodes: int, max_depth: int) -> TokenTree:
        """Best first below `start`, by share of occurrences."""
        builder = TreeBuilder()
        # (−log-prob, order of discovery, trie node, its parent in the tree, token, depth)
        queue: list[tuple[float, int, Node, int, int, int]] = []
        found = 0

        def offer(node: Node, parent: int, log_prob: float, depth: int) -> None:
            nonlocal found
            followed = sum(child.count for child in node.children.values())
            for token, child in node.children.items():
                likely = log_prob + math.log(child.count / followed)
                if likely >= self._min_log_prob:
                    heapq.heappush(queue, (-likely, found, child, parent, token, depth))
                    found += 1

        offer(start, -1, 0.0, 1)
        while queue and len(builder) < max_nodes:
            cost, _, node, parent, token, depth = heapq.heappop(queue)
            index = builder.add(parent, token, -cost, self.name)
            if depth < max_depth:
                offer(node, index, -cost, depth + 1)
        return builder.build()
