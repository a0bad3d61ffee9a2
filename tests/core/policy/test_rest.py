"""Rests: some steps, cut short by other sequences and by what pays."""

from __future__ import annotations

from flexserve_core.policy.rest import MOST_REST_STEPS, REST_STEPS, Rest


def _length(rest: Rest, keys: list[int]) -> int:
    steps = 0
    while rest.goes_on(keys):
        steps += 1
    return steps


def test_none_before_the_first():
    assert _length(Rest(), [1]) == 0


def _next_length(rest: Rest) -> int:
    rest.begin([1])
    return _length(rest, [1])


def test_the_longer_nothing_pays_the_longer_it_is():
    rest = Rest()
    lengths = [_next_length(rest) for _ in range(5)]
    assert lengths == [REST_STEPS, 2 * REST_STEPS, MOST_REST_STEPS, MOST_REST_STEPS, MOST_REST_STEPS]
    rest.end()
    assert _next_length(rest) == REST_STEPS


def test_what_pays_ends_it():
    rest = Rest()
    rest.begin([1])
    assert rest.goes_on([1])
    rest.end()
    assert not rest.goes_on([1])


def test_other_sequences_end_it_when_they_are_most():
    rest = Rest()
    rest.begin([1, 2, 3, 4])
    assert rest.goes_on([1, 2, 5, 6])
    assert rest.goes_on([2, 3])
    assert not rest.goes_on([2, 5, 6])
    rest.begin([1])
    assert not rest.goes_on([2])
