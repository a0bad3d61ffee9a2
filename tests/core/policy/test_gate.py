"""Whether a draft goes a level deeper: the batch decides, by price."""

from __future__ import annotations

import math

import pytest

from flexserve_core.policy.acceptance import Followed, LevelYields, chance_cell
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.gate import Gate, Prices
from flexserve_core.policy.probes import Probe
from flexserve_core.speculation.drafter import Front
from flexserve_core.speculation.tree import TreeBuilder

LLM, SSM = CostCurve({1: 1.0, 101: 2.0}), CostCurve({1: 0.1, 101: 1.1})  # a row: 0.01


def gate(
    tokens_per_s: float = 2.0,
    average: float = 0.5,
    budget_s: float = 0.0,
    rows: int = 8,
    llm: CostCurve = LLM,
    levels: int = 8,
) -> Gate:
    return Gate(
        0,
        False,
        DrafterCost(SSM),
        LevelYields(),
        Prices(llm, 0.0, 0, tokens_per_s),
        lambda probe, price_s: price_s <= budget_s,
        rows,
        (average,) * levels,
        0.1,
    )


def fronts(count: int, chance: float = 0.9) -> list[Front]:
    return [Front(False, [math.log(chance)]) for _ in range(count)]


def test_a_level_has_to_pay_for_its_forward():
    """It costs 0.1 s and more, 0.22 tokens with the margin; every text brings half a token."""
    assert all(gate().going_on(fronts(4)))
    assert not any(gate(average=0.01).going_on(fronts(4)))
    assert not any(gate(tokens_per_s=100.0).going_on(fronts(4)))


def test_many_texts_pay_together_where_few_do_not():
    assert not any(gate(tokens_per_s=6.0).going_on(fronts(1)))
    assert all(gate(tokens_per_s=6.0).going_on(fronts(8)))


def test_what_was_let_through_is_counted():
    found = gate()
    assert all(found.going_on(fronts(4)))
    assert all(found.going_on(fronts(4)))
    assert (found.levels, found.closed, found.rows) == (3, False, 16)
    assert found.draft_s == pytest.approx(0.1 + 2 * SSM.seconds(4))
    assert not any(found.going_on([]))
    assert (found.levels, found.closed) == (3, True)


def test_texts_that_are_not_worth_their_row_stay_behind():
    """A row costs 0.044 tokens with the margin; below unlikely nodes nothing came true."""
    found, unlikely = gate(tokens_per_s=4.0), Front(False, [math.log(0.05)])
    learn(found.yields, 200, 0.05, 0.0)
    assert found.going_on([*fronts(4), unlikely]) == [True] * 4 + [False]
    assert (found.fed, found.rows) == ([4], 13)  # the unlikely node is there to be verified
    assert found.draft_s == pytest.approx(0.1 + SSM.seconds(4))
    assert found.going_on([unlikely]) == [False]
    assert found.closed


def test_once_in_a_while_they_go_on_too_to_learn_from_them():
    found, asked = gate(tokens_per_s=4.0), []
    learn(found.yields, 200, 0.05, 0.0)
    found.tries = lambda probe, price_s: asked.append((probe, price_s)) or True
    unlikely = Front(False, [math.log(0.05)])
    assert all(found.going_on([*fronts(4), unlikely]))
    [(probe, price_s)] = asked
    assert probe is Probe.TEXTS
    assert 0 < price_s < 0.02  # a row, in seconds


@pytest.mark.parametrize("average", [0.25, 0.2])
def test_a_dear_level_pays_if_those_below_it_earn_that_back(average):
    """The next rows cost 0.4 s, 0.88 tokens with the margin, and those after them nothing: the level loses
    0.1 or 0.3 tokens, every other one gains over 0.5. At 0.2 tokens a text no text is worth its row by itself."""
    blocks = CostCurve({1: 1.0, 12: 1.0, 16: 1.4, 64: 1.4})
    deep, last = gate(average=average, llm=blocks), gate(average=average, llm=blocks, levels=2)
    assert all(deep.going_on(fronts(4)))
    assert not any(last.going_on(fronts(4)))
    assert not any(gate(average=average, llm=blocks, tokens_per_s=20.0).going_on(fronts(4)))


def test_levels_that_earn_nothing_back_do_not_help_a_dear_one():
    steep = CostCurve({1: 1.0, 12: 1.0, 16: 1.4, 64: 6.2})
    assert not any(gate(average=0.2, llm=steep).going_on(fronts(4)))


def learn(yields: LevelYields, times: int, chance: float, child: float) -> None:
    """The nodes of this chance had a child that came true so often."""
    for number in range(times):
        text = (0, 1, 9) if number < child * times else (0, 9, 9)
        yields.learn(0, False, False, Followed.by(chain(math.log(chance), math.log(chance)), text))


def test_once_in_a_while_a_level_is_run_to_learn_from_it():
    assert not any(gate(average=0.0).going_on(fronts(4)))
    assert all(gate(average=0.0, budget_s=1.0).going_on(fronts(4)))


def chain(*log_probs: float):
    builder, node = TreeBuilder(), -1
    for token, log_prob in enumerate(log_probs):
        node = builder.add(node, token, log_prob, "s")
    return builder.build()


def test_what_sure_nodes_bring_is_learned_apart_from_what_unsure_ones_do():
    found = LevelYields()
    for _ in range(200):
        found.learn(0, False, False, Followed.by(chain(-0.01, -0.02), (0, 1, 9)))
        found.learn(0, False, False, Followed.by(chain(-1.5, -1.6), (0, 9)))
    assert found.expected(0, False, False, 0.5)[chance_cell(-0.01)] > 0.95
    assert found.expected(0, False, False, 0.5)[chance_cell(-1.5)] < 0.05
    assert found.expected(0, True, False, 0.5)[chance_cell(-0.01)] == 0.5
    assert found.expected(1, False, False, 0.5)[chance_cell(-0.01)] == 0.5


def test_what_lies_beyond_the_tokens_is_unknown_not_wrong():
    found = LevelYields()
    for _ in range(200):
        found.learn(0, False, False, Followed.by(chain(-0.01, -1.2, -2.0, -3.0), (0, 1)))
    assert found.expected(0, False, False, 0.5)[chance_cell(-0.01)] > 0.95  # its child came true
    assert found.expected(0, False, False, 0.5)[chance_cell(-1.2)] == 0.5
    assert found.expected(0, False, False, 0.5)[chance_cell(-2.0)] == 0.5
