"""Keeps the keys and values of preempted texts outside the cache, and puts them back: instead of computing them again.

On disk (a nameless file for each text) where the cache lies in host memory, else in host memory. A text is kept only
if moving it there and back takes less time than computing it, and as long as there is room; one that cannot be kept or
read back is computed again, which gives the same keys bit for bit. Knows nothing of requests or schedules.
Source: swapping as in paged attention (Kwon et al., SOSP 2023), sections 4.5 and 7.3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from flexserve_core.errors import OffloadError
from flexserve_core.kv.store import KVStore
from flexserve_core.offload.nameless import make_nameless, raw, settle, write

_FIXED_S = 0.02  # of making a file and waiting until it is on the disk


@dataclass(frozen=True, slots=True)
class SwapCosts:
    """Seconds a token. move: of its keys and values, one way; compute: of its rows."""

    move: float
    compute: float

    def worth(self, num_tokens: int) -> bool:
        """Whether moving so many tokens there and back is cheaper than computing them."""
        return num_tokens * (self.compute - 2 * self.move) > _FIXED_S


@dataclass(slots=True)
class _Kept:
    num_tokens: int
    nbytes: int
    tensors: list[Tensor]  # in host memory; empty where they are in a file
    handle: int | None = None


class KVSwap:
    """folder: where files are made; None: host memory. limit: bytes of everything kept."""

    def __init__(self, store: KVStore, costs: SwapCosts, limit: int, folder: Path | None) -> None:
        self._store = store
        self._costs = costs
        self._limit = limit
        self._folder = folder
        self._kept: dict[int, _Kept] = {}
        self.tokens_restored = 0

    @property
    def kept_bytes(self) -> int:
        return sum(kept.nbytes for kept in self._kept.values())

    def keep(self, key: int, slots: np.ndarray) -> None:
        """Remember what these slots hold, in order, if that is worth it. int64 [n]; nothing of `key` is kept yet."""
        nbytes = len(slots) * self._bytes_per_token()
        if not self._costs.worth(len(slots)) or self.kept_bytes + nbytes > self._limit:
            return
        kept = _Kept(len(slots), nbytes, [])
        rows = torch.from_numpy(slots)
        if self._folder is None:
            kept.tensors = [layer[rows.to(layer.device)].cpu() for layer in self._layers()]
        elif not self._to_file(kept, rows, self._folder):
            return
        self._kept[key] = kept

    def restore(self, key: int, slots: np.ndarray, num_cached: int) -> int:
        """Put back what was kept into `slots` [at least as many], but not the first `num_cached` tokens.

        Returns how many tokens are cached then, and forgets them here.
        """
        kept = self._kept.get(key)
        if kept is None:
            return num_cached
        rows = torch.from_numpy(slots[num_cached : kept.num_tokens])
        if len(rows) and self._fill(kept, rows, num_cached):
            self.tokens_restored += len(rows)
            num_cached = kept.num_tokens
        self.drop(key)
        return num_cached

    def drop(self, key: int) -> None:
        """Forget it. Idempotent."""
        kept = self._kept.pop(key, None)
        if kept is not None and kept.handle is not None:
            os.close(kept.handle)

    def __del__(self) -> None:
        for key in list(self._kept):
            self.drop(key)

    def _layers(self) -> Iterator[Tensor]:
        """[slots, heads, dim] each."""
        for keys, values in zip(self._store.keys, self._store.values, strict=True):
            yield keys
            yield values

    def _bytes_per_token(self) -> int:
        return sum(layer[:1].nbytes for layer in self._layers())

    def _to_file(self, kept: _Kept, rows: Tensor, folder: Path) -> bool:
        """False where there is no room: it is computed again."""
        try:
            kept.handle = make_nameless(folder, kept.nbytes)
            start = 0
            for layer in self._layers():
                block = layer[rows]
                write(kept.handle, folder, "a preempted text", block, start, start, start + block.nbytes)
                start += block.nbytes
            settle(kept.handle, folder, "a preempted text")
        except OffloadError:
            if kept.handle is not None:
                os.close(kept.handle)
            return False
        return True

    def _fill(self, kept: _Kept, rows: Tensor, skipped: int) -> bool:
        start = 0
        for number, layer in enumerate(self._layers()):
            shape = (kept.num_tokens, *layer.shape[1:])
            if kept.handle is None:
                block = kept.tensors[number]
            else:
                block = torch.empty(shape, dtype=layer.dtype)
                if not _read(kept.handle, block, start):
                    return False
                start += block.nbytes
            layer.index_copy_(0, rows.to(layer.device), block[skipped:].to(layer.device))
        return True


def _read(handle: int, into: Tensor, start: int) -> bool:
    """False for a read error or a short file."""
    view, done = raw(into).numpy().data, 0
    try:
        while done < len(view):
            got = os.preadv(handle, [view[done:]], start + done)
            if not got:
                return False
            done += got
    except OSError:
        return False
    return True
