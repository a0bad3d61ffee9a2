"""Token trees: building, merging, pruning, as properties over random trees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder, merge, prune


@st.composite
def trees(draw, max_nodes: int = 20) -> TokenTree:
    """Random trees over few tokens, with arbitrary log-probs (a child may claim to be likelier than its parent)."""
    builder = TreeBuilder()
    for _ in range(draw(st.integers(0, max_nodes))):
        parent = draw(st.integers(-1, len(builder) - 1))
        builder.add(parent, draw(st.integers(0, 4)), draw(st.floats(-9, 0)), draw(st.sampled_from("ab")))
    return builder.build()


def token_path(tree: TokenTree, node: int) -> tuple[int, ...]:
    return tuple(tree.tokens[index] for index in tree.path(node))


def paths(tree: TokenTree) -> set[tuple[int, ...]]:
    return {token_path(tree, node) for node in range(len(tree))}


@given(st.lists(trees(), max_size=4))
def test_merge_is_the_union_of_paths(parts):
    merged = merge(parts)
    merged.check_integrity()
    assert paths(merged) == set().union(*map(paths, parts))
    assert len(paths(merged)) == len(merged), "a path occurs twice"


@given(st.lists(trees(), min_size=2, max_size=3))
def test_merge_keeps_the_first_source_and_the_best_log_prob(parts):
    merged = merge(parts)
    for node in range(len(merged)):
        path = token_path(merged, node)
        known = [
            (part.sources[other], part.log_probs[other])
            for part in parts
            for other in range(len(part))
            if token_path(part, other) == path
        ]
        assert merged.sources[node] == known[0][0]
        assert merged.log_probs[node] == max(log_prob for _, log_prob in known)


@given(trees(), st.integers(0, 12), st.integers(0, 5))
def test_prune_keeps_ancestors_and_limits(tree, max_nodes, max_depth):
    pruned = prune(tree, max_nodes, max_depth)
    pruned.check_integrity()
    assert paths(pruned) <= paths(tree)
    assert len(pruned) == min(max_nodes, sum(depth <= max_depth for depth in tree.depths))
    assert all(depth <= max_depth for depth in pruned.depths)
    for path in paths(pruned):
        assert all(path[:length] in paths(pruned) for length in range(1, len(path)))


@given(trees(), st.integers(1, 12))
def test_prune_keeps_the_likeliest(tree, max_nodes):
    def bound(node: int) -> float:  # a node counts at most as likely as its ancestors
        return min(tree.log_probs[index] for index in tree.path(node))

    pruned = paths(prune(tree, max_nodes, 99))
    kept = [bound(node) for node in range(len(tree)) if token_path(tree, node) in pruned]
    dropped = [bound(node) for node in range(len(tree)) if token_path(tree, node) not in pruned]
    assert not kept or not dropped or min(kept) >= max(dropped)


@given(trees(), st.integers(0, 20))
def test_head_is_a_tree(tree, count):
    head = tree.head(min(count, len(tree)))
    head.check_integrity()
    assert head.tokens == tree.tokens[: len(head)]
    for node in range(len(tree)):
        expected = node if node < len(head) else None
        assert head.child(tree.parents[node], tree.tokens[node]) == expected


@given(trees())
def test_children_paths_and_chains(tree):
    for node, parent in enumerate(tree.parents):
        assert tree.child(parent, tree.tokens[node]) == node
        assert tree.path(node) == ((*tree.path(parent), node) if parent >= 0 else (node,))
        assert len(tree.path(node)) == tree.depths[node]
    assert tree.is_chain == (sorted(tree.depths) == list(range(1, len(tree) + 1)))
    assert tree.child(-1, 99) is None


def test_a_known_child_is_found_not_doubled():
    builder = TreeBuilder()
    first = builder.add(-1, 7, -2.0, "a")
    assert builder.add(-1, 7, -1.0, "b") == first
    builder.add_chain([7, 8, 9], -0.5, "c")
    tree = builder.build()
    assert tree.tokens == (7, 8, 9)
    assert tree.sources == ("a", "c", "c")
    assert tree.log_probs == (-0.5, -1.0, -1.5)


def test_integrity_notices_broken_trees():
    builder = TreeBuilder()
    builder.add_chain([1, 2, 3], -1.0, "x")
    tree = builder.build()
    EMPTY_TREE.check_integrity()
    for broken in (
        replace(tree, parents=(-1, 1, 1)),
        replace(tree, depths=(1, 2, 2)),
        replace(tree, tokens=(1, 2)),
        replace(tree, _child={**tree._child, (0, 2): 2}),
    ):
        with pytest.raises(AssertionError):
            broken.check_integrity()


def test_the_way_of_a_text_goes_as_far_as_there_are_nodes():
    builder = TreeBuilder()
    builder.add_chain([1, 2, 3], -0.1, "s")
    builder.add_chain([1, 4], -0.1, "s")
    tree = builder.build()
    ways = [tree.way(text) for text in ([1, 4, 9], [1, 2, 3, 7], [9, 1], [], [1])]
    assert ways == [[0, 3], [0, 1, 2], [], [], [0]]
    assert EMPTY_TREE.way([1]) == []
