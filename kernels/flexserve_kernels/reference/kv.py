"""Writing and moving rows of the key/value cache. Knows nothing of blocks or who owns a slot."""

from __future__ import annotations

import torch
from torch import Tensor

from flexserve_kernels.cache import pack_cache_rows


def kv_append(k_cache: Tensor, v_cache: Tensor, k: Tensor, v: Tensor, slots: Tensor) -> None:
    """Write k, v [T, Hkv, D] into the caches [S, Hkv, D], or [S, Hkv, D + 4] int8, at slots [T] int64, in place."""
    for cache, rows in ((k_cache, k), (v_cache, v)):
        rows = pack_cache_rows(rows) if cache.dtype == torch.int8 else rows.to(cache.dtype)
        cache.index_copy_(0, slots, rows)


def kv_move(k_cache: Tensor, v_cache: Tensor, src: Tensor, dst: Tensor) -> None:
    """Copy slots src [n] to dst [n] (distinct), in place; everything is read before anything is written."""
    k_cache.index_copy_(0, dst, k_cache.index_select(0, src))
    v_cache.index_copy_(0, dst, v_cache.index_select(0, src))
