"""Acceptance by depth and rank is counted under accepted parents only."""

from __future__ import annotations

from flexserve_core.policy.policy import Candidate, FixedPolicy, Outcome, Timing
from flexserve_core.speculation.tree import TokenTree, TreeBuilder
from flexserve_core.tuning.recorder import Acceptance, Recorder, SizedPolicy

CANDIDATE = Candidate(1, False, 10, 4, (1, 0))
TIMING = Timing(1, 1, 0.1, (0.0, 0.0))


def bushy() -> TokenTree:
    """Two children, the second likelier; under each a chain."""
    tree = TreeBuilder()
    unlikely = tree.add(-1, 1, -2.0, "test")
    likely = tree.add(-1, 2, -0.1, "test")
    tree.add(unlikely, 3, -3.0, "test")
    tree.add(likely, 4, -0.2, "test")
    return tree.build()


def test_ranks_follow_confidence_and_rejected_parents_count_for_nothing():
    recorder = Recorder(FixedPolicy(2))
    tree = bushy()
    outcome = Outcome(CANDIDATE, (tree, TokenTree()), (4, 4), tree, (1,), (2, 9))
    recorder.observe([outcome, outcome], TIMING)
    assert recorder.acceptance() == (Acceptance(1, 1, 2, 2), Acceptance(1, 2, 2, 0), Acceptance(2, 1, 2, 0))
    assert recorder.nodes == {4: 2}
    assert recorder.depth == {2: 2}
    recorder.clear()
    assert recorder.acceptance() == ()


def test_a_sized_policy_keeps_the_likeliest_nodes():
    assert SizedPolicy(2).depths([CANDIDATE], 0) == [(2, 2)]
    assert SizedPolicy(0).depths([CANDIDATE], 0) == [(0, 0)]
    assert SizedPolicy(2).select([CANDIDATE], [bushy()], 0)[0].tokens == (2, 4)
    assert len(SizedPolicy(64).select([CANDIDATE], [bushy()], 0)[0]) == 4
