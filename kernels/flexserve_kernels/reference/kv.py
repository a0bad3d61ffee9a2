"""Writing and moving rows of the key/value cache. Knows nothing of blocks or who owns a slot."""

from __future__ import annotations

from torch import Tensor


def kv_append(k_cache: Tensor, v_cache: Tensor, k: Tensor, v: Tensor, slots: Tensor) -> None:
    """Write k, v [T, Hkv, D] into the caches [S, Hkv, D] at slots [T] int64, in place."""
    k_cache.index_copy_(0, slots, k.to(k_cache.dtype))
    v_cache.index_copy_(0, slots, v.to(v_cache.dtype))


def kv_move(k_cache: Tensor, v_cache: Tensor, src: Tensor, dst: Tensor) -> None:
    """Copy slots src [n] to dst [n] (distinct), in place; everything is read before anything is written."""
    k_cache.index_copy_(0, dst, k_cache.index_select(0, src))
    v_cache.index_copy_(0, dst, v_cache.index_select(0, src))
