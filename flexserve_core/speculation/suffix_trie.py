"""A counting trie of all suffixes of many token sequences, cut at a fixed depth.

A node stands for a string of tokens; its count says how often that string occurred. Sequences grow token by token; a
cursor keeps, for a growing sequence, the nodes of all strings that end at its last token. Whole sequences can be taken
out again, so memory stays bounded. Pure bookkeeping: knows nothing of requests or drafts.

Source: SuffixDecoding (Oliaro et al., NeurIPS 2025), section 3; one trie for running and finished texts alike.
"""

from __future__ import annotations

from collections.abc import Sequence


class Node:
    """`count` occurrences; children by token."""

    __slots__ = ("children", "count")

    def __init__(self) -> None:
        self.count = 0
        self.children: dict[int, Node] = {}


class Cursor:
    """The strings that end at the last token of one growing sequence: `nodes[n - 1]` is the one of n tokens."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes: list[Node] = []


class SuffixTrie:
    """Strings of up to `depth` tokens."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.root = Node()
        self.num_nodes = 0

    def append(self, cursor: Cursor, token: int) -> None:
        """The cursor's sequence goes on with `token`: every string that ends there is counted once more."""
        ends = []
        for node in [self.root, *cursor.nodes[: self.depth - 1]]:
            child = node.children.get(token)
            if child is None:
                child = node.children[token] = Node()
                self.num_nodes += 1
            child.count += 1
            ends.append(child)
        cursor.nodes = ends

    def remove(self, tokens: Sequence[int]) -> None:
        """Take out a sequence that was appended token by token, exactly as it was."""
        for start in range(len(tokens)):
            path = [self.root]
            for token in tokens[start : start + self.depth]:
                path.append(path[-1].children[token])
                path[-1].count -= 1
            for index in range(len(path) - 1, 0, -1):
                if path[index].count == 0:
                    del path[index - 1].children[tokens[start + index - 1]]
                    self.num_nodes -= 1

    def check_integrity(self) -> None:
        """Assert that counts are positive, no child outnumbers its parent, and the nodes are all there."""
        seen, stack = 0, list(self.root.children.values())
        while stack:
            node = stack.pop()
            seen += 1
            assert node.count > 0
            assert sum(child.count for child in node.children.values()) <= node.count
            stack.extend(node.children.values())
        assert seen == self.num_nodes, f"{seen} nodes reachable, {self.num_nodes} counted"
