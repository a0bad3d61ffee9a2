"""A tree of proposed continuations, as parallel arrays.

The root is the last committed token and is not a node. Node i hangs under `parents[i]` (−1: the root) and
`parents[i] < i`, so any prefix of the arrays is a tree too. A chain has one child per node; no draft is the empty tree.
Knows nothing of models, caches or devices.

Source: SpecInfer (Miao et al., ASPLOS 2024), sections 3 and 4.1; merge is their Definition 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flexserve_core.sampling.mss import Drawn


@dataclass(frozen=True, slots=True)
class TokenTree:
    """tokens, parents, depths (1 under the root), log_probs (cumulative), sources: one entry a node.

    drawn: of a drafter's own tree, what was drawn after a node (−1: the root), if its drafter draws. Some of that may
    be no node, and trees made of other trees do not have it."""

    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    sources: tuple[str, ...] = ()
    drawn: Mapping[int, Drawn] = field(default_factory=dict, repr=False, compare=False)
    _child: dict[tuple[int, int], int] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.tokens)

    def child(self, node: int, token: int) -> int | None:
        """Index of `node`'s child that holds `token` (node −1: the root), or None."""
        return self._child.get((node, token))

    def way(self, tokens: Sequence[int]) -> list[int]:
        """The nodes that hold these tokens, one below the other from the root's child down, as far as there are any."""
        nodes: list[int] = []
        node: int | None = -1
        for token in tokens if self.tokens else ():
            node = self.child(node, token)
            if node is None:
                break
            nodes.append(node)
        return nodes

    def path(self, node: int) -> tuple[int, ...]:
        """Nodes from the root's child down to `node`, inclusive."""
        nodes: list[int] = []
        while node >= 0:
            nodes.append(node)
            node = self.parents[node]
        return tuple(reversed(nodes))

    def head(self, count: int) -> TokenTree:
        """The tree of the first `count` nodes."""
        if count == len(self):
            return self
        children = {key: node for key, node in self._child.items() if node < count}
        return TokenTree(
            self.tokens[:count],
            self.parents[:count],
            self.depths[:count],
            self.log_probs[:count],
            self.sources[:count],
            {},
            children,
        )

    def subset(self, nodes: Sequence[int]) -> TokenTree:
        """The tree of these nodes, ascending; every node's parent is among them."""
        if len(nodes) == len(self):
            return self
        where = {-1: -1, **{node: index for index, node in enumerate(nodes)}}
        parents = tuple(where[self.parents[node]] for node in nodes)
        tokens = tuple(self.tokens[node] for node in nodes)
        return TokenTree(
            tokens,
            parents,
            tuple(self.depths[node] for node in nodes),
            tuple(self.log_probs[node] for node in nodes),
            tuple(self.sources[node] for node in nodes),
            {},
            {(parent, token): i for i, (parent, token) in enumerate(zip(parents, tokens, strict=True))},
        )

    @property
    def is_chain(self) -> bool:
        return all(parent == index - 1 for index, parent in enumerate(self.parents))

    def check_integrity(self) -> None:
        """Assert what the rest of the engine relies on."""
        assert (
            len(
                {
                    len(self.tokens),
                    len(self.parents),
                    len(self.depths),
                    len(self.log_probs),
                    len(self.sources),
                }
            )
            == 1
        )
        for index, parent in enumerate(self.parents):
            assert -1 <= parent < index, f"node {index} has parent {parent}"
            assert self.depths[index] == (self.depths[parent] + 1 if parent >= 0 else 1)
            assert self._child[(parent, self.tokens[index])] == index, f"node {index} is a duplicate"


class TreeBuilder:
    """Grows a tree node by node; a child that exists already is found, not doubled."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._parents: list[int] = []
        self._depths: list[int] = []
        self._log_probs: list[float] = []
        self._sources: list[str] = []
        self._drawn: dict[int, Drawn] = {}
        self._child: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def token(self, node: int) -> int:
        return self._tokens[node]

    def parent(self, node: int) -> int:
        return self._parents[node]

    def add(self, parent: int, token: int, log_prob: float, source: str) -> int:
        """Index of `parent`'s child `token`, added if new. log_prob: cumulative from the root."""
        known = self._child.get((parent, token))
        if known is not None:
            self._log_probs[known] = max(self._log_probs[known], log_prob)
            return known
        index = len(self._tokens)
        self._tokens.append(token)
        self._parents.append(parent)
        self._depths.append(self._depths[parent] + 1 if parent >= 0 else 1)
        self._log_probs.append(log_prob)
        self._sources.append(source)
        self._child[(parent, token)] = index
        return index

    def note_drawn(self, node: int, drawn: Drawn) -> None:
        """Of which draws after `node` its children are some or all."""
        self._drawn[node] = drawn

    def add_chain(self, tokens: Sequence[int], log_prob_per_token: float, source: str) -> None:
        """Hang a path under the root."""
        node = -1
        for step, token in enumerate(tokens, start=1):
            node = self.add(node, token, step * log_prob_per_token, source)

    def build(self) -> TokenTree:
        return TokenTree(
            tuple(self._tokens),
            tuple(self._parents),
            tuple(self._depths),
            tuple(self._log_probs),
            tuple(self._sources),
            dict(self._drawn),
            dict(self._child),
        )


EMPTY_TREE = TokenTree()


def merge(trees: Sequence[TokenTree]) -> TokenTree:
    """The tree whose set of root-to-node paths is the union of the inputs' sets; a node's first source keeps it."""
    filled = [tree for tree in trees if len(tree)]
    if len(filled) < 2:
        return filled[0] if filled else EMPTY_TREE
    builder = TreeBuilder()
    for tree in filled:
        where: list[int] = []
        for index, token in enumerate(tree.tokens):
            parent = tree.parents[index]
            under = where[parent] if parent >= 0 else -1
            where.append(builder.add(under, token, tree.log_probs[index], tree.sources[index]))
    return builder.build()


def prune(tree: TokenTree, max_nodes: int, max_depth: int) -> TokenTree:
    """The `max_nodes` likeliest nodes no deeper than `max_depth`; ancestors of a kept node are kept.

    A node counts at most as likely as its parent, whatever its source claims, so that the result is a tree.
    """
    if len(tree) <= max_nodes and (not tree.depths or max(tree.depths) <= max_depth):
        return tree
    bound: list[float] = []
    for index, parent in enumerate(tree.parents):
        bound.append(min(tree.log_probs[index], bound[parent]) if parent >= 0 else tree.log_probs[index])
    ranked = sorted(range(len(tree)), key=lambda i: (-bound[i], tree.depths[i], i))
    kept = sorted([i for i in ranked if tree.depths[i] <= max_depth][:max_nodes])
    builder, where = TreeBuilder(), {-1: -1}
    for index in kept:
        where[index] = builder.add(
            where[tree.parents[index]], tree.tokens[index], tree.log_probs[index], tree.sources[index]
        )
    return builder.build()
