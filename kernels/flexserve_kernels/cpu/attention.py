"""tree_attention by the compiled kernel: packs pointers and strides into the structs of csrc/native.h.

Called once a layer and step, so everything that belongs to the plan is packed once and kept with the plan.
"""

from __future__ import annotations

import ctypes
import struct

import torch
from torch import Tensor

from flexserve_kernels.cache import SCALE_BYTES
from flexserve_kernels.native import NativeLibrary
from flexserve_kernels.plan import AttentionPlan

DTYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2}  # FlexserveDtype
_OUT_DTYPES = {torch.float32: torch.float32, torch.bfloat16: torch.bfloat16, torch.float16: torch.float32}
_PLAN = struct.Struct("@4q5P")  # FlexservePlan
_CALL = struct.Struct("@qqPqqPqqPqqP5qqqPPPqdd")  # FlexserveAttention


class NativeAttention:
    """tree_attention bound to a loaded library."""

    def __init__(self, library: NativeLibrary) -> None:
        pointers = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        self._function = library.function("flexserve_attention", *pointers)
        self._parallel = library.parallel

    def __call__(
        self,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        plan: AttentionPlan,
        *,
        scale: float,
        softcap: float | None = None,
        window: int | None = None,
        sinks: Tensor | None = None,
        alibi_slopes: Tensor | None = None,
        key_bias: Tensor | None = None,
    ) -> Tensor:
        """See reference/attention.py.

        Raises ValueError where shapes or dtypes do not fit together or the plan leads outside cache or key_bias.
        """
        num_rows, num_heads, dim = q.shape
        num_slots, num_kv_heads, v_dim = v_cache.shape
        dtype, int8 = q.dtype, k_cache.dtype == torch.int8 and q.dtype != torch.float16
        v_dim -= SCALE_BYTES * int8
        fits = (
            k_cache.shape == (num_slots, num_kv_heads, dim + SCALE_BYTES * int8)
            and num_heads % num_kv_heads == 0
        )
        stored = torch.int8 if int8 else dtype
        if not fits or dtype not in DTYPES or k_cache.dtype != stored or v_cache.dtype != stored:
            raise ValueError(_mismatch(q, k_cache, v_cache))
        q, k_cache, v_cache = dense_last(q), dense_last(k_cache), dense_last(v_cache)
        sinks, alibi_slopes = _per_head(sinks, num_heads), _per_head(alibi_slopes, num_heads)
        key_bias = _per_head_and_position(key_bias, num_heads)
        out = torch.empty((num_rows, num_heads, v_dim), dtype=_OUT_DTYPES[dtype])
        q_strides, k_strides, v_strides = q.stride(), k_cache.stride(), v_cache.stride()
        call = _CALL.pack(
            *(DTYPES[dtype], int8, q.data_ptr(), q_strides[0], q_strides[1]),
            *(k_cache.data_ptr(), k_strides[0], k_strides[1]),
            *(v_cache.data_ptr(), v_strides[0], v_strides[1], out.data_ptr()),
            *(num_slots, num_heads, num_kv_heads, dim, v_dim, window or 0, torch.get_num_threads()),
            0 if sinks is None else sinks.data_ptr(),
            0 if alibi_slopes is None else alibi_slopes.data_ptr(),
            *((0, 0) if key_bias is None else (key_bias.data_ptr(), key_bias.shape[1])),
            *(scale, softcap or 0.0),
        )
        if self._function(_packed_plan(plan, num_rows), call, self._parallel):
            raise ValueError(
                "the attention plan leads outside the cache (or key_bias) or contradicts itself: check_integrity tells"
            )
        return out if out.dtype == dtype else out.to(dtype)


def dense_last(x: Tensor) -> Tensor:
    """With the numbers of the last dimension beside each other, as the kernels read them."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _per_head(x: Tensor | None, num_heads: int) -> Tensor | None:
    if x is None or x.shape == (num_heads,):
        return x if x is None else x.float().contiguous()
    raise ValueError(
        f"sinks and alibi_slopes have one value per query head ({num_heads}), not {tuple(x.shape)}"
    )


def _per_head_and_position(x: Tensor | None, num_heads: int) -> Tensor | None:
    if x is None or (x.ndim == 2 and x.shape[0] == num_heads):
        return x if x is None else x.float().contiguous()
    raise ValueError(f"key_bias is [{num_heads} query heads, positions], not {tuple(x.shape)}")


def _packed_plan(plan: AttentionPlan, num_rows: int) -> bytes:
    cached = plan._derived.get("native")
    if cached is None:
        cached = plan._derived["native"] = _pack_plan(plan, num_rows)
    return cached[0]


def _pack_plan(plan: AttentionPlan, num_rows: int) -> tuple[bytes, tuple[Tensor, ...]]:
    """The packed struct, and the tensors that its pointers need alive."""
    arrays = (plan.positions, plan.group, plan.trunk_slots, plan.trunk_length, plan.tail_slots)
    if any(x.dtype != torch.int64 or x.device.type != "cpu" for x in arrays):
        raise ValueError("the tensors of an attention plan are int64 and lie where q lies")
    num_groups = plan.trunk_length.numel()
    shapes = ((num_rows,), (num_rows,), (num_groups, plan.trunk_slots.shape[-1]), (num_groups,))
    if tuple(x.shape for x in arrays[:4]) != shapes or plan.tail_slots.shape[:-1] != (num_rows,):
        raise ValueError("the shapes of the attention plan contradict each other or q: check_integrity tells")
    arrays = tuple(x.contiguous() for x in arrays)
    widths = (arrays[2].shape[1], arrays[4].shape[1])
    return _PLAN.pack(num_rows, num_groups, *widths, *(x.data_ptr() for x in arrays)), arrays


def _mismatch(q: Tensor, k_cache: Tensor, v_cache: Tensor) -> str:
    shown = ", ".join(
        f"{name} {tuple(x.shape)} {x.dtype}"
        for name, x in (("q", q), ("k_cache", k_cache), ("v_cache", v_cache))
    )
    return (
        f"{shown}: expected q [T, Hq, D], k_cache [S, Hkv, D] and v_cache [S, Hkv, Dv] of one dtype (fp32, "
        "bf16 or fp16; with q in fp32 or bf16 also int8 rows of D + 4 and Dv + 4), Hq a multiple of Hkv."
    )
