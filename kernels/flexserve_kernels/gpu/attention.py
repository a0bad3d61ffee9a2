"""Tree attention over the paged cache in Triton.

One program takes one row, one key/value head and one span of 512 logical positions, in blocks of 64 keys with online
softmax; a second kernel joins a row's spans in ascending order. Blocks and spans are cut by logical position, and a
program never sees another row, so a row's result cannot depend on the batch, the tree or where its slots lie.
Rows of one request read the same trunk keys again: those come from the L2 cache.

Source: online softmax, Milakov and Gimelshein (2018); spans: Flash-Decoding (Dao et al., 2023), here of fixed length.
"""
# Triton's language has types of its own.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from flexserve_kernels.cache import SCALE_BYTES
from flexserve_kernels.gpu.numeric import INTERPRETED, dot, round_to
from flexserve_kernels.plan import AttentionPlan

BLOCK = 64  # keys; also the reference's
SPAN = 512  # keys of one program
_MIN_DOT = 16  # the smallest side of a tensor-core product


@triton.jit
def _score(s, j, position, heads, in_head, slopes, key_bias, bias_length, softcap,
           HAS_SOFTCAP: tl.constexpr, HAS_SLOPES: tl.constexpr, HAS_BIAS: tl.constexpr):  # fmt: skip
    """The scaled products s [heads, 64] with softcap, ALiBi and key bias added, in the reference's order."""
    if HAS_SOFTCAP:
        s = (2.0 * tl.sigmoid(2.0 * (s / softcap)) - 1.0) * softcap  # tanh
    if HAS_SLOPES:
        slope = tl.load(slopes + heads, mask=in_head, other=0.0)
        s += slope[:, None] * (j - position).to(tl.float32)[None, :]
    if HAS_BIAS:
        s += tl.load(
            key_bias + heads[:, None] * bias_length + j[None, :],
            mask=in_head[:, None] & (j < bias_length)[None, :],
            other=0.0,
        )
    return s


