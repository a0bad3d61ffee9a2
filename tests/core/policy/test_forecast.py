"""What steps are expected to bring and cost."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest

from flexserve_core.policy.arms import NOBODY, Arm
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import Drafted, DrafterCost
from flexserve_core.policy.forecast import Forecast
from flexserve_core.policy.plan import StepLoad
from flexserve_core.policy.policy import Candidate, Timing

CHAIN = Arm((0,))
LLM, SSM = CostCurve({1: 1.0, 101: 2.0}), CostCurve({1: 0.05, 101: 0.15})


def forecast() -> Forecast:
    return Forecast(LLM, [DrafterCost(SSM)])


def load(count: int, other_rows: int = 0, debt: int = 1) -> StepLoad:
    return StepLoad.of([Candidate(i, False, 10, 4, (debt,)) for i in range(count)], other_rows)


def gains(count: int, conditional: float) -> list[float]:
    return list(accumulate(count * conditional**d for d in (1, 2, 3, 4)))


def best_depth(conditional: float) -> int:
    found = forecast()
    return found.best(found.by_depth(CHAIN, gains(1, conditional), load(1)), load(1)).depth


def test_it_goes_as_deep_as_pays():
    assert best_depth(0.9) == 4
    assert best_depth(0.05) == 1


def test_seconds_are_those_of_the_forwards():
    found = forecast()
    plan = found.by_depth(CHAIN, gains(2, 0.5), load(2)).plan(2)
    units = 2 * 2 + 4 + 1.5  # sequences, nodes, tokens
    assert plan.tokens == pytest.approx(2 + 1.5)
    assert plan.seconds == pytest.approx(
        LLM.seconds(2 + 4) + 2 * SSM.seconds(2) + found.handling.seconds(units)
    )


def test_catching_up_is_spent_once():
    plan = forecast().by_depth(CHAIN, gains(2, 0.5), load(2, debt=40)).plan(1)
    assert plan.once_s == pytest.approx(SSM.seconds(80) - SSM.seconds(2))
    assert plan.lasting_s == pytest.approx(plan.seconds - plan.once_s * 7 / 8)


def test_what_is_not_kept_brings_nothing():
    found = forecast()
    whole = found.by_depth(CHAIN, gains(2, 0.5), load(2)).plan(2).tokens
    found.kept[False].share = 0.5
    assert found.by_depth(CHAIN, gains(2, 0.5), load(2)).plan(2).tokens - 2 == pytest.approx((whole - 2) / 2)


def test_an_overhead_that_may_be_the_machines_can_be_left_out():
    found = forecast()
    for _ in range(100):
        found.drafters[0].observe(Drafted(1, 1, False, (1, 1)), 20 * SSM.seconds(1))
    ways = (found.by_depth(CHAIN, gains(1, 0.5), load(1), at_start) for at_start in (False, True))
    dear, cheap = (one.plan(2) for one in ways)
    assert dear.seconds - cheap.seconds == pytest.approx(9 * 2 * SSM.seconds(1), rel=0.05)


def test_beside_a_prompt_tokens_are_worth_what_they_cost_elsewhere():
    found = forecast()
    found.token_cost.observe(10.0, 5.0)
    token_s = 0.5 / 0.95 / found.plain_per_s(load(2))  # half of what a plain step's takes
    assert found.worth(3.0, 1.0, load(2, other_rows=50)) == pytest.approx(3 * token_s - 1.0, rel=1e-6)
    assert found.worth(3.0, 1.5, load(2)) == pytest.approx(2.0)


def test_a_second_is_worth_less_when_few_texts_are_left():
    """Levels that cost more than they brought among sixteen texts pay when one is left."""
    found = forecast()
    found.token_cost.observe(10.0, 5.0)
    worth = [found.tokens_per_s(load(count)) / 0.95 / found.plain_per_s(load(count)) for count in (16, 1)]
    assert worth == pytest.approx([2.0, 2.0])
    assert found.tokens_per_s(load(16)) > 8 * found.tokens_per_s(load(1))


@pytest.mark.parametrize("alike", [(1,), (2,), (3, 5), (6, 11), (12, 16, 23), (24, 32)], ids=str)
def test_a_batch_that_is_nearly_full_is_as_good_as_full(alike):
    assert len({load(count).scale for count in alike}) == 1
    assert load(alike[-1] + 1).scale == load(alike[-1]).scale + (alike[-1] != 32)


def test_what_took_far_longer_than_it_should_was_interrupted():
    found = forecast()
    usual_s = LLM.seconds(4, 40)
    assert found.calm(Timing(4, 40, usual_s, (0.2,), 1e-4), 0.2) == Timing(4, 40, usual_s, (0.2,), 1e-4)
    calm = found.calm(Timing(4, 40, 50 * usual_s, (6.0, 2.0), 9.0), 0.2)
    assert calm.forward_s == pytest.approx(1.5 * usual_s)
    assert calm.draft_s == pytest.approx((0.225, 0.075))
    assert calm.other_s < 0.01


def test_without_text_drafters_their_plan_is_a_plain_step():
    plan = forecast().text_plan(load(3))
    assert (plan.arm, plan.depth, plan.tokens) == (NOBODY, 0, 3)


def test_of_drafted_nodes_those_are_kept_that_pay_for_their_row():
    assert forecast().keep(np.array([0.9, 0.5, 0.001, 0.0001]), load(1), 0.05, 0.0) == 2
    assert forecast().keep(np.array([]), load(1), 0.0, 0.0) == 0
