"""Rests: longer each time, cut short by other sequences, short again once something paid."""

from __future__ import annotations

from flexserve_core.policy.rest import Rest


def _length(rest: Rest, keys: list[int]) -> int:
    steps = 0
    while rest.goes_on(keys):
        steps += 1
    return steps


def test_none_before_the_first():
    assert _length(Rest(), [1]) == 0


def test_longer_each_time_up_to_a_bound_and_short_again():
    rest, found = Rest(), []
    for _ in range(6):
        rest.begin([1])
        found.append(_length(rest, [1]))
    assert found == [8, 16, 32, 64, 64, 64]
    rest.something_pays()
    rest.begin([1])
    assert _length(rest, [1]) == 8


def test_other_sequences_end_a_long_one_after_the_shortest():
    rest = Rest()
    for _ in range(4):
        rest.begin([1])
        _length(rest, [1])
    rest.begin([1])
    assert _length(rest, [2]) == 8
