"""How a draft tree grows, level by level: which proposed children to keep and which of them to expand further.

Pure decisions over scores; knows nothing of models. Sources: static shapes ⟨k1, …, km⟩ are SpecInfer's (section 3);
best-first under a node budget follows EAGLE-2 (Li et al., 2024) and OPT-Tree (Wang et al., 2024); beam search, as
SpecInfer's SSMs expand, keeps as many paths at every level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flexserve_core.config import EngineConfig


@dataclass(frozen=True, slots=True)
class Proposal:
    """A possible child of the frontier's node number `parent` (an index into the frontier)."""

    parent: int
    token: int
    log_prob: float  # cumulative from the root


class Expansion(Protocol):
    """A growth rule; stateless."""

    def width(self, level: int) -> int:
        """How many children to ask for under each frontier node at `level` (from 0); 0 ends the tree."""
        ...

    def keep(self, level: int, proposals: Sequence[Proposal], room: int) -> list[Proposal]:
        """The proposals that become nodes, at most `room`; they are the next frontier."""
        ...

    def goes_on(self, frontier_log_probs: Sequence[float]) -> bool:
        """Whether expanding a frontier of these cumulative log-probabilities is worth another forward."""
        ...


@dataclass(frozen=True, slots=True)
class StaticShape:
    """⟨k1, …, km⟩: every frontier node of level i gets its k_i likeliest children."""

    widths: tuple[int, ...]

    def width(self, level: int) -> int:
        return self.widths[level] if level < len(self.widths) else 0

    def keep(self, level: int, proposals: Sequence[Proposal], room: int) -> list[Proposal]:
        return list(proposals[:room])

    def goes_on(self, frontier_log_probs: Sequence[float]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Beam:
    """At each level the `beam` likeliest children over the whole frontier, to the last level, likely or not."""

    beam: int
    max_depth: int

    def width(self, level: int) -> int:
        return self.beam if level < self.max_depth else 0

    def keep(self, level: int, proposals: Sequence[Proposal], room: int) -> list[Proposal]:
        return sorted(proposals, key=lambda proposal: -proposal.log_prob)[: min(self.beam, room)]

    def goes_on(self, frontier_log_probs: Sequence[float]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class BestFirst:
    """At each level the `beam` likeliest children over the whole frontier, as long as they are likely at all."""

    beam: int = 4
    branch: int = 3
    max_depth: int = 6
    min_log_prob: float = -4.0  # about 2 %: below that a node is not worth a row
    min_log_prob_to_go_on: float = -2.0  # about 14 %: below that a level is not worth a forward of the SSM

    @classmethod
    def within(cls, max_nodes: int, max_depth: int) -> BestFirst:
        """Wide enough to use a budget of `max_nodes` over `max_depth` levels."""
        return cls(beam=max(4, max_nodes // max_depth), max_depth=max_depth)

    def width(self, level: int) -> int:
        return self.branch if level < self.max_depth else 0

    def keep(self, level: int, proposals: Sequence[Proposal], room: int) -> list[Proposal]:
        likely = [proposal for proposal in proposals if proposal.log_prob >= self.min_log_prob]
        likely.sort(key=lambda proposal: -proposal.log_prob)
        return likely[: min(self.beam, room)]

    def goes_on(self, frontier_log_probs: Sequence[float]) -> bool:
        return max(frontier_log_probs) >= self.min_log_prob_to_go_on


def expansion_of(config: EngineConfig) -> Expansion:
    """The growth rule of the SSMs that a configuration asks for."""
    if config.tree_shape:
        return StaticShape(config.tree_shape)
    if config.beam_width:
        return Beam(config.beam_width, config.max_tree_depth)
    return BestFirst.within(config.max_tree_nodes, config.max_tree_depth)
