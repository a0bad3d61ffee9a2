"""Budgets of probes: a bounded share of the time, each kind its own."""

from __future__ import annotations

import pytest

from flexserve_core.policy.probes import PROBE_SHARE, Probe, ProbeBudgets


def test_nothing_is_affordable_before_time_was_spent_but_what_costs_nothing():
    budgets = ProbeBudgets()
    assert not budgets.affords(Probe.DEEPER, 1e-6)
    assert budgets.now is None
    assert budgets.affords(Probe.DEEPER, -1.0)
    assert budgets.now is Probe.DEEPER


def test_probes_take_their_share_of_the_time():
    budgets, spent = ProbeBudgets(), 0.0
    for _ in range(10_000):
        budgets.begin_step()
        for kind in Probe:
            spent += 0.03 * budgets.affords(kind, 0.03)
        budgets.earn(0.01)
    assert spent == pytest.approx(PROBE_SHARE * 100, rel=0.1)


def test_what_a_probe_cost_beyond_its_price_is_paid_later():
    budgets = ProbeBudgets()
    budgets.earn(len(Probe) / PROBE_SHARE)  # one second for each kind
    assert budgets.affords(Probe.HOPE, 0.1)
    budgets.charge(0.9)
    budgets.charge(-5.0)  # cheaper than thought: nothing comes back
    assert not budgets.affords(Probe.HOPE, 0.1)
    assert budgets.affords(Probe.EVERYONE, 0.9)
