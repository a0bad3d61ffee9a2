"""One step of the engine: propose → one LLM forward → verify → commit.

Prompt chunks, decode rows and trees of many requests share the forward. Verification is one rule for greedy and
sampled requests: at each node take the token the LLM itself takes; if the tree holds it as a child, go there, else
stop; either way the token is emitted. What the LLM takes may depend on what was drafted (verification="mss"), the rule
stays. Knows nothing of threads, streams or schedules.

Source: SpecInfer section 4 for tree verification; the rule with keyed noise is docs/decisions/0003.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch

from flexserve_core.engine.proposer import Proposal, Proposer
from flexserve_core.engine.scheduler import Slice
from flexserve_core.runner.batch import Segment, chain_segment, pack, tree_segment, with_logits_of
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.tree import TokenTree


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
    """Runs steps of one LLM over what a proposer gives it."""

    def __init__(self, runner: ModelRunner, proposer: Proposer) -> None:
        self._runner = runner
        self._proposer = proposer

    def run(self, slices: Many[Slice]) -> StepOutcome:
        """Advance every slice's sequence. An error in one sequence's sampling ends that sequence alone."""
        started = time.perf_counter()
        proposals = self._proposer.propose(slices)
        trees = [proposal.tree for proposal in proposals]
        drafted = time.perf_counter()
        segments = [self._segment(piece, tree) for piece, tree in zip(slices, trees, strict=True)]
        batch = pack(segments, self._runner.device)
        logits = self._runner.forward(batch)
        greedy = logits.argmax(dim=-1).tolist()  # torch's argmax takes the lowest id of a tie, on CPU
        forwarded = time.perf_counter()
        before = [len(piece.sequence.tokens) for piece in slices]
        prompt_tokens = sum(piece.num_rows for piece in slices if piece.sequence.num_generated == 0)
        paths = self._verify(slices, proposals, segments, logits, greedy)
        emitted = [piece.sequence.tokens[start:] for piece, start in zip(slices, before, strict=True)]
        keys = int(batch.plan.positions.sum()) + batch.num_rows
        seconds = forwarded - drafted, time.perf_counter() - started
        self._proposer.observe(proposals, paths, emitted, batch.num_rows, keys, *seconds)
        per_depth: Counter[int] = Counter()
        for path in paths:
            per_depth.update(range(len(path)))
        return StepOutcome(
            rows=batch.num_rows,
            prompt_tokens=prompt_tokens,
            drafts=sum(1 for tree in trees if len(tree)),
            drafted_tokens=sum(len(tree) for tree in trees),
            accepted_per_depth=tuple(per_depth[d] for d in range(len(per_depth))),
            emitted_tokens=sum(map(len, emitted)),
            draft_s=drafted - started,
            forward_s=forwarded - drafted,
            verify_s=time.perf_counter() - forwarded,
        )

    def _segment(self, piece: Slice, tree: TokenTree) -> Segment:
        sequence, start = piece.sequence, piece.sequence.num_cached
        assert sequence.table is not None
        tokens = sequence.tokens[start : start + piece.num_rows]
        slots = sequence.table.slots(start + piece.num_rows + len(tree))
        if len(tree):
            return tree_segment(tokens, start, tree, slots)
        chain = chain_segment(tokens, start, slots, want_last=piece.samples)
        asked = [position - start for position in sequence.prompt_rows(piece.num_rows)]
        return with_logits_of(chain, asked) if asked else chain

    def _verify(
        self,
        slices: Many[Slice],
        proposals: Many[Proposal],
        segments: Many[Segment],
        logits: torch.Tensor,
        greedy: list[int],
    ) -> list[list[int]]:
        """Emit tokens, then commit the accepted nodes' keys. Returns the accepted path per slice."""
        accepted, source, target, row = [], [], [], 0
        for piece, proposal, segment in zip(slices, proposals, segments, strict=True):
            sequence = piece.sequence
            first = row + len(asked := sequence.prompt_rows(piece.num_rows))
            if asked:
                sequence.take_prompt_logits(logits[row:first].cpu().numpy())
            sequence.num_cached += piece.num_rows
            path: list[int] = []
            if piece.samples:
                try:
                    path = self._walk(piece, proposal, logits, greedy, first)
                except Exception as error:  # whatever it is, it concerns this sequence alone
                    sequence.fail(error)
                sequence.count_step(len(proposal.tree), len(path))
            row += len(segment.wanted)
            base = piece.num_rows
            source += [segment.slots[base + node] for node in path]
            target += [segment.slots[base + depth] for depth in range(len(path))]
            sequence.num_cached += len(path)
            accepted.append(path)
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
        self, piece: Slice, proposal: Proposal, logits: torch.Tensor, greedy: list[int], row: int
    ) -> list[int]:
        """Follow the tree as long as it holds the LLM's own next token; `row` is the root's logits row."""
        sequence, tree, node, path = piece.sequence, proposal.tree, -1, []
        root = len(sequence.tokens)
        while True:
            here = row + 1 + node
            if sequence.needs_logits_on_host:
                drawn = proposal.draws.get(tuple(sequence.tokens[root:]), ())
                token = sequence.next_token(logits[here].cpu().numpy(), drawn)
            else:
                token = greedy[here]
            sequence.take(token)
            child = tree.child(node, token)
            if child is None:
                return path
            path.append(child)
            node = child
            if sequence.finish_reason is not None:
                return path
