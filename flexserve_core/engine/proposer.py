"""What to verify in a step: asks the drafters as deep as the policy lets them, merges, drops what a request's
grammar rules out, keeps what pays.

Knows nothing of the LLM's forward or of verification; it is told afterwards what came of its trees, so that the policy
learns.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from flexserve_core.engine.scheduler import Slice
from flexserve_core.policy.policy import Candidate, FixedPolicy, Outcome, Policy, Timing
from flexserve_core.sampling.mss import draft_noise
from flexserve_core.speculation.drafter import Drafter, DraftView, LevelGate
from flexserve_core.speculation.drawn import Draws, draws_of
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, merge, prune
from flexserve_core.structure.drafts import constrained
from flexserve_core.structure.guide import Guide

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One slice's tree and how it came about. candidate None: nobody asked for a tree."""

    tree: TokenTree
    candidate: Candidate | None = None
    drafts: tuple[TokenTree, ...] = ()  # per drafter
    depths: tuple[int, ...] = ()
    max_width: int | None = None
    draws: Draws = field(default_factory=dict)  # verification="mss" alone needs them


_NONE = Proposal(EMPTY_TREE)


class Proposer:
    """Owns the order of the drafters, which is the order of everything per drafter."""

    def __init__(
        self,
        drafters: Many[Drafter],
        policy: Policy | None,
        max_tree_depth: int,
        vocab_size: int,
        check: bool,
        mss: bool = False,
    ) -> None:
        self._drafters = drafters
        self._policy = policy or FixedPolicy(len(drafters))
        self._debts: list[Callable[[DraftView], int]] = [getattr(d, "debt", _no_debt) for d in drafters]
        self._max_tree_depth = max_tree_depth
        self._vocab_size = vocab_size
        self._check = check
        self._mss = mss
        self._draft_s: tuple[float, ...] = ()

    def propose(self, slices: Many[Slice]) -> list[Proposal]:
        """One proposal a slice; the empty tree where there is none."""
        self._draft_s = (0.0,) * len(self._drafters)
        asking = [i for i, piece in enumerate(slices) if piece.tree_rows > 0]
        found = [_NONE] * len(slices)
        if not asking or self._policy.rests([slices[i].sequence.key for i in asking]):
            return found
        views = [self._view(slices[i]) for i in asking]
        candidates = [
            self._candidate(view, slices[i].sequence.num_generated)
            for i, view in zip(asking, views, strict=True)
        ]
        other_rows = sum(piece.num_rows for piece in slices) - len(asking)
        depths = self._policy.depths(candidates, other_rows)
        width = self._policy.max_width()
        drafts = self._drafts(views, depths, width)
        guides = [slices[i].sequence.guide for i in asking]
        merged = [self._merge(*one) for one in zip(views, guides, drafts, strict=True)]
        chosen = self._policy.select(candidates, merged, other_rows)
        for number, index in enumerate(asking):
            if self._check:
                chosen[number].check_integrity()
            draws = draws_of(drafts[number]) if views[number].draws else {}
            found[index] = Proposal(
                *(chosen[number], candidates[number], tuple(drafts[number]), tuple(depths[number])),
                *(width, draws),
            )
        return found

    def observe(
        self,
        proposals: Many[Proposal],
        paths: Many[Many[int]],
        emitted: Many[Many[int]],
        rows: int,
        keys: int,
        forward_s: float,
        step_s: float,
    ) -> None:
        """The step is over; paths and emitted tokens per slice, rows, keys and seconds of the LLM's forward, of all."""
        outcomes = [
            Outcome(p.candidate, p.drafts, p.depths, p.tree, tuple(path), tuple(tokens), p.max_width)
            for p, path, tokens in zip(proposals, paths, emitted, strict=True)
            if p.candidate is not None
        ]
        other_s = max(0.0, step_s - forward_s - sum(self._draft_s))
        self._policy.observe(outcomes, Timing(rows, keys, forward_s, self._draft_s, other_s))

    def forget(self, key: int) -> None:
        """The sequence ended. Idempotent."""
        self._policy.forget(key)

    def _drafts(
        self, views: Many[DraftView], depths: Many[Many[int]], max_width: int | None
    ) -> list[tuple[TokenTree, ...]]:
        """Per view, per drafter: its tree, empty where it was not asked."""
        columns, seconds = [], []
        for number, drafter in enumerate(self._drafters):
            started = time.perf_counter()
            asked = [i for i, allowed in enumerate(depths) if allowed[number] > 0]
            trees = [EMPTY_TREE] * len(views)
            if asked:
                limits = max_width, self._policy.gate(number)
                asking = [_for_drafter(number, views[i], depths[i][number], *limits) for i in asked]
                for i, tree in zip(asked, drafter.propose(asking), strict=True):
                    trees[i] = tree if self._usable(tree) else EMPTY_TREE
            columns.append(trees)
            seconds.append(time.perf_counter() - started if asked else 0.0)
        self._draft_s = tuple(seconds)
        return list(zip(*columns, strict=True))

    def _merge(self, view: DraftView, guide: Guide | None, trees: Many[TokenTree]) -> TokenTree:
        tree = merge(trees)
        if guide is not None:
            tree = constrained(tree, guide, view.max_depth)
        return prune(tree, view.max_nodes, view.max_depth)

    def _usable(self, tree: TokenTree) -> bool:
        """False for a tree with ids the LLM has no embedding for: one drafter's mistake must not end the step."""
        if all(0 <= token < self._vocab_size for token in tree.tokens):
            return True
        _log.warning(
            "a drafter (%s) proposed ids outside the vocabulary; its tree is left out", tree.sources[0]
        )
        return False

    def _view(self, piece: Slice) -> DraftView:
        sequence = piece.sequence
        return DraftView(
            key=sequence.key,
            tokens=sequence.tokens,
            sampling=sequence.request.sampling,
            noise=sequence.noise,
            max_nodes=piece.tree_rows,
            # one token is the LLM's own, so a deeper node could never be emitted
            max_depth=min(self._max_tree_depth, sequence.max_tokens - len(sequence.tokens) - 1),
            draws=self._mss and not sequence.request.sampling.greedy,
        )

    def _candidate(self, view: DraftView, generated: int) -> Candidate:
        debts = tuple(debt(view) for debt in self._debts)
        sampled = not view.sampling.greedy
        return Candidate(view.key, sampled, len(view.tokens), view.max_depth, debts, generated)


def _for_drafter(
    number: int, view: DraftView, depth: int, max_width: int | None, gate: LevelGate | None
) -> DraftView:
    """What drafter `number` sees: how deep and wide it may go, and noise of its own where drafts are drawn."""
    noise = draft_noise(view.noise, len(view.tokens), number) if view.draws else view.noise
    return DraftView(
        *(view.key, view.tokens, view.sampling, noise, view.max_nodes, min(depth, view.max_depth)),
        *(max_width, gate, view.draws),
    )


def _no_debt(view: DraftView) -> int:
    """Of a drafter without a model."""
    return 0
