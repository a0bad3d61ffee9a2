"""What a policy is: asked before drafting how deep each drafter may go, after drafting which nodes are worth a row.

Its answers change the speed of a step and never a token, so a policy needs no proof, only measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flexserve_core.speculation.drafter import LevelGate
from flexserve_core.speculation.tree import TokenTree


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decoding sequence that could be speculated for in this step."""

    key: int
    sampled: bool
    length: int  # tokens so far: the keys a row of it attends
    max_depth: int
    debts: tuple[
        int, ...
    ]  # per drafter: rows it must catch up on first; 1 when it is up to date, 0 without a model
    generated: int = 0  # of the tokens: completion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one candidate in a step that speculated (or could have)."""

    candidate: Candidate
    drafts: tuple[TokenTree, ...]  # per drafter, its own tree; empty when it was not asked
    depths: tuple[int, ...]  # per drafter: how deep it was allowed to go
    tree: TokenTree  # what was verified
    path: tuple[int, ...]  # accepted nodes of `tree`
    emitted: tuple[int, ...]  # tokens the step emitted for this sequence
    max_width: int | None = None  # of a draft's level; None: as the drafters like

    def at_depths(self, depths: tuple[int, ...]) -> Outcome:
        """With other depths."""
        return Outcome(
            self.candidate, self.drafts, depths, self.tree, self.path, self.emitted, self.max_width
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """One step's measurements. rows and keys are those of the LLM's forward."""

    rows: int
    keys: int
    forward_s: float
    draft_s: tuple[float, ...]  # per drafter
    other_s: float = 0.0  # of the step outside the models: thinking, merging, verifying, text

    @property
    def total_s(self) -> float:
        return self.forward_s + sum(self.draft_s) + self.other_s


class Policy(Protocol):
    """Decides, and learns from what happened."""

    def rests(self, keys: Sequence[int]) -> bool:
        """Asked first, in every step in which the sequences `keys` could be speculated for: True for not now at all."""
        ...

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        """Per candidate, per drafter: how deep it may draft, 0 for not at all. other_rows: rows that run anyhow."""
        ...

    def max_width(self) -> int | None:
        """Asked after `depths`: how many nodes a level of an SSM's draft may have in this step; None: as it likes."""
        ...

    def gate(self, drafter: int) -> LevelGate | None:
        """Asked after `depths`: what this drafter is to ask before each further level; None: nothing."""
        ...

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        """Per candidate, the part of its merged tree that is worth verifying."""
        ...

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        """A step is over; steps without candidates are told too."""
        ...

    def forget(self, key: int) -> None:
        """The sequence ended. Idempotent."""
        ...


class FixedPolicy:
    """Always everything: for a shape that a person chose, and for tests."""

    def __init__(self, num_drafters: int) -> None:
        self._num_drafters = num_drafters

    def rests(self, keys: Sequence[int]) -> bool:
        return False

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        return [(candidate.max_depth,) * self._num_drafters for candidate in candidates]

    def max_width(self) -> int | None:
        return None

    def gate(self, drafter: int) -> LevelGate | None:
        return None

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        return list(trees)

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        pass

    def forget(self, key: int) -> None:
        pass
