"""Estimates of acceptance: they find what is true, start from their prior, and forget."""

from __future__ import annotations

import random
from itertools import accumulate
from operator import mul

import pytest

from flexserve_core.policy.acceptance import Calibration, DepthRates, Followed, Rate, stated
from flexserve_core.speculation.tree import TreeBuilder


def chain(*tokens, log_prob=-0.5):
    builder = TreeBuilder()
    builder.add_chain(tokens, log_prob, "s")
    return builder.build()


def test_a_rate_starts_at_its_prior_and_finds_the_truth():
    rate, rng = Rate(0.998), random.Random(0)
    assert rate.value(0.7) == pytest.approx(0.7)
    for _ in range(2000):
        rate.observe(rng.random() < 0.2)
    assert rate.value(0.7) == pytest.approx(0.2, abs=0.06)


def test_a_rate_forgets():
    rate = Rate()
    for hit in [True] * 300 + [False] * 150:
        rate.observe(hit)
    assert rate.value() < 0.1


def gains(rates: DepthRates, priors=None) -> list[float]:
    return list(accumulate(accumulate(rates.conditionals(priors), mul)))


def test_depth_rates_find_the_expected_gain():
    rates, rng = DepthRates(4), random.Random(1)
    for _ in range(600):
        reached = 0
        while reached < 4 and rng.random() < 0.5:
            reached += 1
        rates.observe(reached, 4)
    assert gains(rates) == pytest.approx([0.5, 0.75, 0.875, 0.9375], abs=0.2)


def test_what_was_not_drafted_is_not_counted_against_depth():
    rates = DepthRates(3)
    for _ in range(100):
        rates.observe(1, 1)  # drafts one deep, always right
    assert gains(rates)[2] > 2.5  # deeper ones are believed to be alike


def test_rates_start_from_what_they_are_told():
    newcomer = DepthRates(2)
    assert gains(newcomer, [0.05, 0.05])[1] < 0.1
    for _ in range(60):
        newcomer.observe(2, 2)
    assert gains(newcomer, [0.05, 0.05])[1] > 1.5


def test_calibration_corrects_an_overconfident_drafter():
    calibration, rng = Calibration(), random.Random(2)
    assert calibration.conditional("s", False, 1, 0.9) == pytest.approx(0.9)
    tree = chain(1, 2, 3, log_prob=-0.1)  # states 0.905 a node
    for _ in range(800):
        reached = 0
        while reached < 3 and rng.random() < 0.3:
            reached += 1
        calibration.learn(Followed.by(tree, [*range(1, reached + 1), 9]), sampled=False)
    reach = calibration.reach(tree, sampled=False)
    assert reach[0] == pytest.approx(0.3, abs=0.08)
    assert reach[2] == pytest.approx(0.027, abs=0.03)
    assert reach == sorted(reach, reverse=True)
    assert calibration.reach(tree, sampled=True)[0] > 0.85  # learned for greedy requests only


def test_calibration_counts_every_child_of_a_visited_node_and_no_other():
    builder = TreeBuilder()
    first = builder.add(-1, 5, -0.7, "a")
    builder.add(-1, 6, -1.0, "b")
    builder.add(first, 7, -1.4, "a")
    tree = builder.build()
    seen = []

    class Spy(Calibration):
        def observe(self, source, sampled, depth, stated, accepted):
            seen.append((source, depth, accepted))

    for emitted, cases in {
        (): [],
        (9,): [("a", 1, False), ("b", 1, False)],
        (5,): [("a", 1, True), ("b", 1, False)],  # what comes after 5 is not known
        (5, 9): [("a", 1, True), ("b", 1, False), ("a", 2, False)],
        (5, 7): [("a", 1, True), ("b", 1, False), ("a", 2, True)],
    }.items():
        seen.clear()
        Spy().learn(Followed.by(tree, emitted), False)
        assert seen == cases


def test_stated_probability_is_conditional_and_bounded():
    tree = chain(1, 2, log_prob=-0.5)
    assert stated(tree, 0) == stated(tree, 1) == pytest.approx(0.6065, abs=1e-3)
    assert stated(chain(1, log_prob=0.4), 0) == 1.0


def test_the_texts_way_is_followed_in_the_drafters_own_tree():
    tree = chain(1, 2, 3)
    ways = [Followed.by(tree, e).way for e in ([9], [1, 9], [1, 2, 3, 4], [1, 2], [])]
    assert ways == [[], [0], [0, 1, 2], [0, 1], []]
