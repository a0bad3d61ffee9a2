"""Growth rules of draft trees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.speculation.expansion import BestFirst, Proposal, StaticShape

proposals = st.lists(
    st.builds(Proposal, parent=st.integers(0, 3), token=st.integers(0, 9), log_prob=st.floats(-9, 0)),
    max_size=12,
)


def test_static_widths():
    shape = StaticShape((1, 1, 3))
    assert [shape.width(level) for level in range(5)] == [1, 1, 3, 0, 0]


@given(proposals, st.integers(0, 12))
def test_static_keeps_all_that_fit(found, room):
    assert StaticShape((2, 2)).keep(0, found, room) == found[:room]


@given(proposals, st.integers(0, 12))
def test_best_first_keeps_the_likeliest(found, room):
    rule = BestFirst(beam=3, branch=2, min_log_prob=-4.0)
    kept = rule.keep(0, found, room)
    likely = sorted((p.log_prob for p in found if p.log_prob >= -4.0), reverse=True)
    assert [p.log_prob for p in kept] == likely[: min(3, room)]
    assert all(p in found for p in kept)


def test_best_first_depth():
    rule = BestFirst(branch=3, max_depth=2)
    assert [rule.width(level) for level in range(4)] == [3, 3, 0, 0]


def test_best_first_stops_when_even_the_likeliest_is_unlikely():
    rule = BestFirst(min_log_prob_to_go_on=-2.0)
    assert rule.goes_on([-5.0, -1.9])
    assert not rule.goes_on([-5.0, -2.1])
    assert StaticShape((1, 1)).goes_on([-50.0])
