"""The policy in simulated time: never much slower than plain, near the best fixed choice, back when it pays."""

from __future__ import annotations

import math
import random

import pytest

from flexserve_core.policy.acceptance import matched_nodes
from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.policy import Candidate, FixedPolicy, Outcome, Timing
from flexserve_core.policy.simulator import Machine, Recording, simulate
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder

DEPTH = 8
CPU = {1: 0.050, 16: 0.055, 32: 0.065, 64: 0.110}  # a forward that many rows make little dearer
SMALL = {1: 0.006, 16: 0.007, 64: 0.010}
RISING = {1: 0.05, 2: 0.1, 4: 0.2, 8: 0.4, 64: 3.2}  # every row costs as much as the first


def tree_of(rng: random.Random, truth: tuple[int, ...], right: float, stated: float) -> TokenTree:
    """Two children a level; the first is right with probability `right`, the second in a tenth of the rest."""
    builder = TreeBuilder()
    node, log_prob = -1, 0.0
    for token in truth[:DEPTH]:
        draw = rng.random()
        first = token if draw < right else -1 - rng.randrange(9)
        second = token if right <= draw < right + 0.1 * (1 - right) else -20
        child = builder.add(node, first, log_prob + math.log(stated), "ssm")
        other = builder.add(node, second, log_prob + math.log(0.05), "ssm")
        node = other if second == token else child
        log_prob += math.log(0.05 if node == other else stated)
    return builder.build()


def recordings(
    right, stated: float = 0.7, count: int = 4, length: int = 200, drafters: int = 1, seed: int = 0
):
    """Texts whose drafts come true with `right(position)`."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        tokens = tuple(rng.randrange(1000) for _ in range(length))
        trees = tuple(
            tuple(tree_of(rng, tokens[p:], right(p, d), stated) for d in range(drafters)) if p >= 10 else ()
            for p in range(length)
        )
        found.append(Recording(10, tokens, trees))
    return found


def policy(llm=CPU, *levels) -> AdaptivePolicy:
    """One that was told the true costs at start."""
    return AdaptivePolicy(
        CostCurve(llm), [DrafterCost(None if c is None else CostCurve(c)) for c in levels], DEPTH
    )


def machine(llm=CPU, *levels) -> Machine:
    return Machine(CostCurve(llm), tuple(None if c is None else CostCurve(c) for c in levels))


class Plain(FixedPolicy):
    def depths(self, candidates, other_rows):
        return [(0,) * self._num_drafters for _ in candidates]


class Depth(FixedPolicy):
    """Always the same depth."""

    def __init__(self, depth: int) -> None:
        super().__init__(1)
        self._depth = depth

    def depths(self, candidates, other_rows):
        return [(min(self._depth, candidate.max_depth),) for candidate in candidates]


def speed(chosen, texts, costs, batch=1) -> float:
    return simulate(chosen, texts, costs, batch).tokens_per_s


@pytest.mark.parametrize("batch", [1, 4, 16])
@pytest.mark.parametrize("stated", [0.3, 0.7, 0.95])
def test_a_useless_ssm_costs_three_percent_at_most(batch, stated):
    texts = recordings(lambda p, d: 0.0, stated, count=max(4, batch), length=400)
    costs = machine(CPU, SMALL)
    assert speed(policy(CPU, SMALL), texts, costs, batch) >= 0.97 * speed(Plain(1), texts, costs, batch)


def test_without_a_policy_a_useless_ssm_costs_much_more():
    texts = recordings(lambda p, d: 0.0, length=400)
    costs = machine(CPU, SMALL)
    assert speed(Depth(4), texts, costs) < 0.75 * speed(Plain(1), texts, costs)


@pytest.mark.parametrize("right", [0.3, 0.6, 0.8, 0.95])
def test_it_is_nearly_as_fast_as_the_best_fixed_depth(right):
    texts = recordings(lambda p, d: right)
    costs = machine(CPU, SMALL)
    best = max(speed(Depth(depth), texts, costs) for depth in (1, 2, 3, 4, 5, 6, 7, 8))
    assert speed(policy(CPU, SMALL), texts, costs) >= 0.95 * max(best, speed(Plain(1), texts, costs))


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
        assert not chosen.rests([0, 1])
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


def test_drafts_that_come_true_are_noticed_though_nobody_verified_them():
    chosen = policy(RISING, None)
    builder = TreeBuilder()
    builder.add_chain([7, 8], -0.2, "text")
    draft = builder.build()
    candidate = Candidate(1, False, 20, DEPTH, (0,))

    def kept_after(emitted) -> int:
        for _ in range(60):
            chosen.observe(
                [Outcome(candidate, (draft,), (2,), EMPTY_TREE, (), emitted)], Timing(1, 20, 0.05, (1e-5,))
            )
        chosen.depths([candidate], 0)
        return len(chosen.select([candidate], [draft], 0)[0])

    assert kept_after((9,)) == 0
    cheaper = Timing(8, 20, 0.06, (1e-5,))
    for _ in range(60):
        chosen.observe([], cheaper)  # rows cost little now
    assert kept_after((9,)) == 0
    assert kept_after((7,)) == 2


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
        reached = len(matched_nodes(kept, truth))
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


def test_text_drafts_that_never_come_true_are_left_alone():
    """What they cost is small, but a step of a small model is small, too."""
    texts = recordings(lambda p, d: 0.0, length=400)
    quick = {1: 0.002, 64: 0.004}
    costs = Machine(CostCurve(quick), (None,), call_s=2e-4)
    assert speed(policy(quick, None), texts, costs) >= 0.98 * speed(Plain(1), texts, costs)


def test_text_drafts_that_come_true_are_left_alone_where_rows_are_dear():
    """Half of them do, but a row costs a forward: none is verified, so nobody should be asked."""
    texts = recordings(lambda p, d: 0.5, length=400, stated=0.5)
    costs = Machine(CostCurve(RISING), (None,), call_s=5e-3)
    assert speed(policy(RISING, None), texts, costs) >= 0.98 * speed(Plain(1), texts, costs)


def test_a_new_text_does_not_wait_for_the_end_of_a_long_rest():
    bad = recordings(lambda p, d: 0.0, length=600, count=1)
    good = recordings(lambda p, d: 0.95, length=300, count=3, seed=1)
    costs = machine(CPU, None)
    assert speed(policy(CPU, None), [*bad, *good], costs) >= 1.25 * speed(Plain(1), [*bad, *good], costs)


def test_text_drafts_are_free_and_always_asked():
    texts = recordings(lambda p, d: 0.7)
    chosen, costs = policy(CPU, None), machine(CPU, None)
    assert speed(chosen, texts, costs) >= 1.5 * speed(Plain(1), texts, costs)


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


def test_debt_counts():
    """After a long spell without an SSM its catch-up is part of the price."""
    cheap, dear = DrafterCost(CostCurve({1: 1.0, 100: 100.0})), DrafterCost(CostCurve({1: 1.0, 100: 100.0}))
    assert dear.seconds(80, 1, 2) > 10 * cheap.seconds(1, 1, 2)


def test_no_candidates_no_plan():
    chosen = policy(CPU, SMALL)
    assert chosen.depths([], 5) == []
    assert chosen.select([], [], 5) == []


def test_nothing_is_kept_of_a_request_that_ended():
    chosen = policy(CPU, SMALL)
    simulate(chosen, recordings(lambda p, d: 0.5, count=3, length=60), machine(CPU, SMALL), 2)
    assert not chosen._requests
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
