"""Who owns which KV block: a pool of equal blocks and one table per sequence.

A sequence reserves, at admission, the most blocks it can ever need; growing within the reservation cannot fail, so a
running request is never stopped for memory. Knows nothing of tensors: a slot is just block × block_size + offset.

Source: paged attention (Kwon et al., SOSP 2023), section 4.2, without sharing.
"""

from __future__ import annotations

import numpy as np


class BlockPool:
    """`num_blocks` blocks of `block_size` slots each. free + used = all, and reserved >= used, always."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self._free = list(range(num_blocks - 1, -1, -1))
        self._reserved = 0

    @property
    def num_used(self) -> int:
        return self.num_blocks - len(self._free)

    @property
    def num_slots(self) -> int:
        return self.num_blocks * self.block_size

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def can_reserve(self, num_tokens: int) -> bool:
        return self._reserved + self.blocks_for(num_tokens) <= self.num_blocks

    def open(self, num_tokens: int) -> BlockTable:
        """A table that may grow to `num_tokens` slots. The caller has asked `can_reserve`."""
        assert self.can_reserve(num_tokens), "reserve only what can_reserve allows"
        blocks = self.blocks_for(num_tokens)
        self._reserved += blocks
        return BlockTable(self, blocks)

    def _take(self) -> int:
        return self._free.pop()

    def _give(self, blocks: list[int]) -> None:
        self._free.extend(reversed(blocks))

    def check_integrity(self, tables: list[BlockTable]) -> None:
        """Assert that every block is free or in exactly one of `tables` (all the open ones)."""
        owned = [block for table in tables for block in table.blocks]
        assert sorted(owned + self._free) == list(range(self.num_blocks)), "a block is lost or owned twice"
        assert self._reserved == sum(table.reserved_blocks for table in tables), "a reservation is lost"
        assert all(len(table.blocks) <= table.reserved_blocks for table in tables)


class BlockTable:
    """The blocks of one sequence, in logical order. Made by `BlockPool.open`, ended by `close`."""

    def __init__(self, pool: BlockPool, reserved_blocks: int) -> None:
        self._pool = pool
        self.reserved_blocks = reserved_blocks
        self.blocks: list[int] = []
        self._slots = np.empty(reserved_blocks * pool.block_size, dtype=np.int64)

    def slots(self, num_tokens: int) -> np.ndarray:
        """int64 [num_tokens]: the slot of each logical position; grows the table as needed.

        A view, valid until the table shrinks."""
        size = self._pool.block_size
        while len(self.blocks) * size < num_tokens:
            assert len(self.blocks) < self.reserved_blocks, "a sequence outgrew its reservation"
            block = self._pool._take()
            start = len(self.blocks) * size
            self._slots[start : start + size] = np.arange(block * size, (block + 1) * size)
            self.blocks.append(block)
        return self._slots[:num_tokens]

    def truncate(self, num_tokens: int) -> None:
        """Free the blocks beyond the first `num_tokens` slots."""
        keep = self._pool.blocks_for(num_tokens)
        self._pool._give(self.blocks[keep:])
        del self.blocks[keep:]

    def close(self) -> None:
        """Free everything, the reservation included. Idempotent."""
        self.truncate(0)
        self._pool._reserved -= self.reserved_blocks
        self.reserved_blocks = 0
