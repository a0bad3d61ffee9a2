"""One step of the engine: propose → one LLM forward → verify → commit.

Prompt chunks, decode rows and trees of many requests share the forward. Verification is one rule for greedy and
sampled requests: at each node take the token the LLM itself takes; if the tree holds it as a child, go there, else
stop; either way the token is emitted. Knows nothing of threads, streams or schedules.

Source: SpecInfer section 4 for tree verification; the rule with keyed noise is docs/decisions/0003.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch

from flexserve_core.engine.scheduler import Slice
from flexserve_core.runner.batch import Segment, chain_segment, pack, tree_segment
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.drafter import Drafter, DraftView
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, merge, prune

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step did; seconds by phase."""

    rows: int
    prompt_tokens: int
    drafts: int
    drafted_tokens: int
    accepted_per_depth: tuple[int, ...]
    emitted_tokens: int
    draft_s: float
    forward_s: float
    verify_s: float


class Stepper:
    """Runs steps of one LLM with any number of drafters."""

    def __init__(
        self, runner: ModelRunner, drafters: Many[Drafter], max_tree_depth: int, check: bool
    ) -> None:
        self._runner = runner
        self._drafters = drafters
        self._max_tree_depth = max_tree_depth
        self._check = check
        self._vocab_size = runner.loaded.vocab_size

    def run(self, slices: Many[Slice]) -> StepOutcome:
        """Advance every slice's sequence. An error in one sequence's sampling ends that sequence alone."""
        started = time.perf_counter()
        trees = self._propose(slices)
        drafted = time.perf_counter()
        segments = [self._segment(piece, tree) for piece, tree in zip(slices, trees, strict=True)]
        batch = pack(segments, self._runner.device)
        logits = self._runner.forward(batch)
        greedy = logits.argmax(dim=-1).tolist()  # torch's argmax takes the lowest id of a tie, on CPU
        forwarded = time.perf_counter()
        known = sum(piece.sequence.num_generated for piece in slices)
        prompt_tokens = sum(piece.num_rows for piece in slices if piece.sequence.num_generated == 0)
        accepted = self._verify(slices, trees, segments, logits, greedy)
        per_depth: Counter[int] = Counter()
        for depth in accepted:
            per_depth.update(range(depth))
        return StepOutcome(
            rows=batch.num_rows,
            prompt_tokens=prompt_tokens,
            drafts=sum(1 for tree in trees if len(tree)),
            drafted_tokens=sum(len(tree) for tree in trees),
            accepted_per_depth=tuple(per_depth[d] for d in range(len(per_depth))),
            emitted_tokens=sum(piece.sequence.num_generated for piece in slices) - known,
            draft_s=drafted - started,
            forward_s=forwarded - drafted,
            verify_s=time.perf_counter() - forwarded,
        )

    def _propose(self, slices: Many[Slice]) -> list[TokenTree]:
        views = {i: self._view(piece) for i, piece in enumerate(slices) if piece.tree_rows > 0}
        trees = [EMPTY_TREE] * len(slices)
        if not views:
            return trees
        proposals = [drafter.propose(list(views.values())) for drafter in self._drafters]
        for (index, view), *found in zip(views.items(), *proposals, strict=True):
            usable = [tree for tree in found if self._usable(tree)]
            trees[index] = prune(merge(usable), view.max_nodes, view.max_depth)
            if self._check:
                trees[index].check_integrity()
        return trees

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
        )

    def _segment(self, piece: Slice, tree: TokenTree) -> Segment:
        sequence, start = piece.sequence, piece.sequence.num_cached
        assert sequence.table is not None
        tokens = sequence.tokens[start : start + piece.num_rows]
        slots = sequence.table.slots(start + piece.num_rows + len(tree))
        if len(tree):
            return tree_segment(tokens, start, tree, slots)
        return chain_segment(tokens, start, slots, want_last=piece.samples)

    def _verify(
        self,
        slices: Many[Slice],
        trees: Many[TokenTree],
        segments: Many[Segment],
        logits: torch.Tensor,
        greedy: list[int],
    ) -> list[int]:
        """Emit tokens, then commit the accepted nodes' keys. Returns accepted nodes per slice."""
        accepted, source, target, row = [], [], [], 0
        for piece, tree, segment in zip(slices, trees, segments, strict=True):
            sequence = piece.sequence
            sequence.num_cached += piece.num_rows
            path: list[int] = []
            if piece.samples:
                try:
                    path = self._walk(piece, tree, logits, greedy, row)
                except Exception as error:  # whatever it is, it concerns this sequence alone
                    sequence.fail(error)
                sequence.count_step(len(tree), len(path))
            row += len(segment.wanted)
            base = piece.num_rows
            source += [segment.slots[base + node] for node in path]
            target += [segment.slots[base + depth] for depth in range(len(path))]
            sequence.num_cached += len(path)
            accepted.append(len(path))
        moved = [(s, t) for s, t in zip(source, target, strict=True) if s != t]
        if moved:
            pairs = np.array(moved, dtype=np.int64)
            self._runner.store.move(pairs[:, 0].copy(), pairs[:, 1].copy())
        for piece in slices:
            assert piece.sequence.table is not None
            piece.sequence.table.truncate(len(piece.sequence.tokens))
            piece.sequence.table.publish(piece.sequence.tokens, piece.sequence.num_cached)
        return accepted

    def _walk(
        self, piece: Slice, tree: TokenTree, logits: torch.Tensor, greedy: list[int], row: int
    ) -> list[int]:
        """Follow the tree as long as it holds the LLM's own next token; `row` is the root's logits row."""
        sequence, node, path = piece.sequence, -1, []
        while True:
            here = row + 1 + node
            on_host = sequence.needs_logits_on_host
            token = sequence.next_token(logits[here].cpu().numpy()) if on_host else greedy[here]
            sequence.take(token)
            child = tree.child(node, token)
            if child is None:
                return path
            path.append(child)
            node = child
            if sequence.finish_reason is not None:
                return path
