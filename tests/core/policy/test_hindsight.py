"""What steps brought, beside what they are thought to bring."""

from __future__ import annotations

import pytest

from flexserve_core.policy.hindsight import Hindsight


def test_at_first_there_is_only_the_forecast():
    assert Hindsight().speedup("chain", 1.3) == 1.3


def test_experience_outweighs_a_forecast_in_time():
    found = Hindsight()
    for _ in range(200):
        found.observe("chain", tokens=30, plain=20)
    assert found.speedup("chain", 0.9) == pytest.approx(1.5, abs=0.12)
    assert found.speedup("tree", 0.9) == 0.9


def test_long_steps_count_for_more():
    found = Hindsight()
    for _ in range(200):
        found.observe("chain", tokens=100, plain=50)
        found.observe("chain", tokens=5, plain=10)
    assert found.speedup("chain", 1.75) == pytest.approx(105 / 60, rel=0.02)


def test_of_what_is_not_done_the_forecast_decides_again():
    found = Hindsight()
    for _ in range(200):
        found.observe("chain", tokens=10, plain=20)
        found.step("chain")
    assert found.speedup("chain", 2.0) < 0.8
    for _ in range(1000):
        found.step(None)
    assert found.speedup("chain", 2.0) > 1.9
