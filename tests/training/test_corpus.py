"""The corpus: named by its seed, honest about held-out questions and pairs, true in what it computes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from random import Random

import pytest

from training import corpus, dev, heldout
from training.corpus import CATEGORIES, arithmetic, capitals, documents, units, unknown
from training.corpus.dialogue import Document
from training.corpus.phrasing import expand, typed
from training.reserved import normalised, reserved


def test_the_seed_names_the_corpus():
    assert list(islice(documents(5), 50)) == list(islice(documents(5), 50))
    assert list(islice(documents(5), 50)) != list(islice(documents(6), 50))


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.name)
def test_every_category_asks_and_answers(category):
    rng = Random(1)
    for _ in range(300):
        exchange = category.exchange(rng)
        assert exchange.user.strip()
        assert exchange.assistant.strip()
        assert not re.search(r"[{}\[\]]", exchange.user), exchange.user
        if category.follow_up:
            assert category.follow_up(rng, exchange).assistant.strip()
    if category.text_weight:
        assert category.text is not None
        assert category.text(rng).strip()


def _asked(items: Iterable[Document]) -> set[str]:
    return {normalised(turn.user) for item in islice(items, 40000) for turn in item.exchanges}


def test_no_question_of_the_judges_is_in_the_corpus():
    """Counts only: a failure must not show the questions to whoever writes templates."""
    asked = _asked(documents(1))
    assert len(asked) > 20000, "the corpus asks too few different questions for this check to mean anything"
    assert normalised("Who are you?") in asked, "normalisation hides even what is there"
    assert len(reserved() & asked) == 0


def test_a_reserved_question_is_dropped(monkeypatch):
    plain = normalised("Who are you?")
    assert plain in _asked(documents(2))
    monkeypatch.setattr(corpus, "reserved", lambda: {plain})
    assert plain not in _asked(documents(2))


def test_the_development_questions_are_not_reserved():
    assert not reserved() & {normalised(prompt.user) for prompt in dev.prompts() if not prompt.history}


def test_held_out_prompts_are_many_and_distinct():
    users = [(prompt.history, prompt.user) for prompt in heldout.prompts()]
    assert len(users) == len(set(users)) >= 200
    assert {prompt.category for prompt in heldout.prompts()} >= {
        "arithmetic",
        "unknown",
        "stories",
        "raw",
        "dialogue",
    }


def test_some_held_out_sums_use_pairs_never_shown():
    held_out = 0
    for prompt in heldout.ARITHMETIC:
        a, b = (int(number) for number in re.findall(r"\d+", prompt.user))
        held_out += any(arithmetic.held_out(a, sign, b) for sign in "+-")
    assert held_out >= 10
    rng = Random(2)
    shown = [arithmetic.problem(rng) for _ in range(20000)]
    assert not any(arithmetic.held_out(*problem) for problem in shown)


def test_sums_in_the_corpus_are_right():
    rng = Random(3)
    for _ in range(500):
        a, sign, b, value = re.fullmatch(
            r"(\d+) (.) (\d+) = (-?\d+)\.", arithmetic.exchange(rng).assistant
        ).groups()
        assert {"+": int(a) + int(b), "-": int(a) - int(b), "x": int(a) * int(b)}[sign] == int(value)


def test_conversions_both_ways():
    hours = next(item for item in units.CONVERSIONS if item.large == "hour")
    assert units.forward(hours, 3) == "3 hours are 180 minutes."
    assert units.backward(hours, 3) == "180 minutes are 3 hours."
    dozen = next(item for item in units.CONVERSIONS if item.large == "dozen")
    assert units.forward(dozen, 1) == "1 dozen is 12."


def test_capitals_are_split_where_they_should_be():
    assert capitals.CAPITALS["Costa Rica"] == "San José"
    assert capitals.CAPITALS["the United Arab Emirates"] == "Abu Dhabi"
    assert capitals.CAPITALS["Mexico"] == "Mexico City"
    assert capitals.answer("the United States") == "The capital of the United States is Washington, D.C."


def test_unknown_answers_name_the_demo_and_the_remedy():
    for wordings in unknown.ANSWERS.values():
        for wording in wordings:
            assert "demo" in wording
            assert "`flexserve serve MODEL`" in wording


def test_the_grammar_draws_nested_choices_and_fills_slots():
    drawn = {expand(Random(seed), "[a|b [c|d]] {x}", x=1) for seed in range(40)}
    assert drawn == {"a 1", "b c 1", "b d 1"}
    with pytest.raises(ValueError, match="open"):
        expand(Random(0), "[a|b")
    with pytest.raises(ValueError, match="never opened"):
        expand(Random(0), "a]")


def test_typing_noise_keeps_the_numbers():
    rng = Random(4)
    for _ in range(500):
        assert re.findall(r"\d+", typed(rng, "What is 17 plus 25?")) == ["17", "25"]
