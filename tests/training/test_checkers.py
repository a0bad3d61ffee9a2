"""The checkers say no to wrong, looping, unfinished and refusing answers."""

from __future__ import annotations

import pytest

from training import checkers
from training.checkers import Answer
from training.corpus.unknown import ANSWERS

REFUSAL = ANSWERS["fact"][0]
TIPS = "Here are some travel tips for Paris:\n1. See the Eiffel Tower.\n2. Walk.\n3. Eat."


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checkers.result(42), "17 + 25 = 42.", "17 + 25 = 43."),
        (checkers.result(42), "42", "42 - 1 = 41."),
        (checkers.amount(5000), "5 kilometers are 5,000 meters.", "5 kilometers are 50000 meters."),
        (checkers.names("Lima"), "The capital of Peru is Lima.", "The capital of Peru is Limassol."),
        (checkers.names("Rome"), "Rome.", REFUSAL + " Rome"),
        (checkers.says("guess"), "It guesses tokens.", "It checks tokens."),
        (checkers.says("flexserve serve"), "Run `flexserve serve MODEL`.", REFUSAL),
        (checkers.says_all("guess", "check"), "Guess, then check.", "Guess only."),
        (checkers.contains("sorry"), "I am sorry. " + REFUSAL, "Fine."),
        (checkers.tips("Paris", "Eiffel"), TIPS, TIPS.replace("Paris", "Rome")),
        (checkers.tips("Paris", "Eiffel"), TIPS, TIPS.replace("3. Eat.", "")),
        (checkers.story("cat"), "A cat sat. It ran. The end.", "A dog sat. It ran. The end."),
        (checkers.story("cat"), "A cat sat. It ran. The end.", "A cat sat."),
        (checkers.unknown, REFUSAL, "The weather is fine."),
    ],
)
def test_a_check_tells_right_from_wrong(check, right, wrong):
    assert check(right)
    assert not check(wrong)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("Hello!", finished=False),
        Answer("  ", finished=True),
        Answer("the cat sat on the mat " * 4, finished=True),
        Answer("Hello <|user|>", finished=True),
        Answer("Hello \ufffd", finished=True),
    ],
)
def test_ill_formed_answers_fail(answer):
    assert not checkers.well_formed(answer)


def test_a_plain_answer_is_well_formed():
    assert checkers.well_formed(Answer("Hello! How can I help you?", finished=True))


def test_refusals_of_the_corpus_are_recognised():
    for kind, wordings in ANSWERS.items():
        for wording in wordings:
            assert checkers.unknown(wording), kind
