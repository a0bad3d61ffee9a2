"""Judges an answer by program: what it must name, the number it must give, whether it ends and does not loop.

A check sees only the answer; `well_formed` is asked of every answer besides its own check.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Answer:
    """The completion as text, and whether the model ended it itself."""

    text: str
    finished: bool


def words(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return re.findall(r"[\w']+", text.lower())


def numbers(text: str) -> list[int]:
    """The whole numbers of the text, thousands separators removed."""
    return [int(found) for found in re.findall(r"-?\b\d+\b", re.sub(r"(?<=\d),(?=\d{3}\b)", "", text))]


def refuses(text: str) -> bool:
    """Whether the answer sends the reader to a real model instead of answering."""
    return "tiny demo model" in text and "flexserve serve MODEL" in text


def loops(text: str) -> bool:
    """Whether some five words in a row come three times."""
    found = words(text)
    grams = [tuple(found[index : index + 5]) for index in range(len(found) - 4)]
    return any(grams.count(gram) >= 3 for gram in set(grams))


def well_formed(answer: Answer) -> bool:
    """Ended by the model itself, not empty, no loop, no special token or broken character inside."""
    text = answer.text.strip()
    return answer.finished and bool(text) and not loops(text) and "<|" not in text and "\ufffd" not in text


def contains(*alternatives: str) -> Check:
    """Contains one of the alternatives (letter case ignored), in whatever answer."""
    return lambda text: any(item.lower() in text.lower() for item in alternatives)


def says(*alternatives: str) -> Check:
    """Contains one of the alternatives and does not refuse."""
    return lambda text: contains(*alternatives)(text) and not refuses(text)


def says_all(*parts: str) -> Check:
    """Contains every part (letter case ignored) and does not refuse."""
    return lambda text: all(part.lower() in text.lower() for part in parts) and not refuses(text)


def result(value: int) -> Check:
    """The last number of the answer is the value."""
    return lambda text: numbers(text)[-1:] == [value]


def amount(value: int) -> Check:
    """The answer gives the value among its numbers and does not refuse."""
    return lambda text: value in numbers(text) and not refuses(text)


def names(*alternatives: str) -> Check:
    """Names one of the alternatives as words of their own and does not refuse."""
    patterns = [re.compile(rf"(?<!\w){re.escape(item)}(?!\w)", re.IGNORECASE) for item in alternatives]
    return lambda text: any(pattern.search(text) for pattern in patterns) and not refuses(text)


def tips(city: str, *sights: str) -> Check:
    """Travel tips: names the city and one of its sights, in at least three numbered points."""
    return lambda text: city in text and says(*sights)(text) and len(re.findall(r"(?m)^\d\. ", text)) >= 3


def story(hero: str, sentences: int = 3) -> Check:
    """A story: the hero is in it, at least so many sentences, no refusal."""
    return lambda text: (
        hero in words(text) and len(re.findall(r"[.!?](?:\s|$)", text)) >= sentences and not refuses(text)
    )


def unknown(text: str) -> bool:
    """Says that it is a demo model and how to load a real one."""
    return "demo" in text.lower() and "flexserve serve" in text
