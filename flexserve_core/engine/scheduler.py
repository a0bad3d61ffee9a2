"""Who runs in the next step, and with how many rows: iteration-level batching, first come first served.

Memory: a sequence is admitted when there are blocks for its text and a little head room, and takes more as its text
grows. When they run out the newest running sequence is *preempted*: its blocks go to older ones, and it waits, tokens
kept, to be computed again. The oldest is never preempted and can always run alone, so something always advances.
Order: `waiting` and `running` are sorted by arrival. One that does not fit may be overtaken by `_MAX_OVERTAKEN` later
ones in all, a preempted one by none. Rows: every decoding sequence has one, trees share a part of the rest, prompts
take what is left. Knows nothing of models. The reasons are in docs/decisions/0007.

Source: Orca (Yu et al., OSDI 2022) for iteration-level scheduling; Sarathi (Agrawal et al., 2023) for prompt chunks;
preemption by recomputing as in paged attention (Kwon et al., SOSP 2023), section 4.5.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.types import FinishReason

_MAX_OVERTAKEN = 8


class Swap(Protocol):
    """Keeps what a preempted sequence had cached, where that is cheaper than computing it again."""

    def keep(self, key: int, slots: np.ndarray) -> None:
        """int64 [n]: slots of its first n tokens, whose contents are still there."""
        ...

    def restore(self, key: int, slots: np.ndarray, num_cached: int) -> int:
        """Put back what is kept beyond the first `num_cached` tokens; how many are cached then."""
        ...

    def drop(self, key: int) -> None:
        """It has ended. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Slice:
    """`num_rows` of the sequence's pending tokens run now; `tree_rows` more may be tree nodes.

    `samples`: all pending tokens are among them, so that the last row's logits choose a token.
    """

    sequence: Sequence
    num_rows: int
    samples: bool
    tree_rows: int = 0


def _arrival(sequence: Sequence) -> int:
    return sequence.key


