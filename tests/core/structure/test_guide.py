"""Masks against brute force over finite languages; guides move, fork and look ahead without side effects."""

from __future__ import annotations

import numpy as np
import pytest

from flexserve_core.errors import StructuredOutputError
from flexserve_core.structure.constraint import as_structured
from flexserve_core.structure.guide import Guide

LANGUAGE = ("no", "not", "a b", "ab ab", "naïve", "诗", "诗人", "😀!", "1.5")


def guide_of(grammars, tokenizer, **constraint):
    return grammars.compile(as_structured(constraint)).guide(frozenset({tokenizer.eos_id}))


def tokens_of(grammars):
    return grammars._bridge[1].tokens


@pytest.mark.parametrize("kind", ["choice", "grammar"])
def test_masks_are_those_of_brute_force_at_every_place(grammars, tokenizer, kind):
    """All token paths of the language, depth first: allowed is what some text of the language goes on with."""
    written = " | ".join(f'"{text}"' for text in LANGUAGE)
    asked = {"choice": LANGUAGE} if kind == "choice" else {"grammar": f"start: {written}"}
    texts = [text.encode() for text in LANGUAGE]
    grammar = grammars.compile(as_structured(asked))
    tokens, eos, seen = tokens_of(grammars), tokenizer.eos_id, 0
    paths = [((), b"")]
    for path, text in paths:  # grows while it is read
        guide = grammar.guide(frozenset({eos}))
        for token in path:
            guide.advance(token)
        expected = {
            token
            for token, more in enumerate(tokens)
            if more and any(one.startswith(text + more) for one in texts)
        }
        if text in texts:
            expected.add(eos)
            assert guide.complete == (expected == {eos})
        assert set(np.flatnonzero(guide.mask()).tolist()) == expected, text
        seen += 1
        paths += [((*path, token), text + tokens[token]) for token in expected - {eos}]
    assert seen > 25


def test_the_end_is_allowed_only_where_the_text_matches(grammars, tokenizer):
    guide = guide_of(grammars, tokenizer, regex="(xy)+")
    tokens = tokens_of(grammars)
    may_end = []
    for letter in (b"x", b"y", b"x", b"y"):
        may_end.append(bool(guide.mask()[tokenizer.eos_id]))
        guide.advance(tokens.index(letter))
    assert [*may_end, bool(guide.mask()[tokenizer.eos_id])] == [False, False, True, False, True]
    assert not guide.complete, "it may go on too"
    guide.advance(tokenizer.eos_id)
    assert guide.ended


def test_a_model_without_eos_ends_where_nothing_can_follow(grammars):
    guide = grammars.compile(as_structured({"choice": ["q"]})).guide(frozenset())
    guide.advance(int(np.flatnonzero(guide.mask())[0]))
    assert guide.complete
    assert not guide.mask().any()


def test_a_token_that_is_not_allowed_is_refused(grammars, tokenizer):
    guide = guide_of(grammars, tokenizer, choice=["q"])
    wrong = tokens_of(grammars).index(b"z")
    with pytest.raises(StructuredOutputError, match="cannot go on"):
        guide.advance(wrong)  # without a mask that was asked for
    guide = guide_of(grammars, tokenizer, choice=["q"])
    guide.mask()
    for token in (wrong, tokenizer.eos_id, len(guide.mask()) - 1):
        with pytest.raises(StructuredOutputError, match="not allowed"):
            guide.advance(token)


@pytest.mark.parametrize("seed", range(3))
def test_looking_ahead_changes_nothing_and_agrees_with_taking(grammars, tokenizer, seed):
    """Along random texts, `num_allowed` of a random draft is how far single masks would let it go."""
    rng = np.random.default_rng(seed)
    constraint = {"regex": "(ab?|b)*c|[x-z]{3}é+"}
    guide, path, drafted = guide_of(grammars, tokenizer, **constraint), [], set()
    while not (guide.ended or guide.complete) and len(path) < 12:
        draft = [int(rng.choice(np.flatnonzero(guide.mask())))]
        probe = guide_of(grammars, tokenizer, **constraint)
        for token in [*path, *draft]:
            probe.advance(token)
        while len(draft) < 4 and not (probe.ended or probe.complete):
            right = int(rng.choice(np.flatnonzero(probe.mask())))
            token = right if rng.random() < 0.7 else int(rng.integers(len(probe.mask())))
            draft.append(token)
            if not probe.mask()[token]:
                break
            probe.advance(token)
        expected = _prefix_allowed(guide_of(grammars, tokenizer, **constraint), path, draft, tokenizer.eos_id)
        before = guide.mask().copy()
        assert guide.num_allowed(draft) == expected
        guide.forced(4)
        drafted.add(expected)
        assert np.array_equal(guide.mask(), before)
        path.append(draft[0])
        guide.advance(draft[0])
    assert drafted - {0}


def _prefix_allowed(guide, path, draft, eos):
    for token in path:
        guide.advance(token)
    for number, token in enumerate(draft):
        if guide.ended or guide.complete or token == eos or not guide.mask()[token]:
            return number
        guide.advance(token)
    return len(draft)


def test_guides_of_one_grammar_are_apart(grammars, tokenizer):
    grammar = grammars.compile(as_structured({"regex": "[a-c]{2}"}))
    one, other = (grammar.guide(frozenset({tokenizer.eos_id})) for _ in range(2))
    first = other.mask().copy()
    one.advance(tokens_of(grammars).index(b"a"))
    assert np.array_equal(other.mask(), first)
    assert isinstance(one, Guide)


def test_the_only_continuation_is_known_ahead(grammars, tokenizer):
    tokens = tokens_of(grammars)
    guide = guide_of(grammars, tokenizer, regex='"(yellow|green)ish colour"!*')
    assert spelled(guide.forced(40), tokens) == b'"'
    guide.advance(tokens.index(b'"'))
    assert guide.forced(40) == ()
    guide.advance(tokens.index(b"g"))
    assert guide.forced(2) == guide.forced(40)[:2]
    forced = guide.forced(40)
    assert spelled(forced, tokens) == b'reenish colour"', "what may end is not forced to"
    assert guide.num_allowed(forced) == len(forced)


def test_the_frame_of_an_object_is_forced(grammars, tokenizer):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    guide = guide_of(grammars, tokenizer, json_schema=schema)
    assert spelled(guide.forced(20), tokens_of(grammars)) == b'{"name":', "here a space or a value may follow"


def spelled(ids, tokens):
    return b"".join(tokens[token] for token in ids)
