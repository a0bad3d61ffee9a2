"""The policy in simulated time: never much slower than plain, near the best fixed choice, back when it pays."""

from __future__ import annotations

import math
import random
from itertools import groupby

import pytest

from flexserve_core.policy.acceptance import Followed
from flexserve_core.policy.policy import Candidate, FixedPolicy, Outcome, Timing
from flexserve_core.policy.simulator import Recording, simulate
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree

from .simulated import CPU, DEPTH, RISING, SMALL, Plain, Shape, machine, policy, recordings, speed, tree_of


@pytest.mark.parametrize("batch", [1, 4, 16])
@pytest.mark.parametrize("stated", [0.3, 0.7, 0.95])
def test_a_useless_ssm_costs_three_percent_at_most(batch, stated):
    texts = recordings(lambda p, d: 0.0, stated, count=max(4, batch), length=400)
    costs = machine(CPU, SMALL)
    assert speed(policy(CPU, SMALL), texts, costs, batch) >= 0.97 * speed(Plain(1), texts, costs, batch)


def test_without_a_policy_a_useless_ssm_costs_much_more():
    texts = recordings(lambda p, d: 0.0, length=400)
    costs = machine(CPU, SMALL)
    assert speed(Shape(4), texts, costs) < 0.75 * speed(Plain(1), texts, costs)


@pytest.mark.parametrize("right", [0.3, 0.6, 0.8, 0.95])
def test_it_is_nearly_as_fast_as_the_best_fixed_depth(right):
    texts = recordings(lambda p, d: right, count=8)
    costs = machine(CPU, SMALL)
    best = max(speed(Shape(depth), texts, costs) for depth in (1, 2, 3, 4, 5, 6, 7, 8))
    assert speed(policy(CPU, SMALL), texts, costs) >= 0.95 * max(best, speed(Plain(1), texts, costs))


WIDTHS = {"chain": 0.05, "tree": 0.9}  # how often a level's second node is right where the first is not


@pytest.mark.parametrize("case", WIDTHS)
def test_it_finds_the_width_that_pays(case):
    """A batch of eight, where rows cost something, the SSM's too."""
    texts = recordings(lambda p, d: 0.6, stated=0.6, count=40, second=WIDTHS[case])
    llm, ssm = {1: 0.05, 16: 0.06, 64: 0.1}, {1: 0.004, 8: 0.005, 64: 0.02}
    costs = machine(llm, ssm)
    best = {
        width: max(speed(Shape(depth, width), texts, costs, 8) for depth in range(1, 7))
        for width in (1, None)
    }
    assert (best[1] > best[None]) == (case == "chain")
    assert speed(policy(llm, ssm), texts, costs, 8) >= 0.95 * max(best.values())


def test_it_does_not_speculate_where_every_row_costs_a_forward():
    texts = recordings(lambda p, d: 0.5)
    costs = machine(RISING, SMALL)
    assert speed(policy(RISING, SMALL), texts, costs) >= 0.96 * speed(Plain(1), texts, costs)


@pytest.mark.parametrize("known", [False, True], ids=["first step", "after others"])
def test_beside_a_long_prompt_the_draft_still_has_to_pay(known):
    """The prompt's time is spent anyhow: a tenth more of it for a few tokens is dearer than those tokens later."""
    chosen = policy(CPU, SMALL)
    candidates = [Candidate(key, False, 20, DEPTH, (1,)) for key in range(2)]
    if known:
        simulate(chosen, recordings(lambda p, d: 0.1, count=32), machine(CPU, SMALL), 16)
        while chosen.rests([0, 1]):
            pass
    depths = chosen.depths(candidates, other_rows=2000)
    cheap = policy(CPU, {1: 1e-5})
    drafted = cheap.depths(candidates, other_rows=2000)
    assert all(depth > 0 for (depth,) in drafted)
    if known:
        assert depths == [(0,), (0,)]


def test_a_draft_that_becomes_good_is_found_again():
    texts = recordings(lambda p, d: 0.0 if p < 400 else 0.95, length=1200, count=1)
    costs = machine(CPU, SMALL)
    assert speed(policy(CPU, SMALL), texts, costs) >= 1.5 * speed(Plain(1), texts, costs)


