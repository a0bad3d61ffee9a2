"""The cost curve: lines between points, never falling, following the machine."""

from __future__ import annotations

import pytest

from flexserve_core.policy.cost import CostCurve, TokenCost, UnitCost


def test_points_lines_and_the_last_slope():
    curve = CostCurve({1: 1.0, 4: 4.0, 8: 4.0, 16: 12.0})
    assert [curve.seconds(rows) for rows in (0, 1, 2, 4, 6, 8, 12, 16, 18)] == pytest.approx(
        [0, 1, 2, 4, 4, 4, 8, 12, 14]
    )


def test_one_point_is_a_constant_and_keys_cost_extra():
    curve = CostCurve({4: 2.0}, per_key=0.01)
    assert curve.seconds(1) == curve.seconds(100) == 2.0
    assert curve.seconds(1, keys=100) == pytest.approx(3.0)


def test_more_rows_never_cost_less():
    curve = CostCurve({1: 3.0, 2: 1.0, 8: 2.0, 9: 9.0})
    seconds = [curve.seconds(rows) for rows in range(1, 20)]
    assert seconds == sorted(seconds)


def test_it_follows_a_machine_that_slows_down():
    curve = CostCurve({1: 1.0, 32: 2.0})
    for _ in range(80):
        curve.observe(1, 1.6)
    assert curve.seconds(1) == pytest.approx(1.6, rel=0.02)
    assert curve.seconds(32) > 2.5  # a slower machine is slower for many rows too


def test_a_start_that_was_disturbed_is_forgotten_at_once():
    curve = CostCurve({1: 40.0, 32: 60.0})  # what a busy machine said
    curve.observe(1, 1.0)
    assert curve.seconds(1) == pytest.approx(1.0)
    assert curve.seconds(32) < 2.0


def test_when_a_busy_machine_is_quiet_again_it_is_as_it_was():
    curve = CostCurve({1: 1.0, 8: 2.0, 32: 3.0})
    for _ in range(200):
        curve.observe(8, 20.0)
    assert curve.seconds(32) > 15
    curve.observe(8, 2.0)
    for _ in range(50):
        curve.observe(8, 2.0)
    assert curve.points() == pytest.approx({1: 1.0, 8: 2.0, 32: 3.0}, rel=0.35)


def test_handling_on_a_machine_that_is_quiet_again_is_believed_at_once():
    handling = UnitCost()
    for _ in range(100):
        handling.observe(10, 0.05)
    handling.observe(10, 0.001)
    assert handling.seconds(10) == pytest.approx(0.001)


def test_one_point_that_was_disturbed_changes_only_what_is_dearer():
    curve = CostCurve({1: 3.0, 16: 4.0, 48: 20.0, 64: 40.0})
    curve.observe(48, 5.0)
    assert curve.points() == pytest.approx({1: 3.0, 16: 4.0, 48: 5.0, 64: 10.0})
    curve.observe(64, 2.0)  # then fewer rows cost no more
    assert curve.points() == pytest.approx({1: 2.0, 16: 2.0, 48: 2.0, 64: 2.0})


def test_a_token_s_cost_is_an_average_of_the_last_steps():
    cost = TokenCost()
    assert cost.share() == 1.0
    cost.observe(4.0, 2.0)
    assert cost.share() == 0.5
    for _ in range(300):
        cost.observe(10.0, 1.0)
    assert cost.share() == pytest.approx(0.1, rel=0.01)


def test_one_interruption_moves_it_little():
    curve = CostCurve({1: 1.0, 32: 2.0})
    curve.observe(1, 100.0)
    assert curve.seconds(1) < 1.1
    curve.observe(0, 1.0)
    curve.observe(1, 0.0)
    assert curve.seconds(1) < 1.1


def test_the_points_are_told_as_believed():
    curve = CostCurve({1: 1.0, 8: 2.0})
    for _ in range(200):
        curve.observe(8, 3.0)
    assert curve.points()[8] == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("points", [{}, {0: 1.0}, {1: 0.0}, {1: -1.0}], ids=str)
def test_what_is_no_curve_is_refused(points):
    with pytest.raises(ValueError, match="points"):
        CostCurve(points)


def test_handling_follows_what_steps_took():
    handling = UnitCost()
    for _ in range(100):
        handling.observe(50, 0.005)
    assert handling.seconds(10) == pytest.approx(0.001, rel=0.01)
    handling.observe(50, 100.0)  # an interruption
    handling.observe(0, 1.0)
    assert handling.seconds(10) < 0.0025
