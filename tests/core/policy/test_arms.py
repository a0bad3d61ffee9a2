"""Acceptance by arm: what a wide tree says of a narrow one, and of requests that are new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexserve_core.policy.acceptance import Followed
from flexserve_core.policy.arms import Arm, ArmAcceptance, arms_of
from flexserve_core.policy.policy import Candidate, Outcome
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder

NARROW, WIDE = Arm((0,)), Arm((0,), wide=True)


def candidate(key: int = 1, max_depth: int = 4) -> Candidate:
    return Candidate(key, False, 20, max_depth, (1,))


def two_wide() -> TokenTree:
    """5 or 6, then 7 or 8 after either."""
    builder = TreeBuilder()
    for first in (builder.add(-1, 5, -0.3, "s"), builder.add(-1, 6, -1.5, "s")):
        builder.add(first, 7, -2.0, "s")
        builder.add(first, 8, -3.0, "s")
    return builder.build()


def outcome(emitted: tuple[int, ...], key: int = 1, drafts=None, depths=(2,), max_width=None) -> Outcome:
    tree = two_wide() if drafts is None else EMPTY_TREE
    return Outcome(candidate(key), drafts or (tree,), depths, EMPTY_TREE, (), emitted, max_width)


def learn(found: ArmAcceptance, seen: Outcome) -> None:
    found.learn(seen, [Followed.by(tree, seen.emitted) for tree in seen.drafts])


def gain(found: ArmAcceptance, arm: Arm, depth: int, key: int = 1) -> float:
    return float(found.gains(arm, [candidate(key)])[depth - 1])


def test_every_set_of_drafters_comes_narrow_and_wide():
    assert arms_of(()) == ()
    assert arms_of((0,)) == (NARROW, WIDE)
    assert [arm.drafters for arm in arms_of((0, 2))] == [(0,), (0,), (2,), (2,), (0, 2), (0, 2)]


@pytest.mark.parametrize(
    ("emitted", "narrow", "wide"),
    [((5, 7, 1), 2, 2), ((5, 8, 1), 1, 2), ((6, 7, 1), 0, 2), ((9,), 0, 0)],
    ids=str,
)
def test_a_wide_tree_tells_what_its_likeliest_chain_had_brought(emitted, narrow, wide):
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(300):
        learn(found, outcome(emitted))
    assert gain(found, NARROW, 2) == pytest.approx(narrow, abs=0.15)
    assert gain(found, WIDE, 2) == pytest.approx(wide, abs=0.15)


def test_a_chain_says_something_of_wide_trees_only_where_none_was_seen():
    unseen = ArmAcceptance((NARROW, WIDE), (), 2)
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(300):
        learn(found, outcome((6, 7, 1)))  # what no chain had brought
    before = gain(found, WIDE, 2)
    for _ in range(100):
        learn(found, outcome((9,), max_width=1))
        learn(unseen, outcome((9,), max_width=1))
    assert gain(found, WIDE, 2) == pytest.approx(before, abs=0.05)
    assert gain(found, NARROW, 2) < 0.1
    assert gain(unseen, WIDE, 2) < 0.3


def test_an_age_that_was_not_seen_is_like_the_others():
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(300):
        learn(found, outcome((9,)))
    old = replace(candidate(2), generated=70)
    assert float(found.gains(NARROW, [old])[1]) < 0.2


def test_who_was_not_asked_is_not_judged():
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    before = gain(found, NARROW, 2)
    for _ in range(100):
        learn(found, outcome((9,), depths=(0,)))
    assert gain(found, NARROW, 2) == before


def test_text_drafters_help_every_arm():
    found = ArmAcceptance((NARROW, WIDE), (1,), 2)
    text = TreeBuilder()
    text.add_chain([6, 7], -0.1, "text")
    for _ in range(300):
        learn(found, outcome((6, 7, 1), drafts=(two_wide(), text.build()), depths=(2, 2)))
    assert gain(found, NARROW, 2) == pytest.approx(2, abs=0.15)


def test_a_request_starts_from_what_all_requests_showed_and_goes_its_own_way():
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(100):
        learn(found, outcome((9,)))
    assert gain(found, WIDE, 2, key=2) < 0.1
    for _ in range(60):
        learn(found, outcome((5, 7, 1), key=2))
    assert gain(found, WIDE, 2, key=2) > 1.8
    assert gain(found, WIDE, 2, key=1) < gain(found, WIDE, 2, key=2) - 0.3
    found.forget(2)
    found.forget(2)
    assert gain(found, WIDE, 2, key=2) == gain(found, WIDE, 2, key=3)


def test_a_text_that_ends_soon_gains_no_more_than_it_has_left():
    found = ArmAcceptance((NARROW,), (), 4)
    short, long = (found.gains(NARROW, [candidate(9, depth)]) for depth in (1, 4))
    assert list(short) == [long[0]] * 4


def test_what_a_request_showed_long_ago_counts_less():
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(20):
        learn(found, outcome((9,)))
        learn(found, outcome((5, 7, 1), key=2))
    now, later = (found.gains(WIDE, [Candidate(1, False, length, 4, (1,))]) for length in (20, 200))
    assert later[0] > now[0] + 0.2


def test_texts_are_compared_with_texts_of_their_age():
    found = ArmAcceptance((NARROW, WIDE), (), 2)
    for _ in range(300):
        learn(found, outcome((9,)))
        learn(found, replace(outcome((5, 7, 1)), candidate=Candidate(2, False, 60, 4, (1,), generated=50)))
    young, older = (found.gains(WIDE, [Candidate(3, False, 20, 4, (1,), age)])[0] for age in (0, 50))
    assert young < 0.1
    assert older > 0.9