class Scheduler:
    """Owns the waiting and running lists, both in order of arrival."""

    def __init__(
        self,
        pool: BlockPool,
        drafters: Many[Drafter],
        *,
        max_requests: int,
        max_rows: int,
        max_tree_nodes: int,
        swap: Swap | None = None,
    ) -> None:
        self._pool = pool
        self._swap = swap
        self._drafters = drafters
        self._max_requests = max_requests
        self._max_rows = max_rows
        self._max_tree_nodes = max_tree_nodes
        self.waiting: list[Sequence] = []
        self.running: list[Sequence] = []
        self.num_preemptions = 0  # since the start

    @property
    def flying(self) -> list[Sequence]:
        """Everything that has not ended, a new list."""
        return [*self.running, *self.waiting]

    def add(self, sequence: Sequence) -> None:
        assert self._pool.blocks_for(sequence.max_tokens) <= self._pool.num_blocks, "it could never run alone"
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out and free what it holds."""
        if sequence in self.running:
            self.running.remove(sequence)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)
        self._release(sequence)
        if self._swap is not None:
            self._swap.drop(sequence.key)

    def plan(self) -> list[Slice]:
        """Make room for what runs, admit what fits, then deal out the rows of the next step."""
        if not self._grow():
            self._admit()
        decoding = [sequence for sequence in self.running if sequence.num_pending == 1][: self._max_rows]
        prompts = [sequence for sequence in self.running if sequence.num_pending > 1]
        room = self._max_rows - len(decoding)
        slices = self._decode_slices(decoding, room // 2 if prompts else room)
        room -= sum(piece.tree_rows for piece in slices)
        return slices + _prompt_slices(prompts, room)

    # -- memory ------------------------------------------------------------------------------------------------

    def _grow(self) -> bool:
        """Blocks for the whole text of every running sequence, the oldest first; True if the newest had to give way."""
        before, index = self.num_preemptions, 0
        while index < len(self.running):
            sequence = self.running[index]
            assert sequence.table is not None
            if sequence.table.num_missing(len(sequence.tokens)) > self._pool.num_available:
                self._preempt(self.running[-1])
            else:
                sequence.table.slots(len(sequence.tokens))
                index += 1
        return self.num_preemptions > before

    def _preempt(self, sequence: Sequence) -> None:
        assert sequence.table is not None
        cached = sequence.table.slots(sequence.num_cached).copy()
        self.remove(sequence)
        if self._swap is not None and len(cached):
            self._swap.keep(sequence.key, cached)
        sequence.preempted()
        insort(self.waiting, sequence, key=_arrival)
        self.num_preemptions += 1

    def _admit(self) -> None:
        passed: list[Sequence] = []  # those that do not fit now
        for sequence in list(self.waiting):
            if len(self.running) >= self._max_requests:
                return
            if self._fits(sequence):
                self._start(sequence)
                for each in passed:
                    each.overtaken += 1
            else:
                passed.append(sequence)
            if any(_may_not_be_overtaken(each) for each in passed) or len(passed) > _MAX_OVERTAKEN:
                return

    def _fits(self, sequence: Sequence) -> bool:
        """Whether there are blocks for its text and head room: the next block of each sequence that would run.

        Alone it always fits, so that whatever waits will run."""
        size, text = self._pool.block_size, sequence.tokens
        longest = min(len(text) + size, sequence.max_tokens) if self.running else len(text)
        needed = self._pool.blocks_for(longest) + len(self.running)
        available = self._pool.num_available
        shared = self._pool.num_shareable(text) if sequence.reads_cache and needed > available else 0
        return needed - shared <= available

    def _start(self, sequence: Sequence) -> None:
        self.waiting.remove(sequence)
        table = self._pool.open()
        num_cached = table.adopt(sequence.tokens) if sequence.reads_cache else 0
        slots = table.slots(len(sequence.tokens))
        if self._swap is not None:
            num_cached = self._swap.restore(sequence.key, slots, num_cached)
        sequence.admitted(table, num_cached)
        for drafter in self._drafters_of(sequence):
            drafter.open(sequence.key, sequence.max_tokens + self._max_tree_nodes)
        insort(self.running, sequence, key=_arrival)

    def _drafters_of(self, sequence: Sequence) -> Many[Drafter]:
        return self._drafters if sequence.request.sampling.speculation else ()

    def _release(self, sequence: Sequence) -> None:
        if sequence.table is not None:
            sequence.table.close()
            sequence.table = None
        for drafter in self._drafters:
            drafter.close(sequence.key)

    # -- rows --------------------------------------------------------------------------------------------------

    def _decode_slices(self, decoding: list[Sequence], tree_room: int) -> list[Slice]:
        """One row each, and an equal share of `tree_room`, as far as blocks are left: no tree is worth a preemption."""
        share = min(self._max_tree_nodes, tree_room // len(decoding)) if decoding else 0
        available, slices = self._pool.num_available, []
        for sequence in decoding:
            assert sequence.table is not None
            slots = sequence.table.num_slots + available * self._pool.block_size - len(sequence.tokens)
            tree_rows = min(share, slots) if self._wants_tree(sequence) else 0
            available -= sequence.table.num_missing(len(sequence.tokens) + tree_rows)
            slices.append(Slice(sequence, 1, True, tree_rows))
        return slices

    def _wants_tree(self, sequence: Sequence) -> bool:
        more_than_one = sequence.max_tokens - len(sequence.tokens) > 1
        return more_than_one and len(self._drafters_of(sequence)) > 0

    # -- ends --------------------------------------------------------------------------------------------------

    def retire(self) -> list[Sequence]:
        """Remove and free the sequences that have ended."""
        ended = [sequence for sequence in self.running if sequence.finish_reason is not None]
        for sequence in ended:
            self.remove(sequence)
        return ended

    def clear(self, reason: FinishReason) -> list[Sequence]:
        """End and free everything; returns what was in flight."""
        flying = self.flying
        for sequence in flying:
            sequence.cancel(reason)
            self.remove(sequence)
        return flying

    def check_integrity(self) -> None:
        self._pool.check_integrity([s.table for s in self.running if s.table is not None])
        assert all(s.table is None and s.num_cached == 0 for s in self.waiting), (
            "a waiting sequence holds memory"
        )
        for line in (self.waiting, self.running):
            assert line == sorted(line, key=_arrival), "the order of arrival is lost"


def _may_not_be_overtaken(sequence: Sequence) -> bool:
    return sequence.preemptions > 0 or sequence.overtaken >= _MAX_OVERTAKEN


def _prompt_slices(prompts: list[Sequence], room: int) -> list[Slice]:
    """Half the room for the oldest prompt, so that it is done some day; the rest for the shortest, which soon are.

    Equal prompts therefore run one after the other, and short ones do not wait for a long one."""
    rows: dict[int, int] = {}
    shortest = sorted(prompts, key=lambda sequence: sequence.num_pending)
    for sequence, most in [
        *((each, -(-room // 2)) for each in prompts[:1]),
        *((each, room) for each in shortest),
    ]:
        taken = rows.get(sequence.key, 0)
        more = min(sequence.num_pending - taken, most, room)
        rows[sequence.key] = taken + more
        room -= more
    return [
        Slice(sequence, rows[sequence.key], rows[sequence.key] == sequence.num_pending)
        for sequence in prompts
        if rows[sequence.key]
    ]
