"""Growth rules of draft trees."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.config import EngineConfig
from flexserve_core.speculation.expansion import Beam, BestFirst, Proposal, StaticShape, expansion_of

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


@given(proposals, st.integers(0, 12))
def test_a_beam_keeps_as_many_as_it_is_wide(found, room):
    rule = Beam(beam=3, max_depth=4)
    kept = rule.keep(0, found, room)
    assert [p.log_prob for p in kept] == sorted((p.log_prob for p in found), reverse=True)[: min(3, room)]
    assert [rule.width(level) for level in range(6)] == [3, 3, 3, 3, 0, 0]
    assert rule.goes_on([-50.0])


def test_the_rule_a_configuration_asks_for():
    assert expansion_of(EngineConfig(tree_shape=(3, 1))) == StaticShape((3, 1))
    assert expansion_of(EngineConfig(beam_width=3, max_tree_depth=5)) == Beam(3, 5)
    assert expansion_of(EngineConfig(max_tree_nodes=24, max_tree_depth=8)) == BestFirst(beam=4, max_depth=8)
    assert expansion_of(EngineConfig(max_tree_nodes=64, max_tree_depth=8)) == BestFirst(beam=8, max_depth=8)


def test_best_first_depth():
    rule = BestFirst(branch=3, max_depth=2)
    assert [rule.width(level) for level in range(4)] == [3, 3, 0, 0]


def test_best_first_stops_when_even_the_likeliest_is_unlikely():
    rule = BestFirst(min_log_prob_to_go_on=-2.0)
    assert rule.goes_on([-5.0, -1.9])
    assert not rule.goes_on([-5.0, -2.1])
    assert StaticShape((1, 1)).goes_on([-50.0])
