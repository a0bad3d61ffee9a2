"""The public ops: one signature each, whatever implementation runs underneath."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from flexserve_kernels.cpu.activation import NativeActivation, kind_of
from flexserve_kernels.cpu.attention import NativeAttention
from flexserve_kernels.cpu.kv import NativeAppend
from flexserve_kernels.cpu.norm import native_rms_norm
from flexserve_kernels.native import NativeLibrary
from flexserve_kernels.plan import AttentionPlan
from flexserve_kernels.reference import attention as reference
from flexserve_kernels.reference import kv as reference_kv
from flexserve_kernels.reference.activation import RowwiseActivation, check_elementwise
from flexserve_kernels.registry import native_library, triton_runs

__all__ = ["kv_append", "kv_move", "rms_norm", "rowwise_activation", "tree_attention"]


def tree_attention(
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
    """Attention of each packed row over its own history.

    q [T, Hq, D] fp32/bf16/fp16; k_cache [S, Hkv, D], v_cache [S, Hkv, Dv], same dtype, or int8 rows (cache.py), Hq a
    multiple of Hkv. window: a row at position p attends j > p - window. sinks [Hq]: one more logit per head, without a
    value. alibi_slopes [Hq]: slope * (j - p) is added. key_bias [Hq, P], P larger than every position: key_bias[:, j]
    is added, for models whose bias is a table of rounded numbers. Returns [T, Hq, Dv] in q's dtype; fp32 inside.
    """
    return _attention_on(q, k_cache)(
        *(q, k_cache, v_cache, plan),
        scale=scale,
        softcap=softcap,
        window=window,
        sinks=sinks,
        alibi_slopes=alibi_slopes,
        key_bias=key_bias,
    )


def rowwise_activation(module: nn.Module) -> nn.Module:
    """A module with the same function on [..., W], bitwise row-invariant.

    The implementation is picked here, once. Raises ValueError for a module that is not elementwise.
    """
    check_elementwise(module)
    library, kind = native_library(), kind_of(module)
    if library is None or kind is None:
        return RowwiseActivation(module)
    return NativeActivation(module, kind, library)


def rms_norm(module: nn.Module) -> nn.Module:
    """A module that computes this RMSNorm, [..., K] → [..., K], in one pass; the module itself where there is none.

    Modules that compute something else come back as they are.
    """
    library = native_library()
    weight = getattr(module, "weight", None)
    if library is None or not isinstance(weight, Tensor) or weight.device.type != "cpu":
        return module
    return native_rms_norm(module, library) or module


def kv_append(k_cache: Tensor, v_cache: Tensor, k: Tensor, v: Tensor, slots: Tensor) -> None:
    """Write k, v [T, Hkv, D] into the caches [S, Hkv, D], or [S, Hkv, D + 4] int8, at slots [T] int64, in place."""
    library = native_library() if k_cache.dtype == torch.int8 and k.device.type == "cpu" else None
    append = reference_kv.kv_append if library is None else _native_append(library)
    append(k_cache, v_cache, k, v, slots)


def kv_move(k_cache: Tensor, v_cache: Tensor, src: Tensor, dst: Tensor) -> None:
    """Copy slots src [n] to dst [n] (distinct), in place; everything is read before anything is written."""
    if triton_runs(k_cache.device):
        from flexserve_kernels.gpu.kv import kv_move as move
    else:
        move = reference_kv.kv_move
    move(k_cache, v_cache, src, dst)


def _attention_on(q: Tensor, k_cache: Tensor) -> Callable[..., Tensor]:
    if triton_runs(q.device):
        from flexserve_kernels.gpu.attention import tree_attention as attention

        return attention
    has_kernel = q.device.type == "cpu" and (k_cache.dtype == q.dtype or q.dtype != torch.float16)
    library = native_library() if has_kernel else None
    return reference.tree_attention if library is None else _native_attention(library)


@lru_cache(maxsize=4)
def _native_attention(library: NativeLibrary) -> NativeAttention:
    return NativeAttention(library)


@lru_cache(maxsize=4)
def _native_append(library: NativeLibrary) -> NativeAppend:
    return NativeAppend(library)
