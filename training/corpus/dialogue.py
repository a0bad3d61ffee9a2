"""What the corpus is made of: exchanges (one question, one answer), dialogues of them, and raw documents.

Knows nothing of tokens; `training.tokens` turns these into ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Exchange:
    """One user turn and the assistant's answer; `topic` is what a follow-up question refers back to."""

    category: str
    user: str
    assistant: str
    topic: str = ""


@dataclass(frozen=True)
class Document:
    """Either a dialogue (`exchanges`, perhaps a `system` text) or a raw `text`; never both."""

    category: str
    exchanges: tuple[Exchange, ...] = ()
    system: str = ""
    text: str = ""


@dataclass(frozen=True)
class Category:
    """A kind of talk: how often it is drawn, and what generates its exchanges, follow-ups and raw texts."""

    name: str
    weight: float
    exchange: Callable[[Random], Exchange]
    follow_up: Callable[[Random, Exchange], Exchange] | None = None
    text: Callable[[Random], str] | None = None
    text_weight: float = 0.0
