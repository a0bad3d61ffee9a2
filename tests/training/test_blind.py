"""The blind questions are many, distinct and new; their checks tell a right answer from the corpus's others."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random

import pytest

from training import blind, checkers, corpus, dev, heldout
from training.corpus import (
    capitals,
    concepts,
    identity,
    knowledge,
    lists,
    smalltalk,
    stories,
    travel,
    units,
    usage,
)
from training.corpus import words as meanings
from training.corpus.unknown import ANSWERS
from training.reserved import normalised

LARGEST_SHARE = {"stories": 0.2, "units": 0.12}  # of the pool: any story will do, or any line with the number
CATEGORIES = [category.name for category in corpus.CATEGORIES]
PROMPTS = blind.prompts()
ANSWERABLE = [prompt for prompt in PROMPTS if prompt.check is not checkers.unknown]
REFUSALS = [wording for wordings in ANSWERS.values() for wording in wordings]


@cache
def _answers() -> tuple[str, ...]:
    """What the corpus answers: every topic, capital, opposite, definition and city, sums, conversions and stories."""
    rng = Random(3)
    tables = (identity.TOPICS, concepts.TOPICS, usage.TOPICS, knowledge.ADVICE, knowledge.FACTS)
    topics = [topic for table in (*tables, lists.TOPICS, smalltalk.TOPICS) for topic in table]
    return (
        *(answer for topic in topics for answer in topic.answers),
        *(capitals.answer(country) for country in capitals.CAPITALS),
        *(meanings.opposite(word) for word in meanings.PAIRS),
        *meanings.DEFINITIONS.values(),
        *(travel.answer(city) for city in travel.CITIES),
        *(stories.tell(rng, hero, name) for hero in stories.HEROES for name in ("Bella", "Tom")),
        *(stories.tell(rng, hero, wish=wish) for hero in stories.HEROES for wish in stories.WISHES),
        *(units.forward(unit, count) for unit in units.CONVERSIONS for count in range(1, unit.limit + 1)),
        *(units.backward(unit, count) for unit in units.CONVERSIONS for count in range(1, unit.limit + 1)),
        *(f"{a} + {b} = {a + b}." for a in range(100) for b in range(0, 100, 7)),
        *(f"{a} - {b} = {a - b}." for a in range(100) for b in range(0, 100, 7)),
    )


def test_blind_prompts_are_many_and_distinct():
    users = {(prompt.history, normalised(prompt.user)) for prompt in PROMPTS}
    assert len(users) == len(PROMPTS) >= 250
    counted = Counter(prompt.category for prompt in PROMPTS)
    assert set(counted) == {*CATEGORIES, "dialogue"}
    assert all(counted[category] >= 20 for category in CATEGORIES)
    assert counted["dialogue"] >= 12
    assert all(prompt.history for prompt in PROMPTS if prompt.category == "dialogue")


def test_blind_prompts_are_in_no_other_set():
    asked = {normalised(prompt.user) for prompt in (*heldout.prompts(), *dev.prompts()) if not prompt.history}
    shared = sum(normalised(prompt.user) in asked for prompt in PROMPTS if not prompt.history)
    assert shared == 0  # a count, so that a failure shows no question


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.category)
def test_a_check_rejects_what_answers_nothing(prompt):
    assert not prompt.check("")
    assert not prompt.check("Okay.")
    if prompt.category != "smalltalk":  # a greeting may be echoed
        assert not prompt.check(prompt.user)


@pytest.mark.parametrize("prompt", ANSWERABLE, ids=lambda prompt: prompt.category)
def test_a_check_rejects_refusals(prompt):
    assert not any(prompt.check(refusal) for refusal in REFUSALS)


def test_unknown_accepts_only_refusals():
    assert len(PROMPTS) - len(ANSWERABLE) >= 20
    assert all(checkers.unknown(refusal) for refusal in REFUSALS)
    assert not any(checkers.unknown(travel.answer(city)) for city in travel.CITIES)


@pytest.mark.parametrize("prompt", ANSWERABLE, ids=lambda prompt: prompt.category)
def test_a_check_accepts_some_answer_of_the_corpus_and_few_others(prompt):
    accepted = [answer for answer in _answers() if prompt.check(answer)]
    if prompt.category != "arithmetic":  # products and differences are not all in the pool
        assert accepted
    assert len(accepted) <= LARGEST_SHARE.get(prompt.category, 0.02) * len(_answers())
