"""A ring of memory that weights are brought into one after the other, and given back in the same order.

`Ring` only does the sums; `HostSlots` is such memory where the CPU computes, `DeviceSlots` (device.py) on a GPU. Knows
nothing of modules or of when something is needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from flexserve_core.offload.extents import Extent
from flexserve_core.offload.pages import aligned_memory
from flexserve_core.offload.store import WeightStore


@dataclass(frozen=True, slots=True)
class Piece:
    """One weight: where its bytes lie (on disk, or a pinned copy in host memory) and what they mean."""

    extent: Extent
    dtype: torch.dtype
    shape: tuple[int, ...]
    pinned: Tensor | None = None  # uint8 [slot_bytes]


def slot_bytes(pieces: Sequence[Piece]) -> int:
    """Of ring memory that these pieces take together."""
    return sum(piece.extent.slot_bytes for piece in pieces)


class Ring:
    """Places of a ring, taken and given back in order. All sizes are multiples of a page."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: deque[tuple[int, int]] = deque()

    def take(self, size: int) -> int | None:
        """Offset of so many bytes in one piece; None while there is no room."""
        offset = self._place(size)
        if offset is not None:
            self._taken.append((offset, size))
        return offset

    def fits(self, size: int) -> bool:
        """There is room now."""
        return self._place(size) is not None

    def give_back(self) -> None:
        """The oldest place."""
        self._taken.popleft()

    def clear(self) -> None:
        self._taken.clear()

    def _place(self, size: int) -> int | None:
        if not self._taken:
            return 0 if size <= self.size else None
        first, (last, length) = self._taken[0][0], self._taken[-1]
        head = last + length
        if last < first:  # the taken part goes over the end: free is what lies between
            return head if head + size <= first else None
        if head + size <= self.size:
            return head
        return 0 if size <= first else None


class Slots(Protocol):
    """Ring memory of one kind. `fill` runs in the streamer's thread, `enter` and `leave` in the computing one."""

    ring: Ring

    def fill(self, offset: int, pieces: Sequence[Piece]) -> object:
        """Bring the pieces to a place of the ring; returns what `enter` needs. Raises OffloadError."""
        ...

    def enter(self, offset: int, pieces: Sequence[Piece], filled: object) -> list[Tensor]:
        """The pieces as tensors, safe to compute with from here on."""
        ...

    def leave(self, offset: int, size: int) -> None:
        """What was computed with this place was issued before this call."""
        ...


class HostSlots:
    """Read from disk straight to where the CPU computes from."""

    def __init__(self, store: WeightStore, size: int) -> None:
        self.ring = Ring(size)
        self._store = store
        self._memory = aligned_memory(size)
        self._view = self._memory.numpy().data

    def fill(self, offset: int, pieces: Sequence[Piece]) -> object:
        for piece in pieces:
            end = offset + piece.extent.slot_bytes
            self._store.read(piece.extent, self._view[offset:end])
            offset = end
        return None

    def enter(self, offset: int, pieces: Sequence[Piece], filled: object) -> list[Tensor]:
        return unpack(self._memory, offset, pieces)

    def leave(self, offset: int, size: int) -> None:
        pass


def unpack(memory: Tensor, offset: int, pieces: Sequence[Piece]) -> list[Tensor]:
    """Views of what was brought to `offset`."""
    found = []
    for piece in pieces:
        start = offset + piece.extent.before
        found.append(memory[start : start + piece.extent.nbytes].view(piece.dtype).view(piece.shape))
        offset += piece.extent.slot_bytes
    return found
