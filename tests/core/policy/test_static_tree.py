"""The dynamic program against brute force."""

from __future__ import annotations

from functools import cache

import pytest

from flexserve_core.policy.static_tree import best_tree


@cache
def brute(acceptance: tuple[float, ...], nodes: int, depth: int) -> float:
    """The most expected accepted tokens of any tree with at most `nodes` nodes: the best set of root paths."""
    if nodes == 0 or depth == 0:
        return 0.0

    @cache
    def share(rank: int, left: int) -> float:
        if rank == len(acceptance):
            return 0.0
        best = 0.0
        for size in range(left + 1):
            own = acceptance[rank] * (1 + brute(acceptance, size - 1, depth - 1)) if size else 0.0
            best = max(best, own + share(rank + 1, left - size))
        return best

    return share(0, nodes)


def expected(acceptance, tree):
    reach, total = [], 1.0
    for parent, rank in zip(tree.parents, tree.ranks, strict=True):
        reach.append((reach[parent] if parent >= 0 else 1.0) * acceptance[rank])
        total += reach[-1]
    return total


@pytest.mark.parametrize("acceptance", [(0.9,), (0.5, 0.2, 0.1), (0.34, 0.33, 0.33), (0.7, 0.0)], ids=str)
@pytest.mark.parametrize(("nodes", "depth"), [(0, 3), (1, 1), (5, 2), (8, 8), (16, 4)])
def test_it_is_the_best_tree(acceptance, nodes, depth):
    tree = best_tree(acceptance, nodes, depth)
    assert tree.expected_tokens == pytest.approx(1 + brute(acceptance, nodes, depth))
    assert expected(acceptance, tree) == pytest.approx(tree.expected_tokens)
    assert len(tree.parents) <= nodes
    assert all(parent < index for index, parent in enumerate(tree.parents))
    depths = []
    for parent in tree.parents:
        depths.append(1 + (depths[parent] if parent >= 0 else 0))
    assert max(depths, default=0) <= depth
    assert len({*zip(tree.parents, tree.ranks, strict=True)}) == len(tree.parents)


def test_sure_drafts_make_a_chain_and_unsure_ones_a_bush():
    assert best_tree((0.95, 0.01), 6, 8).ranks == (0,) * 6
    assert best_tree((0.25, 0.25, 0.25, 0.25), 4, 8).parents == (-1,) * 4


@pytest.mark.parametrize("acceptance", [(0.2, 0.3), (0.9, 0.3), (0.5, -0.1)], ids=str)
def test_what_is_no_acceptance_is_refused(acceptance):
    with pytest.raises(ValueError, match="acceptance"):
        best_tree(acceptance, 4, 4)
