"""What steps are expected to bring: depths that differ by candidate, prices by row."""

from __future__ import annotations

import numpy as np
import pytest

from flexserve_core.policy.arms import Arm
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.forecast import Forecast
from flexserve_core.policy.plan import StepLoad
from flexserve_core.policy.policy import Candidate

CHAIN = Arm((0,))
LLM = {1: 1.0, 101: 2.0}  # a row more: 10 ms
SSM = {1: 0.05, 101: 0.15}


def forecast() -> Forecast:
    return Forecast(CostCurve(LLM), [DrafterCost(CostCurve(SSM))])


def load(count: int, other_rows: int = 0) -> StepLoad:
    return StepLoad.of([Candidate(i, False, 10, 4, (1,)) for i in range(count)], other_rows)


def reach(*conditionals: float) -> np.ndarray:
    return np.array([[c**d for d in (1, 2, 3, 4)] for c in conditionals])


def test_one_candidate_goes_as_deep_as_pays():
    assert forecast().best(CHAIN, reach(0.9), load(1)).depths == (4,)
    assert forecast().best(CHAIN, reach(0.05), load(1)).depths == (1,)


def test_in_a_batch_each_goes_as_deep_as_its_own_rows_pay():
    plan = forecast().best(CHAIN, reach(0.95, 0.9, 0.02, 0.0), load(4))
    assert plan.depths[0] == 4
    assert plan.depths[2:] == (1, 0) or plan.depths[2:] == (0, 0)
    assert plan.tokens == pytest.approx(4 + reach(0.95, 0.9).sum(), rel=0.05)


def test_seconds_are_those_of_the_forwards():
    found = forecast()
    plan = found.plan(CHAIN, np.array([2, 1]), reach(0.5, 0.5), load(2))
    llm, ssm = CostCurve(LLM), CostCurve(SSM)
    units = 2 * 2 + 3 + 1.25  # sequences, nodes, tokens
    expected = llm.seconds(2 + 3) + ssm.seconds(2) + ssm.seconds(1) + found.handling.seconds(units)
    assert plan.seconds == pytest.approx(expected)
    assert plan.tokens == pytest.approx(2 + 0.75 + 0.5)


def test_who_is_not_asked_need_not_be_caught_up_on():
    candidates = [Candidate(0, False, 10, 4, (1,)), Candidate(1, False, 500, 4, (90,))]
    behind = StepLoad.of(candidates, 0)
    with_it, without = (
        forecast().plan(CHAIN, np.array(depths), reach(0.5, 0.5), behind) for depths in ([1, 1], [1, 0])
    )
    assert with_it.seconds > without.seconds + 0.08
    assert without.once_s == 0


def test_a_forgotten_overhead_can_be_left_out():
    found = forecast()
    found.drafters[0].overhead = 10.0
    dear, cheap = (
        found.plan(CHAIN, np.array([2]), reach(0.5), load(1), at_start) for at_start in (False, True)
    )
    assert dear.seconds - cheap.seconds == pytest.approx(9 * 0.1)


def test_of_drafted_nodes_those_are_kept_that_pay_for_their_row():
    found = forecast()
    keep, worth = found.keep(np.array([0.9, 0.5, 0.001, 0.0001]), load(1), 0.05, 0.0)
    assert keep == 2
    assert worth == pytest.approx(2.4 / (CostCurve(LLM).seconds(3) + 0.05), rel=0.01)
    assert found.keep(np.array([]), load(1), 0.0, 0.0)[0] == 0
