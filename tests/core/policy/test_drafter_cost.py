"""What a drafter costs: its levels as they were run, not as they were asked for."""

from __future__ import annotations

import pytest

from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import Drafted, DrafterCost

CURVE = {1: 1.0, 100: 100.0}


def test_debt_counts():
    """After a long spell without an SSM its catch-up is part of the price."""
    cost = DrafterCost(CostCurve(CURVE))
    assert cost.seconds(80, 1, 2, False) == pytest.approx(81)
    assert cost.seconds(1, 1, 2, False) == pytest.approx(2)
    assert cost.catching_up(80, 1) == pytest.approx(79)


def test_a_wide_level_has_as_many_rows_as_such_levels_had():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(4, 4, 3, True, (20, 20, 20)), 44.0)
    assert cost.overhead == pytest.approx(1.0)
    assert cost.wide_rows == pytest.approx(5.0, rel=0.01)
    assert cost.seconds(4, 4, 2, True) == pytest.approx(24, rel=0.01)
    assert cost.seconds(4, 4, 2, False) == pytest.approx(8, rel=0.01)


def test_drafts_that_end_early_do_not_make_forwards_look_cheap():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(1, 1, 5, False, (1, 1)), 2.0)  # two levels of five
    assert cost.overhead == pytest.approx(1.0)
    assert cost.seconds(1, 1, 2, False) == pytest.approx(1.25, rel=0.01)
    assert cost.seconds(1, 1, 1, False) == pytest.approx(1.0)


def test_who_had_no_room_to_draft_says_nothing_of_costs():
    cost = DrafterCost(CostCurve(CURVE))
    cost.observe(Drafted(4, 80, 5, False, ()), 1e-5)
    assert cost.overhead == 1.0


def test_a_slow_spell_is_forgotten_and_a_quick_call_believed():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(200):
        cost.observe(Drafted(1, 1, 1, False, (1,)), 20.0)
    assert cost.overhead > 15
    for _ in range(1000):
        cost.not_asked()
    assert cost.overhead < 1.1
    for _ in range(200):
        cost.observe(Drafted(1, 1, 1, False, (1,)), 20.0)
    cost.observe(Drafted(1, 1, 1, False, (1,)), 1.0)
    assert cost.overhead == pytest.approx(1.0, rel=0.2)
