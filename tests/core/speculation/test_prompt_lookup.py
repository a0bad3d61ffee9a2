"""Prompt lookup against a plain search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.types import SamplingParams


def propose(tokens, max_nodes=8, max_depth=4, **options):
    view = DraftView(0, tokens, SamplingParams(), KeyedNoise(0), max_nodes, max_depth)
    [tree] = PromptLookupDrafter(**options).propose([view])
    tree.check_integrity()
    return tree


def continuations(tokens, size):
    """What followed earlier occurrences of the last `size` tokens, latest first."""
    last = tokens[-size:]
    starts = [i for i in range(len(tokens) - size) if tokens[i : i + size] == last]
    return [tokens[i + size :] for i in reversed(starts)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_proposals_are_earlier_continuations(tokens):
    tree = propose(tokens)
    sizes = [size for size in (4, 3, 2) if size < len(tokens) and continuations(tokens, size)]
    if not sizes:
        assert len(tree) == 0
        return
    found = continuations(tokens, sizes[0])
    leaves = [node for node in range(len(tree)) if node not in tree.parents]
    for leaf in leaves:
        path = [tree.tokens[node] for node in tree.path(leaf)]
        assert any(rest[: len(path)] == path for rest in found)
    latest = [tree.tokens[node] for node in tree.path(leaves[0])]
    nearest = found[0][:4]  # an older occurrence may have gone on with it, further
    assert latest[: len(nearest)] == nearest, "the latest occurrence comes first and as deep as it may"
    assert max(tree.depths) <= 4


def test_longer_matches_win_and_two_branches_at_most():
    # "1 2" was followed by 3, 4 and 5 (latest), "9 1 2" by 4 only
    assert propose([1, 2, 3, 9, 1, 2, 4, 1, 2, 5, 9, 1, 2], max_depth=1).tokens == (4,)
    assert propose([1, 2, 3, 1, 2, 4, 1, 2, 5, 1, 2], max_depth=1, max_ngram=2).tokens == (5, 4)


@pytest.mark.parametrize("tokens", [[5], [5, 5], [1, 2, 3, 4, 5]])
def test_nothing_to_find(tokens):
    assert len(propose(tokens)) == 0
