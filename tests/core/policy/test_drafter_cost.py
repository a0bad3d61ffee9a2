"""What a drafter costs: its levels as they were run, not as they were asked for."""

from __future__ import annotations

import pytest

from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import Drafted, DrafterCost

CURVE = {1: 1.0, 100: 100.0}


def test_debt_counts():
    """After a long spell without an SSM its catch-up is part of the price."""
    cost = DrafterCost(CostCurve(CURVE))
    assert cost.by_depth(80, 1, 2, False)[-1] == pytest.approx(81)
    assert cost.by_depth(1, 1, 2, False)[-1] == pytest.approx(2)
    assert cost.catching_up(80, 1) == pytest.approx(79)


def test_a_wide_level_has_as_many_rows_as_such_levels_had():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(4, 4, True, (4, 20, 20)), 44.0)
    assert cost.of_level(10, True) == pytest.approx(10)
    assert cost.wide_rows == pytest.approx(5.0, rel=0.01)
    assert cost.by_depth(4, 4, 2, True)[-1] == pytest.approx(24, rel=0.01)
    assert cost.by_depth(4, 4, 2, False)[-1] == pytest.approx(8, rel=0.01)


def test_drafts_that_end_early_do_not_make_forwards_look_cheap():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(1, 1, False, (1, 1), ended=True), 2.0)  # two levels of five
    assert cost.of_level(10, False) == pytest.approx(10)
    assert cost.by_depth(1, 1, 1, False)[-1] == pytest.approx(1.0)
    assert cost.by_depth(1, 1, 2, False)[-1] == pytest.approx(1.5, rel=0.01)
    assert cost.by_depth(1, 1, 4, False)[-1] == pytest.approx(1 + 0.5 + 0.25 + 0.125, rel=0.01)
    for _ in range(100):
        cost.observe(Drafted(1, 1, False, (1, 1)), 2.0)  # as deep as it was let
    assert cost.by_depth(1, 1, 4, False)[-1] == pytest.approx(4.0, rel=0.01)


def test_who_had_no_room_to_draft_says_nothing_of_costs():
    cost = DrafterCost(CostCurve(CURVE))
    cost.observe(Drafted(4, 80, ended=True), 1e-5)
    assert cost.of_level(10, False) == pytest.approx(10)


def one_level(cost: DrafterCost) -> float:
    return cost.by_depth(1, 1, 1, False)[-1]


def test_a_slow_spell_is_forgotten_and_a_quick_call_believed():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(200):
        cost.observe(Drafted(1, 1, False, (1,)), 20.0)
    assert one_level(cost) == pytest.approx(20, rel=0.1)
    assert cost.by_depth(1, 1, 1, False, at_start=True)[-1] == pytest.approx(1.0)
    for _ in range(2000):
        cost.not_asked()
    assert one_level(cost) < 2
    for _ in range(200):
        cost.observe(Drafted(1, 1, False, (1,)), 20.0)
    cost.observe(Drafted(1, 1, False, (1,)), 1.0)
    assert one_level(cost) == pytest.approx(1.0, rel=0.1)
    cost.observe(Drafted(1, 1, False, (1,)), 20.0)
    cost.forget()
    assert one_level(cost) == pytest.approx(1.0)


def test_a_curve_that_was_measured_on_a_busy_machine_is_mended():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(20):
        cost.observe(Drafted(1, 1, False, (1,)), 0.1)
    assert one_level(cost) == pytest.approx(0.1, rel=0.3)
    for _ in range(1000):
        cost.not_asked()
    assert one_level(cost) < 0.3


def test_what_there_is_to_do_once_is_not_taken_for_a_level_s():
    """A second for each text and draft, and twice the forward's time for each level, with any number of levels."""
    cost = DrafterCost(CostCurve(CURVE))
    for levels in (1, 4, 2, 8) * 30:
        cost.observe(Drafted(2, 2, False, (2,) * levels), 2 * 1.0 + levels * 4.0)
    assert cost.of_level(2, False) == pytest.approx(4.0, rel=0.1)
    assert cost.by_depth(2, 2, 1, False)[-1] == pytest.approx(6.0, rel=0.1)


def test_catching_up_takes_no_more_than_its_rows():
    """What is to do around a level does not grow with them; and what was behind says nothing of levels."""
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(1, 1, False, (1,)), 3.0)
    level_s = one_level(cost)
    assert cost.by_depth(81, 1, 1, False)[-1] == pytest.approx(level_s + 80, rel=0.01)
    for _ in range(100):
        cost.observe(Drafted(1, 81, False, (1,)), 60.0)
    assert one_level(cost) == pytest.approx(level_s)


def test_a_wide_draft_is_thought_as_dear_as_a_narrow_one_until_it_is_seen():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.observe(Drafted(1, 1, False, (1,)), 3.0)
    assert cost.first_level(1, 1, True) == pytest.approx(one_level(cost))
    for _ in range(100):
        cost.observe(Drafted(1, 1, True, (1,)), 6.0)
    assert cost.first_level(1, 1, True) == pytest.approx(6.0, rel=0.1)
    assert one_level(cost) == pytest.approx(3.0, rel=0.1)


def test_what_is_owed_again_in_every_step_is_not_spent_once():
    """Another drafter's nodes win, so this one has missed eight tokens in every step."""
    cost = DrafterCost(CostCurve(CURVE))
    assert cost.once(80, 1) == pytest.approx(79)
    for _ in range(100):
        cost.observe(Drafted(1, 8, False, (1,), left=8), 8.0)
    assert cost.once(8, 1) == pytest.approx(0)
    assert cost.once(80, 1) == pytest.approx(72)


def test_what_is_owed_after_a_rest_is_no_habit():
    cost = DrafterCost(CostCurve(CURVE))
    for _ in range(100):
        cost.not_asked()
        cost.observe(Drafted(1, 8, False, (1,), left=8), 8.0)
    assert cost.once(8, 1) == pytest.approx(7)
