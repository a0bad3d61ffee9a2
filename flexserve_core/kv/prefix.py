"""Which blocks hold which text: full blocks of committed tokens, found again by a hash of everything up to their end.

A key chains SHA-256 over the blocks before it, so equal keys mean equal histories; the cached keys and values of equal
histories are equal bit for bit (row invariance), so a block found here replaces computing it. Blocks nobody uses stay
findable until they are needed for something else, the least recently used first. Knows nothing of tables or tensors.

Source: automatic prefix caching as in vLLM (Kwon et al., SOSP 2023, section 4.4).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np


def chain_keys(
    tokens: Sequence[int], block_size: int, start: int = 0, before: bytes = b""
) -> Iterator[bytes]:
    """Keys of the full blocks of `tokens` from block number `start` on; `before`: the key of the block before."""
    for end in range((start + 1) * block_size, len(tokens) + 1, block_size):
        block = np.asarray(tokens[end - block_size : end], dtype=np.int64)
        before = hashlib.sha256(before + block.tobytes()).digest()
        yield before


class PrefixIndex:
    """Key to block and back; `idle` blocks are known but used by nobody."""

    def __init__(self) -> None:
        self._block_of: dict[bytes, int] = {}
        self._key_of: dict[int, bytes] = {}
        self.idle: OrderedDict[int, None] = OrderedDict()  # least recently used first

    def find(self, keys: Iterator[bytes]) -> list[int]:
        """Blocks of the longest known run of `keys` from the first on."""
        blocks = []
        for key in keys:
            block = self._block_of.get(key)
            if block is None:
                break
            blocks.append(block)
        return blocks

    def add(self, key: bytes, block: int) -> None:
        """Make a full block findable; nothing happens when another block holds the same."""
        if key not in self._block_of:
            self._block_of[key] = block
            self._key_of[block] = key

    def knows(self, block: int) -> bool:
        return block in self._key_of

    def forget_oldest(self) -> int:
        """Take the least recently used idle block out, to be used for something else."""
        block, _ = self.idle.popitem(last=False)
        del self._block_of[self._key_of.pop(block)]
        return block

    def check_integrity(self) -> None:
        assert len(self._block_of) == len(self._key_of)
        assert all(self._block_of[key] == block for block, key in self._key_of.items())
        assert all(block in self._key_of for block in self.idle)