def test_catching_up_is_worth_it_for_the_steps_to_come():
    """Eight texts of 100 tokens that the SSM has not seen: dear once, and each step gains for long."""
    slow = {1: 0.006, 16: 0.008, 64: 0.020, 1024: 0.3}
    texts = recordings(lambda p, d: 0.9, count=32)
    costs = machine(CPU, slow)
    chosen = policy(CPU, slow)
    simulate(chosen, texts, costs, 8)
    behind = [Candidate(100 + key, False, 100, DEPTH, (100,)) for key in range(8)]
    assert not chosen.rests([one.key for one in behind])
    assert all(depth > 0 for (depth,) in chosen.depths(behind, 0))
    hopeless = policy(CPU, {1: 0.006, 16: 0.008, 64: 0.020, 1024: 30.0})
    simulate(hopeless, texts, costs, 8)
    hopeless.rests([one.key for one in behind])
    assert all(depth == 0 for (depth,) in hopeless.depths(behind, 0))


def test_what_was_caught_up_on_is_taken_from_one_step_alone():
    """The plan stands for some steps; it was made when the SSM had missed 30 tokens."""
    chosen = policy(CPU, SMALL)
    once_s = []
    for step, debt in enumerate((30, 1, 1)):
        chosen.rests([1])
        [depths] = chosen.depths([Candidate(1, False, 40 + step, DEPTH, (debt,))], 0)
        assert depths[0] > 0
        assert chosen._step is not None
        once_s.append(chosen._step.once_s)
    assert once_s[0] > 0
    assert once_s[1:] == [0, 0]


def test_a_hope_lasts_some_steps_as_catching_up_serves_them_all():
    texts = recordings(lambda p, d: 0.0, count=1, length=3000)
    chosen, asked = policy(CPU, SMALL), []
    observe = chosen.observe

    def noting(outcomes, timing):
        asked.append(timing.draft_s[0] > 0)
        observe(outcomes, timing)

    chosen.observe = noting
    simulate(chosen, texts, machine(CPU, SMALL), 1)
    runs = [len(list(steps)) for drafts, steps in groupby(asked[200:]) if drafts]
    assert len(runs) > 2
    assert {*runs} == {4}


@pytest.mark.parametrize("batch", [1, 8])
def test_moments_in_which_the_machine_is_elsewhere_are_no_guide(batch):
    """One step in thirty takes fifty times as long, drafts or not."""
    texts = recordings(lambda p, d: 0.75, count=4 * batch, length=300)
    costs = machine(CPU, SMALL)
    disturbed, rng = policy(CPU, SMALL), random.Random(5)
    observe = disturbed.observe

    def interrupted(outcomes, timing):
        times = 50.0 if rng.random() < 1 / 30 else 1.0
        drafts = tuple(times * seconds for seconds in timing.draft_s)
        observe(outcomes, Timing(timing.rows, timing.keys, times * timing.forward_s, drafts))

    disturbed.observe = interrupted
    assert speed(disturbed, texts, costs, batch) >= 0.96 * speed(policy(CPU, SMALL), texts, costs, batch)


def test_of_two_ssms_the_useless_one_is_left_out():
    texts = recordings(lambda p, d: 0.85 if d == 0 else 0.0, drafters=2, length=400)
    alone = [
        Recording(t.prompt_length, t.tokens, tuple((found[0],) if found else () for found in t.trees))
        for t in texts
    ]
    dear = {1: 0.02, 64: 0.03}
    both = speed(policy(CPU, SMALL, dear), texts, machine(CPU, SMALL, dear))
    assert both >= 0.93 * speed(policy(CPU, SMALL), alone, machine(CPU, SMALL))


def _node_at(tree: TokenTree, tokens: tuple[int, ...]) -> int:
    node = -1
    for token in tokens:
        found = tree.child(node, token)
        assert found is not None
        node = found
    return node


