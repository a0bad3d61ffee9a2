"""Compaction of the key/value cache in Triton: accepted tree nodes move behind the text in one launch.

One program owns a stripe of columns and copies it for all pairs: it reads everything before it writes anything, as
slots may be a source and a target at once. Knows nothing of blocks or who owns a slot.
"""
# Triton's language has types of its own.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from flexserve_kernels.reference import kv as reference

MAX_PAIRS = 128  # more than a step accepts; beyond it torch's two passes do
_STRIPE = 32  # columns


@triton.jit
def _move_kernel(k_cache, v_cache, src, dst, count, k_width, v_width, k_slot, v_slot,
                 PAIRS: tl.constexpr, STRIPE: tl.constexpr):  # fmt: skip
    pair = tl.arange(0, PAIRS)
    column = tl.program_id(0) * STRIPE + tl.arange(0, STRIPE)
    there = pair < count
    source = tl.load(src + pair, mask=there, other=0)
    target = tl.load(dst + pair, mask=there, other=0)
    in_k = there[:, None] & (column < k_width)[None, :]
    in_v = there[:, None] & (column < v_width)[None, :]
    keys = tl.load(k_cache + source[:, None] * k_slot + column[None, :], mask=in_k)
    values = tl.load(v_cache + source[:, None] * v_slot + column[None, :], mask=in_v)
    tl.debug_barrier()  # every thread of the program has read
    tl.store(k_cache + target[:, None] * k_slot + column[None, :], keys, mask=in_k)
    tl.store(v_cache + target[:, None] * v_slot + column[None, :], values, mask=in_v)


def kv_move(k_cache: Tensor, v_cache: Tensor, src: Tensor, dst: Tensor) -> None:
    """Copy slots src [n] to dst [n] (int64, dst distinct) of contiguous caches [S, H, D], in place."""
    count = src.numel()
    if count == 0:
        return
    if count > MAX_PAIRS or not (k_cache.is_contiguous() and v_cache.is_contiguous()):
        reference.kv_move(k_cache, v_cache, src, dst)
        return
    k_width, v_width = k_cache.stride(0), v_cache.stride(0)
    _move_kernel[(triton.cdiv(max(k_width, v_width), _STRIPE),)](
        *(k_cache, v_cache, src, dst, count, k_width, v_width, k_width, v_width),
        PAIRS=max(2, triton.next_power_of_2(count)), STRIPE=_STRIPE,
    )  # fmt: skip
