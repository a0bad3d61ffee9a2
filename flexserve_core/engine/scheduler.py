"""Who runs in the next step, and with how many rows: iteration-level batching, first come first served.

Decoding sequences come first (one row each, and a share of what is left for their trees), then prompt chunks fill the
rest. A sequence is admitted when the KV pools can hold the longest text it can become. Knows nothing of models.

Source: Orca (Yu et al., OSDI 2022) for iteration-level scheduling; Sarathi (Agrawal et al., 2023) for prompt chunks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence as Many
from dataclasses import dataclass

from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.types import FinishReason


@dataclass(frozen=True, slots=True)
class Slice:
    """`num_rows` of the sequence's pending tokens run now; `tree_rows` more may be tree nodes.

    `samples`: all pending tokens are among them, so that the last row's logits choose a token.
    """

    sequence: Sequence
    num_rows: int
    samples: bool
    tree_rows: int = 0


class Scheduler:
    """Owns the waiting and running lists."""

    def __init__(
        self,
        pool: BlockPool,
        drafters: Many[Drafter],
        *,
        max_requests: int,
        max_rows: int,
        max_tree_nodes: int,
    ) -> None:
        self._pool = pool
        self._drafters = drafters
        self._max_requests = max_requests
        self._max_rows = max_rows
        self._max_tree_nodes = max_tree_nodes
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out and free what it holds."""
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
        self._release(sequence)

    def plan(self) -> list[Slice]:
        """Admit what fits, then deal out the rows of the next step."""
        self._admit()
        room = self._max_rows
        decoding = [sequence for sequence in self.running if sequence.num_pending == 1][:room]
        room -= len(decoding)
        prompts = any(sequence.num_pending > 1 for sequence in self.running)
        tree_room = room // 2 if prompts else room  # trees must not keep a prompt from starting
        share = min(self._max_tree_nodes, tree_room // len(decoding)) if decoding else 0
        slices = [Slice(sequence, 1, True, self._tree_rows(sequence, share)) for sequence in decoding]
        room -= sum(piece.tree_rows for piece in slices)
        for sequence in self.running:
            if sequence.num_pending > 1 and room > 0:
                rows = min(sequence.num_pending, room)
                slices.append(Slice(sequence, rows, rows == sequence.num_pending))
                room -= rows
        return slices

    def _tree_rows(self, sequence: Sequence, share: int) -> int:
        wanted = sequence.request.sampling.speculation and sequence.max_tokens - len(sequence.tokens) > 1
        return share if wanted and self._drafters else 0

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self._max_requests:
            sequence = self.waiting[0]
            capacity = sequence.max_tokens + self._max_tree_nodes
            drafts = self._drafters_of(sequence)
            if not all(holder.can_open(capacity) for holder in drafts) or not self._pool.can_reserve(
                capacity
            ):
                return
            self.waiting.popleft()
            table = self._pool.open(capacity)
            sequence.admitted(table, num_cached=table.adopt(sequence.tokens))
            for drafter in drafts:
                drafter.open(sequence.key, capacity)
            self.running.append(sequence)

    def _drafters_of(self, sequence: Sequence) -> Many[Drafter]:
        return self._drafters if sequence.request.sampling.speculation else ()

    def _release(self, sequence: Sequence) -> None:
        if sequence.table is not None:
            sequence.table.close()
            sequence.table = None
        for drafter in self._drafters:
            drafter.close(sequence.key)

    def retire(self) -> list[Sequence]:
        """Remove and free the sequences that have ended."""
        ended = [sequence for sequence in self.running if sequence.finish_reason is not None]
        for sequence in ended:
            self.remove(sequence)
        return ended

    def clear(self, reason: FinishReason) -> list[Sequence]:
        """End and free everything; returns what was in flight."""
        flying = [*self.running, *self.waiting]
        for sequence in flying:
            sequence.cancel(reason)
            self.remove(sequence)
        return flying

    def check_integrity(self) -> None:
        self._pool.check_integrity([s.table for s in self.running if s.table is not None])
        assert all(s.table is None for s in self.waiting)
