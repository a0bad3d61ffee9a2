"""The corpus: an endless, seeded stream of dialogues and raw documents, mixed from the category generators.

`document(Random(...))` is a pure function of the generator's state, so a seed names the whole corpus.
"""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from training.corpus import (
    arithmetic,
    capitals,
    concepts,
    identity,
    knowledge,
    lists,
    smalltalk,
    stories,
    travel,
    units,
    unknown,
    usage,
    words,
)
from training.corpus.dialogue import Category, Document, Exchange
from training.reserved import normalised, reserved

CATEGORIES = (
    Category("identity", 11, identity.exchange, text=identity.text, text_weight=0.5),
    Category("concepts", 11, concepts.exchange, concepts.follow_up, concepts.text, 2),
    Category("usage", 15, usage.exchange, usage.follow_up, usage.text, 1),
    Category("travel", 8, travel.exchange, travel.follow_up, travel.text, 2),
    Category("capitals", 9, capitals.exchange, capitals.follow_up, capitals.text, 1),
    Category("arithmetic", 17, arithmetic.exchange, arithmetic.follow_up, arithmetic.text, 6),
    Category("units", 9, units.exchange, units.follow_up, units.text, 1),
    Category("stories", 6, stories.exchange, stories.follow_up, stories.text, 2.5),
    Category("smalltalk", 10, smalltalk.exchange),
    Category("lists", 5, lists.exchange, lists.follow_up, lists.text, 0.5),
    Category("words", 9, words.exchange, words.follow_up, words.text, 1),
    Category("knowledge", 9, knowledge.exchange, text=knowledge.text, text_weight=1.5),
    Category("unknown", 12, unknown.exchange, unknown.follow_up, unknown.text, 0.2),
)
SYSTEM_TEXTS = (
    "You are a helpful assistant.", "You are a helpful, harmless and honest assistant.", "You are FlexServe's demo model.",
    "You are a friendly chat bot.", "Answer briefly.", "Be concise.", "You are a tiny demo model. Answer in English.",
    "You are an AI assistant. Answer the questions of the user.", "Answer as well as you can.", "You are a kind teacher.",
    "You are a helpful AI.", "Be polite and short.", "You are an expert assistant who gives short and correct answers.",
    "The user chats with you in a browser.", "Help the user.", "You are a pirate.", "Keep your answers under two sentences.",
    "You are ChatGPT, a large language model.", "Use simple words.", "You are a careful assistant. Do not make things up.",
)
TEXT_SHARE = 0.2  # raw documents among all documents
LONG_SHARE = 0.03  # dialogues of many turns, so that long chats are no surprise
_TOPIC_OF = {"opposites": "words", "definitions": "words", "advice": "knowledge", "facts": "knowledge"}
_BY_NAME = {category.name: category for category in CATEGORIES}


def exchange(rng: Random) -> Exchange:
    """A first question of any category."""
    return rng.choices(CATEGORIES, [category.weight for category in CATEGORIES])[0].exchange(rng)


def _next(rng: Random, last: Exchange) -> Exchange:
    """A follow-up to the last exchange where its category has one, else a new subject."""
    category = _BY_NAME[_TOPIC_OF.get(last.category, last.category)]
    if category.follow_up is not None and rng.random() < 0.5:
        return category.follow_up(rng, last)
    return exchange(rng)


def _turns(rng: Random) -> int:
    if rng.random() < LONG_SHARE:
        return rng.randint(8, 16)
    return rng.choices((1, 2, 3, 4, 5), (50, 24, 14, 8, 4))[0]


def dialogue(rng: Random) -> Document:
    """One to sixteen exchanges, some behind a system text, some framed by hello and goodbye."""
    turns: list[Exchange] = []
    if rng.random() < 0.1:
        turns.append(smalltalk.greeting(rng))
    for _ in range(_turns(rng)):
        turns.append(_next(rng, turns[-1]) if turns else exchange(rng))
    if len(turns) > 1 and rng.random() < 0.15:
        turns.append(smalltalk.closing(rng))
    system = rng.choice(SYSTEM_TEXTS) if rng.random() < 0.35 else ""
    return Document(turns[-1].category, exchanges=tuple(turns), system=system)


def unfiltered(rng: Random) -> Document:
    """One document, which may ask what is reserved for judging."""
    if rng.random() >= TEXT_SHARE:
        return dialogue(rng)
    category = rng.choices(CATEGORIES, [category.text_weight for category in CATEGORIES])[0]
    assert category.text is not None, "a category with a text weight has a text generator"
    return Document(category.name, text=category.text(rng))


def document(rng: Random) -> Document:
    """One document of the corpus, which asks nothing that is reserved for judging."""
    while True:
        item = unfiltered(rng)
        if not any(normalised(turn.user) in reserved() for turn in item.exchanges):
            return item


def documents(seed: int | str) -> Iterator[Document]:
    """The endless corpus of this seed."""
    rng = Random(f"corpus/{seed}")
    while True:
        yield document(rng)
