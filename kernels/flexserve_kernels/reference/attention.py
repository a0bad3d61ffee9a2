"""Attention of packed rows over a paged cache, in plain torch: slow, and the truth.

Every row computes for itself: its keys are gathered in logical order, in blocks of 64 positions, so neither
the slots nor the neighbours, nor trunk against tail, change the order of a sum. Masked positions add exact
zeros, which makes blocks behind a row's end no-ops. fp32 inside. Two passes (all scores, then one softmax).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flexserve_kernels.cache import unpack_cache_rows
from flexserve_kernels.plan import AttentionPlan
from flexserve_kernels.reference.elementwise import apply_elementwise

BLOCK = 64  # keys
MAX_ELEMENTS = 32768  # of one block of scores; bounds the memory of the gathers
_LANES = 16  # head dims are padded to this, so that every matrix of a batch starts at a cache line


@dataclass(frozen=True, slots=True)
class ScoreRules:
    """How a scaled dot product becomes a logit, in this order: scale, softcap, ALiBi, key bias, window."""

    scale: float
    softcap: float | None
    window: int | None
    alibi_slopes: Tensor | None  # [Hq]
    key_bias: Tensor | None  # [Hq, P]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows of the batch and the key positions they may look at."""

    q: Tensor  # [R, Hkv, Hq / Hkv, D padded] fp32
    positions: Tensor  # [R]
    slots: Tensor  # [R, L] in logical order

    def blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(logical positions [64], slots [R, 64]) of each block; slots behind the end are 0."""
        for start in range(0, self.slots.shape[1], BLOCK):
            slots = self.slots[:, start : start + BLOCK]
            j = torch.arange(start, start + BLOCK, device=slots.device)
            yield j, F.pad(slots, (0, BLOCK - slots.shape[1]))

    def visible(self, j: Tensor, window: int | None) -> Tensor:
        """[R, 64] bool."""
        position = self.positions.unsqueeze(1)
        mask = j <= position
        return mask if window is None else mask & (j > position - window)


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
    is added, for models whose bias is a table of rounded numbers. Returns [T, Hq, Dv] in q's dtype.

    Raises ValueError where a position lies behind key_bias's end.
    """
    if k_cache.dtype == torch.int8:
        k_cache, v_cache = unpack_cache_rows(k_cache, q.dtype), unpack_cache_rows(v_cache, q.dtype)
    num_rows, num_heads, _ = q.shape
    num_kv_heads = k_cache.shape[1]
    out = q.new_empty(num_rows, num_heads, v_cache.shape[2])
    rules = ScoreRules(scale, softcap, window, alibi_slopes, key_bias)
    slots = plan.logical_slots()
    if key_bias is not None and key_bias.shape[1] < slots.shape[1]:
        raise ValueError(
            f"key_bias has {key_bias.shape[1]} positions, the longest history {slots.shape[1]}: give it more"
        )
    queries = _pad_lanes(q.float()).unflatten(1, (num_kv_heads, num_heads // num_kv_heads))
    step = max(1, MAX_ELEMENTS // (num_heads * BLOCK))
    for start in range(0, num_rows, step):
        part = slice(start, start + step)
        positions = plan.positions[part]
        rows = _Rows(queries[part], positions, slots[part, : int(positions.max()) + 1])
        out[part] = _attend(rows, k_cache, v_cache, rules, sinks).to(q.dtype)
    return out


def _attend(rows: _Rows, k_cache: Tensor, v_cache: Tensor, rules: ScoreRules, sinks: Tensor | None) -> Tensor:
    """[R, Hq, Dv] fp32."""
    scores = [_scores(rows, j, slots, k_cache, rules) for j, slots in rows.blocks()]
    highest = torch.stack([block.amax(-1, keepdim=True) for block in scores]).amax(0)
    num_rows, num_kv_heads, per_kv_head, _ = rows.q.shape
    total = torch.zeros_like(highest)
    if sinks is not None:
        sink = sinks.float().reshape(1, num_kv_heads, per_kv_head, 1)
        highest = torch.maximum(highest, sink)
        # Spread over a whole vector, so that exp never meets a ragged end.
        total = _exp((sink - highest).repeat(1, 1, 1, BLOCK))[..., :1]
    dim = v_cache.shape[2]
    out = rows.q.new_zeros(num_rows * num_kv_heads, per_kv_head, dim + -dim % _LANES)
    for (j, slots), block in zip(rows.blocks(), scores, strict=True):
        weights = _exp(block - highest)
        total = total + weights.sum(-1, keepdim=True)
        # Zero, not only unweighted: a stranger's NaN times 0 would still be NaN.
        values = _gather(v_cache, slots, rows.visible(j, rules.window))
        out = out + torch.bmm(weights.reshape(-1, per_kv_head, BLOCK), values)
    return out[..., :dim].reshape(num_rows, -1, dim) / total.reshape(num_rows, -1, 1)


def _scores(rows: _Rows, j: Tensor, slots: Tensor, k_cache: Tensor, rules: ScoreRules) -> Tensor:
    """Logits of one block of keys, [R, Hkv, Hq / Hkv, 64] fp32; -inf where the row does not look."""
    num_rows, num_kv_heads, per_kv_head, dim = rows.q.shape
    visible = rows.visible(j, rules.window)
    keys = _gather(k_cache, slots, visible)
    scores = torch.bmm(rows.q.reshape(-1, per_kv_head, dim), keys.transpose(1, 2)) * rules.scale
    if rules.softcap is not None:
        scores = apply_elementwise(torch.tanh, scores / rules.softcap) * rules.softcap
    scores = scores.reshape(num_rows, num_kv_heads, per_kv_head, BLOCK)
    if rules.alibi_slopes is not None:
        distance = (j - rows.positions.unsqueeze(1)).float()
        slopes = rules.alibi_slopes.float().reshape(num_kv_heads, per_kv_head, 1)
        scores = scores + slopes * distance[:, None, None, :]
    if rules.key_bias is not None:
        bias = rules.key_bias.float()[:, j.clamp(max=rules.key_bias.shape[1] - 1)]
        scores = scores + bias.reshape(num_kv_heads, per_kv_head, BLOCK)
    return scores.masked_fill(~visible[:, None, None, :], float("-inf"))


def _gather(cache: Tensor, slots: Tensor, visible: Tensor) -> Tensor:
    """[R * Hkv, 64, D padded] fp32, contiguous, zero where not visible."""
    taken = cache[slots].masked_fill(~visible[:, :, None, None], 0)
    return _pad_lanes(taken.transpose(1, 2).float()).flatten(0, 1).contiguous()


def _exp(x: Tensor) -> Tensor:
    return apply_elementwise(torch.exp, x)


def _pad_lanes(x: Tensor) -> Tensor:
    return F.pad(x, (0, -x.shape[-1] % _LANES)) if x.shape[-1] % _LANES else x