def _drafted(unit_s: float) -> list[int]:
    """Nodes by step, where handling one sequence, node or token takes `unit_s` and most drafts come true."""
    quick, small = {1: 0.003, 64: 0.004}, {1: 0.0002, 64: 0.0003}
    chosen, rng, found = policy(quick, small), random.Random(5), []
    truth = tuple(range(40))
    candidate = Candidate(1, False, 40, DEPTH, (1,))
    for _ in range(300):
        if chosen.rests([1]):
            chosen.observe([], Timing(1, 40, 0.003, (0.0,), 2 * 1e-5))
            found.append(0)
            continue
        [depths] = chosen.depths([candidate], 0)
        tree = tree_of(rng, truth, 0.9, 0.9) if depths[0] else EMPTY_TREE
        [kept] = chosen.select([candidate], [tree], 0)
        reached = len(Followed.by(kept, truth).way)
        path = kept.path(kept_node) if (kept_node := _node_at(kept, truth[:reached])) >= 0 else ()
        outcome = Outcome(candidate, (tree,), depths, kept, tuple(path), truth[: reached + 1])
        rows, draft_s = 1 + len(kept), 0.0004 if depths[0] else 0.0
        other_s = unit_s * (rows + reached + 1)
        chosen.observe([outcome], Timing(rows, 40, 0.003, (draft_s,), other_s))
        found.append(len(kept))
    return found


def test_trees_that_cost_more_to_handle_than_they_bring_are_left_alone():
    assert sum(_drafted(unit_s=1e-5)[-100:]) > 300
    assert sum(_drafted(unit_s=1e-2)[-100:]) < 30


def test_a_batch_of_many_gets_smaller_trees():
    texts = recordings(lambda p, d: 0.6, count=32, length=120)
    llm = {1: 0.05, 16: 0.052, 32: 0.06, 64: 0.12, 128: 0.25, 256: 0.5}
    costs = machine(llm, SMALL)
    nodes = {}
    for batch in (1, 16):
        report = simulate(policy(llm, SMALL), texts, costs, batch)
        nodes[batch] = report.drafted_nodes / report.llm_steps / batch
    assert nodes[16] < 0.7 * nodes[1]


def test_costs_that_were_measured_wrong_are_corrected():
    """Told that drafting is free, it finds out that it is not."""
    texts = recordings(lambda p, d: 0.3, length=600)
    costs = machine(CPU, {1: 0.05, 64: 0.06})
    chosen = policy(CPU, {1: 0.0005, 64: 0.0006})
    assert speed(chosen, texts, costs) >= 0.9 * speed(Plain(1), texts, costs)


def test_a_busy_spell_does_not_turn_a_good_ssm_off_for_good():
    """Everything takes long for a while, the small model most of all; later all is as it was at start."""
    texts = recordings(lambda p, d: 0.9, count=4, length=400)
    chosen, quiet = policy(CPU, SMALL), machine(CPU, SMALL)
    slow = {rows: 4 * seconds for rows, seconds in CPU.items()}
    slower = {rows: 60 * seconds for rows, seconds in SMALL.items()}
    simulate(chosen, texts, machine(slow, slower), 1)
    simulate(chosen, texts[:1], quiet, 1)
    assert speed(chosen, texts, quiet) >= 0.9 * speed(policy(CPU, SMALL), texts, quiet)


def test_no_candidates_no_plan():
    chosen = policy(CPU, SMALL)
    assert chosen.depths([], 5) == []
    assert chosen.select([], [], 5) == []


def test_nothing_is_kept_of_a_request_that_ended():
    chosen = policy(CPU, SMALL)
    simulate(chosen, recordings(lambda p, d: 0.5, count=3, length=60), machine(CPU, SMALL), 2)
    assert not chosen._acceptance._requests
    chosen.forget(99)


def test_an_empty_tree_stays_empty():
    chosen = policy(CPU, SMALL)
    texts = [
        Recording(1, tuple(range(50)), tuple((EMPTY_TREE,) for _ in range(50))),
    ]
    report = simulate(chosen, texts, machine(CPU, SMALL), 1)
    assert report.tokens == 49
    assert report.drafted_nodes == 0


def test_a_fixed_policy_takes_everything():
    texts = recordings(lambda p, d: 1.0, length=100, count=1)
    report = simulate(FixedPolicy(1), texts, machine(CPU, SMALL), 1)
    assert report.llm_steps == math.ceil(90 / (DEPTH + 1))
