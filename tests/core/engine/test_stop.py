"""Stop strings: however a text is cut into pieces, the same is released."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexserve_core.engine.stop import StopStrings

letters = st.text("abc", min_size=0, max_size=24)
stops = st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3)


def feed(pieces, stop, include=False):
    """(released text, the stop that ended it); everything after the end is not fed, as in the engine."""
    machine, shown = StopStrings(stop, include), ""
    for piece in pieces:
        released = machine.push(piece)
        shown += released.text
        if released.stopped_by is not None:
            return shown, released.stopped_by
    return shown + machine.finish(), None


def oracle(text, stop, include=False):
    """The stop that is complete first ends the text; of two complete at once, the longer."""
    for end in range(len(text) + 1):
        ending = [each for each in stop if text[:end].endswith(each)]
        if ending:
            longest = max(ending, key=len)
            return text[: end if include else end - len(longest)], longest
    return text, None


@given(letters, stops, st.lists(st.integers(0, 24), max_size=6), st.booleans())
@example("abc", ["abc", "b"], [2], False)
@example("aab", ["ab"], [1, 2], False)
def test_every_split_gives_the_same(text, stop, cuts, include):
    marks = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(marks)]
    assert feed(pieces, stop, include) == oracle(text, stop, include)
    assert feed(list(text), stop, include) == oracle(text, stop, include)


@given(letters, stops)
def test_nothing_is_shown_too_early_or_held_without_need(text, stop):
    machine, shown = StopStrings(stop), ""
    for index, letter in enumerate(text, 1):
        released = machine.push(letter)
        shown += released.text
        if released.stopped_by is not None:
            return
        held = text[len(shown) : index]
        assert text[:index] == shown + held
        # what is held could still become a stop string, and no longer held text could
        assert not held or any(each.startswith(held) and each != held for each in stop)
        assert not any(
            each.startswith(text[start:index])
            for each in stop
            for start in range(len(shown))
            if start < index
        )


def test_without_stops_everything_passes():
    machine = StopStrings(())
    assert machine.push("abc").text == "abc"
    assert machine.finish() == ""


@pytest.mark.parametrize(("include", "shown"), [(False, "Hello "), (True, "Hello END")])
def test_include(include, shown):
    assert feed(["Hel", "lo E", "ND, more"], ["END"], include) == (shown, "END")
