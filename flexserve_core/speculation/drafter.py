"""What a drafter is: something that proposes a token tree for each of several running sequences.

A drafter sees committed tokens only. It is never told what was accepted: the tokens of the next call tell it, so any
source's win, a spell without speculation or a lost step are all the same case. Knows nothing of verification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.speculation.tree import TokenTree
from flexserve_core.types import SamplingParams


@dataclass(frozen=True, slots=True)
class Front:
    """What the next level of one sequence's draft would grow from: its nodes' cumulative log-probabilities."""

    sampled: bool
    log_probs: Sequence[float]


class LevelGate(Protocol):
    """Asked by a drafter that grows its trees level by level, for all sequences at once."""

    def going_on(self, fronts: Sequence[Front]) -> Sequence[bool]:
        """Which of these trees get another level; asked after each, once, about those that did last time."""
        ...


@dataclass(frozen=True, slots=True)
class DraftView:
    """What a drafter may know of one sequence. `tokens` is the live list: read it, never keep or change it."""

    key: int  # unique per sequence, ascending with arrival
    tokens: Sequence[int]  # prompt and completion so far; the last one is the tree's root
    sampling: SamplingParams
    noise: KeyedNoise  # the noise the target will use, so that drafts can follow it; with `draws`: only for drafts
    max_nodes: int
    max_depth: int
    max_width: int | None = None  # nodes of a level; None: as many as the drafter likes
    gate: LevelGate | None = None  # one for all views of a call; None: as deep as the drafter likes
    draws: bool = False  # verification="mss": a drafter may draw tokens and say so (TokenTree.drawn)


class Drafter(Protocol):
    """One source of proposals."""

    name: str

    def propose(self, views: Sequence[DraftView]) -> list[TokenTree]:
        """One tree per view, in order; empty where there is nothing to propose."""
        ...

    def open(self, key: int, max_tokens: int) -> None:
        """A sequence was admitted, or admitted again; it has at most `max_tokens` tokens, tree nodes included.

        Never refused: a drafter that is short of memory proposes nothing for the youngest sequences."""
        ...

    def close(self, key: int) -> None:
        """The sequence ended, or gave its memory back for now; whatever is kept for it is freed. Idempotent."""
        ...

    def reset(self) -> None:
        """Forget every sequence, after a failure of the engine."""
        ...

    def check_integrity(self) -> None:
        """Assert the drafter's own bookkeeping."""
        ...