@triton.jit
def _cache_rows(
    cache, scales, at, d, visible, DIM: tl.constexpr, INT8: tl.constexpr, like, EMULATE: tl.constexpr
):
    """[64, DIM padded] in like's dtype, zero where not visible; `at` [64]: where the rows begin."""
    rows = tl.load(cache + at[:, None] + d[None, :], mask=visible[:, None] & (d < DIM)[None, :], other=0)
    if INT8:  # the scale lies behind the codes: cache.py
        scale = tl.load(scales + (at + DIM) // 4, mask=visible, other=0.0)
        rows = round_to(rows.to(tl.float32) * scale[:, None], like.dtype, EMULATE)
    return rows


@triton.jit
def _span_kernel(
    q, k_cache, v_cache, k_scales, v_scales, positions, group, trunk_slots, trunk_length, tail_slots, slopes, key_bias,
    part_max, part_sum, part_out, scale, softcap, window, bias_length, num_heads, trunk_width, tail_width, num_spans,
    q_row, q_head, k_slot, k_head, v_slot, v_head,
    PER_KV: tl.constexpr, HEADS: tl.constexpr, DIM: tl.constexpr, DIM_PAD: tl.constexpr,
    VDIM: tl.constexpr, VDIM_PAD: tl.constexpr, SPAN: tl.constexpr, BLOCK: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr, HAS_WINDOW: tl.constexpr, HAS_SLOPES: tl.constexpr, HAS_BIAS: tl.constexpr,
    INT8: tl.constexpr, EMULATE: tl.constexpr,
):  # fmt: skip
    row, kv_head, span = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    position = tl.load(positions + row)
    owner = tl.load(group + row)
    trunk = tl.load(trunk_length + owner)
    local = tl.arange(0, HEADS)
    in_head = local < PER_KV
    heads = kv_head * PER_KV + local
    d, dv = tl.arange(0, DIM_PAD), tl.arange(0, VDIM_PAD)
    queries = tl.load(
        q + row * q_row + heads[:, None] * q_head + d[None, :],
        mask=in_head[:, None] & (d < DIM)[None, :],
        other=0.0,
    )
    highest = tl.full([HEADS], float("-inf"), tl.float32)
    total = tl.zeros([HEADS], tl.float32)
    out = tl.zeros([HEADS, VDIM_PAD], tl.float32)
    first = span * SPAN
    last = tl.minimum(first + SPAN, position + 1)
    if HAS_WINDOW:  # blocks behind the window would add exact zeros
        first = tl.maximum(first, (tl.maximum(position - window + 1, 0) // BLOCK) * BLOCK)
    for start in range(first, last, BLOCK):
        j = start + tl.arange(0, BLOCK)
        visible = j <= position
        if HAS_WINDOW:
            visible = visible & (j > position - window)
        shared = tl.load(trunk_slots + owner * trunk_width + j, mask=visible & (j < trunk), other=0)
        own = tl.load(tail_slots + row * tail_width + j - trunk, mask=visible & (j >= trunk), other=0)
        slot = tl.where(j < trunk, shared, own)
        k_at = slot * k_slot + kv_head * k_head
        keys = _cache_rows(k_cache, k_scales, k_at, d, visible, DIM, INT8, queries, EMULATE)
        s = dot(queries, tl.trans(keys), tl.zeros([HEADS, BLOCK], tl.float32), EMULATE) * scale
        s = _score(s, j, position, heads, in_head, slopes, key_bias, bias_length, softcap,
                   HAS_SOFTCAP, HAS_SLOPES, HAS_BIAS)  # fmt: skip
        s = tl.where(visible[None, :], s, float("-inf"))
        risen = tl.maximum(highest, tl.max(s, axis=1))
        weights = tl.exp(s - risen[:, None])
        shrink = tl.exp(highest - risen)
        total = total * shrink + tl.sum(weights, axis=1)
        v_at = slot * v_slot + kv_head * v_head
        values = _cache_rows(v_cache, v_scales, v_at, dv, visible, VDIM, INT8, queries, EMULATE)
        weights = round_to(weights, values.dtype, EMULATE)
        out = dot(weights, values, out * shrink[:, None], EMULATE)
        highest = risen
    at = (row * num_heads + heads) * num_spans + span
    tl.store(part_max + at, highest, mask=in_head)
    tl.store(part_sum + at, total, mask=in_head)
    tl.store(part_out + at[:, None] * VDIM + dv[None, :], out, mask=in_head[:, None] & (dv < VDIM)[None, :])


@triton.jit
def _join_kernel(
    part_max, part_sum, part_out, positions, sinks, out, window, num_heads, num_spans,
    VDIM: tl.constexpr, VDIM_PAD: tl.constexpr, SPAN: tl.constexpr,
    HAS_WINDOW: tl.constexpr, HAS_SINKS: tl.constexpr, EMULATE: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0), tl.program_id(1)
    position = tl.load(positions + row)
    dv = tl.arange(0, VDIM_PAD)
    first = tl.zeros([], tl.int64)
    if HAS_WINDOW:  # the spans behind the window hold nothing
        first = tl.maximum(position - window + 1, 0) // SPAN
    base = (row * num_heads + head) * num_spans
    highest = tl.load(part_max + base + first)
    total = tl.load(part_sum + base + first)
    joined = tl.load(part_out + (base + first) * VDIM + dv, mask=dv < VDIM, other=0.0)
    for span in range(first + 1, position // SPAN + 1):
        other = tl.load(part_max + base + span)
        risen = tl.maximum(highest, other)
        shrink, grow = tl.exp(highest - risen), tl.exp(other - risen)
        total = total * shrink + tl.load(part_sum + base + span) * grow
        more = tl.load(part_out + (base + span) * VDIM + dv, mask=dv < VDIM, other=0.0)
        joined = joined * shrink + more * grow
        highest = risen
    if HAS_SINKS:
        sink = tl.load(sinks + head)
        risen = tl.maximum(highest, sink)
        shrink = tl.exp(highest - risen)
        total = total * shrink + tl.exp(sink - risen)
        joined = joined * shrink
    result = round_to(joined / total, out.dtype.element_ty, EMULATE)
    tl.store(out + (row * num_heads + head) * VDIM + dv, result, mask=dv < VDIM)


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
    """Attention of each packed row over its own history; shapes and meaning as `flexserve_kernels.tree_attention`.

    The last dimension of q and of the caches must be contiguous (strides elsewhere are free); otherwise q is copied.
    """
    num_rows, num_heads, dim = q.shape
    int8 = k_cache.dtype == torch.int8
    num_kv_heads, value_dim = k_cache.shape[1], v_cache.shape[2] - SCALE_BYTES * int8
    out = torch.empty(num_rows, num_heads, value_dim, dtype=q.dtype, device=q.device)
    if not num_rows:
        return out
    q = q if q.stride(2) == 1 else q.contiguous()
    assert k_cache.stride(2) == v_cache.stride(2) == 1, "the cache's last dimension is contiguous"
    reach = plan.trunk_slots.shape[1] + plan.tail_slots.shape[1]  # of the longest history; no device sync
    if key_bias is not None and key_bias.shape[1] < reach:  # perhaps too short: look, at the price of a sync
        _check_bias_length(key_bias, int(plan.positions.max()) + 1)
    num_spans = triton.cdiv(max(reach, 1), SPAN)
    part = torch.empty(num_rows * num_heads * num_spans, 2 + value_dim, dtype=torch.float32, device=q.device)
    part_max, part_sum, part_out = _split(part, value_dim)
    nothing = part  # a pointer that no program reads
    slopes = nothing if alibi_slopes is None else alibi_slopes.float().contiguous()
    bias = nothing if key_bias is None else key_bias.float().contiguous()
    per_kv = num_heads // num_kv_heads
    _span_kernel[(num_rows, num_kv_heads, num_spans)](
        *(q, k_cache, v_cache, *((k_cache.view(torch.float32), v_cache.view(torch.float32)) if int8 else (part, part))),
        *(plan.positions, plan.group),
        *(plan.trunk_slots, plan.trunk_length, plan.tail_slots, slopes, bias, part_max, part_sum, part_out),
        *(scale, softcap or 0.0, window or 0, 0 if key_bias is None else key_bias.shape[1]),
        *(num_heads, plan.trunk_slots.shape[1], plan.tail_slots.shape[1], num_spans),
        *(q.stride(0), q.stride(1), *k_cache.stride()[:2], *v_cache.stride()[:2]),
        PER_KV=per_kv, HEADS=_padded(per_kv), DIM=dim, DIM_PAD=_padded(dim),
        VDIM=value_dim, VDIM_PAD=_padded(value_dim), SPAN=SPAN, BLOCK=BLOCK,
        HAS_SOFTCAP=softcap is not None, HAS_WINDOW=window is not None,
        HAS_SLOPES=alibi_slopes is not None, HAS_BIAS=key_bias is not None,
        INT8=int8, EMULATE=INTERPRETED,
    )  # fmt: skip
    _join_kernel[(num_rows, num_heads)](
        *(part_max, part_sum, part_out, plan.positions, nothing if sinks is None else sinks.float().contiguous()),
        *(out, window or 0, num_heads, num_spans),
        VDIM=value_dim, VDIM_PAD=_padded(value_dim), SPAN=SPAN,
        HAS_WINDOW=window is not None, HAS_SINKS=sinks is not None, EMULATE=INTERPRETED,
    )  # fmt: skip
    return out


def _check_bias_length(key_bias: Tensor, longest: int) -> None:
    if key_bias.shape[1] < longest:
        raise ValueError(
            f"key_bias has {key_bias.shape[1]} positions, the longest history {longest}: give it more"
        )


def _split(part: Tensor, value_dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """One allocation as three: maxima [n], sums [n], unnormalised outputs [n, value_dim]."""
    count = part.shape[0]
    flat = part.view(-1)
    return flat[:count], flat[count : 2 * count], flat[2 * count :].view(count, value_dim)


def _padded(size: int) -> int:
    return max(_MIN_DOT, triton.next_power_of_2(size))
