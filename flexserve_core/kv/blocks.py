"""Who uses which KV block: a pool of equal blocks and one table per sequence.

A table takes blocks as its text grows; whoever lets it grow has asked the pool before whether there are enough. Tables
whose texts begin alike share the full blocks of that beginning; shared blocks are never written again. Blocks nobody
uses stay findable by their text until they are needed, so they count as available. Knows nothing of tensors (a slot is
just block × block_size + offset), nor of who gives way when blocks are short.

Source: paged attention (Kwon et al., SOSP 2023), sections 4.2 and 4.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from flexserve_core.kv.prefix import PrefixIndex, chain_keys


class BlockPool:
    """`num_blocks` blocks of `block_size` slots each. free + idle + used = all, always."""

    def __init__(self, num_blocks: int, block_size: int, share_prefixes: bool = True) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.share_prefixes = share_prefixes
        self._free = list(range(num_blocks - 1, -1, -1))
        self._users: Counter[int] = Counter()  # tables per block in use
        self._index = PrefixIndex()

    @property
    def num_used(self) -> int:
        """Blocks that some table uses; idle ones can be had at any time."""
        return len(self._users)

    @property
    def num_available(self) -> int:
        """Blocks that a table can still take: the free ones and the idle ones."""
        return self.num_blocks - len(self._users)

    @property
    def num_slots(self) -> int:
        return self.num_blocks * self.block_size

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def num_shareable(self, text: Sequence[int]) -> int:
        """Blocks of `text`'s beginning that other tables use right now: to share them takes none away."""
        return sum(block in self._users for block in self._known(text))

    def open(self) -> BlockTable:
        return BlockTable(self)

    def _known(self, text: Sequence[int]) -> list[int]:
        """Blocks that hold `text`'s beginning. Never the last token's: that one is computed, for its logits."""
        return self._index.find(chain_keys(text[:-1], self.block_size)) if self.share_prefixes else []

    def _take(self) -> int:
        block = self._free.pop() if self._free else self._index.forget_oldest()
        self._users[block] = 1
        return block

    def _share(self, block: int) -> None:
        self._index.idle.pop(block, None)
        self._users[block] += 1

    def _give(self, blocks: list[int]) -> None:
        """Last blocks first, so that of an idle text the end is forgotten before the beginning."""
        for block in reversed(blocks):
            self._users[block] -= 1
            if self._users[block] == 0:
                del self._users[block]
                if self._index.knows(block):
                    self._index.idle[block] = None
                else:
                    self._free.append(block)

    def check_integrity(self, tables: list[BlockTable]) -> None:
        """Assert that every block is free, idle, or used by as many of `tables` (all the open ones) as counted."""
        used = Counter(block for table in tables for block in table.blocks)
        assert used == self._users, "a block's users are miscounted"
        everywhere = [*used, *self._free, *self._index.idle]
        assert sorted(everywhere) == list(range(self.num_blocks)), "a block is lost or in two places"
        assert all(self._index.knows(block) for block, users in used.items() if users > 1), (
            "a private block is shared"
        )
        self._index.check_integrity()


class BlockTable:
    """The blocks of one sequence, in logical order. Made by `BlockPool.open`, ended by `close`."""

    def __init__(self, pool: BlockPool) -> None:
        self._pool = pool
        self.blocks: list[int] = []
        self._num_published = 0  # blocks whose keys are known
        self._last_key = b""
        self._slots = np.empty(pool.block_size, dtype=np.int64)

    @property
    def num_slots(self) -> int:
        """Slots in the blocks it has."""
        return len(self.blocks) * self._pool.block_size

    def num_missing(self, num_tokens: int) -> int:
        """Blocks it would have to take to hold `num_tokens`."""
        return max(0, self._pool.blocks_for(num_tokens) - len(self.blocks))

    def adopt(self, text: Sequence[int]) -> int:
        """Take over the known blocks of `text`'s beginning; how many tokens that is. For an empty table only."""
        assert not self.blocks, "only an empty table adopts"
        for block in self._pool._known(text):
            self._pool._share(block)
            self._append(block)
        return self.num_slots

    def _append(self, block: int) -> None:
        size, start = self._pool.block_size, self.num_slots
        if start == len(self._slots):
            self._slots = np.concatenate([self._slots, np.empty_like(self._slots)])
        self._slots[start : start + size] = np.arange(block * size, (block + 1) * size)
        self.blocks.append(block)

    def slots(self, num_tokens: int) -> np.ndarray:
        """int64 [num_tokens]: the slot of each logical position; grows the table as needed.

        The caller knows that `num_missing` blocks are available. A view, valid until the table shrinks."""
        if num_tokens > self.num_slots:
            assert self.num_missing(num_tokens) <= self._pool.num_available, "a table outgrew its pool"
            while self.num_slots < num_tokens:
                self._append(self._pool._take())
        return self._slots[:num_tokens]

    def publish(self, tokens: Sequence[int], num_cached: int) -> None:
        """The keys and values of the first `num_cached` of `tokens` are final: let others find the full blocks."""
        size = self._pool.block_size
        if not self._pool.share_prefixes or num_cached < (self._num_published + 1) * size:
            return
        full = num_cached // size * size
        keys = chain_keys(tokens[:full], size, self._num_published, self._last_key)
        for number, key in enumerate(keys, start=self._num_published):
            self._pool._index.add(key, self.blocks[number])
            self._last_key = key
        self._num_published = full // size

    def truncate(self, num_tokens: int) -> None:
        """Let go of the blocks beyond the first `num_tokens` slots; published text is never cut."""
        keep = self._pool.blocks_for(num_tokens)
        if keep < len(self.blocks):
            self._pool._give(self.blocks[keep:])
            del self.blocks[keep:]

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        self.truncate(0)
