"""The ring on a GPU: device memory, a pinned twin of it in host memory, and a stream of its own for the copies.

A weight from disk is read into the twin and copied from there, a weight of the host tier is copied from its own
pinned memory. The computing stream waits for a copy, a copy waits until what was computed with its place is done, and
the twin is overwritten only when the copy out of it has ended. Written by the rules of CUDA streams; not yet run on
a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from flexserve_core.offload.slots import Piece, Ring, unpack
from flexserve_core.offload.store import WeightStore

_Span = tuple[
    int, int, torch.cuda.Event
]  # a place of the ring and what must have happened before it is used again


class DeviceSlots:
    """See slots.Slots."""

    def __init__(self, store: WeightStore, size: int, device: torch.device) -> None:
        self.ring = Ring(size)
        self._store = store
        self._device = device
        self._memory = torch.empty(size, dtype=torch.uint8, device=device)
        self._twin = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        self._view = self._twin.numpy().data
        self._stream = torch.cuda.Stream(device)
        self._copies: list[_Span] = []  # out of the twin; of the streaming thread
        self._computed: list[_Span] = []  # appended to by the computing thread, emptied by the streaming one

    def fill(self, offset: int, pieces: Sequence[Piece]) -> torch.cuda.Event:
        end = offset + sum(piece.extent.slot_bytes for piece in pieces)
        with torch.cuda.stream(self._stream):
            for span in _overlapping(self._computed, offset, end):
                self._stream.wait_event(span[2])
            for span in _overlapping(self._copies, offset, end):
                span[2].synchronize()
            start = offset
            for piece in pieces:
                stop = start + piece.extent.slot_bytes
                if piece.pinned is None:
                    self._store.read(piece.extent, self._view[start:stop])
                source = self._twin[start:stop] if piece.pinned is None else piece.pinned
                self._memory[start:stop].copy_(source, non_blocking=True)
                start = stop
            copied = torch.cuda.Event()
            copied.record(self._stream)
        self._copies.append((offset, end, copied))
        return copied

    def enter(self, offset: int, pieces: Sequence[Piece], filled: object) -> list[Tensor]:
        assert isinstance(filled, torch.cuda.Event)
        torch.cuda.current_stream(self._device).wait_event(filled)
        return unpack(self._memory, offset, pieces)

    def leave(self, offset: int, size: int) -> None:
        done = torch.cuda.Event()
        done.record(torch.cuda.current_stream(self._device))
        self._computed.append((offset, offset + size, done))


def _overlapping(spans: list[_Span], start: int, end: int) -> list[_Span]:
    """Take out of `spans` those that touch [start, end)."""
    found = [span for span in spans if span[0] < end and start < span[1]]
    for span in found:
        spans.remove(span)
    return found
