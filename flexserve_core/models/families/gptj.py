"""GPT-J: rotary embeddings of interleaved pairs on the first rotary_dim dimensions of a head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.models.gptj.modeling_gptj import GPTJAttention, apply_rotary_pos_emb

from flexserve_core.models.families.family import EngineAttention, Family


def _rotated(x: Tensor, sin: Tensor, cos: Tensor, rotary_dim: int) -> Tensor:
    """x [1, T, H, D]; sin and cos [1, T, rotary_dim / 2]."""
    turned = apply_rotary_pos_emb(x[..., :rotary_dim], sin, cos)
    return torch.cat([turned, x[..., rotary_dim:]], dim=-1)


def _attend(
    inner: Any, attention: EngineAttention, hidden_states: Tensor, *, position_ids: Tensor, **_: Any
) -> Tensor:
    heads = (inner.num_attention_heads, inner.head_dim)
    query = inner.q_proj(hidden_states).unflatten(-1, heads)
    key = inner.k_proj(hidden_states).unflatten(-1, heads)
    value = inner.v_proj(hidden_states).unflatten(-1, heads)
    sin, cos = inner.embed_positions[position_ids].to(key.dtype).chunk(2, dim=-1)
    query = _rotated(query, sin, cos, inner.rotary_dim)
    key = _rotated(key, sin, cos, inner.rotary_dim)
    return inner.out_proj(attention(query, key, value, inner.head_dim**-0.5))


GPTJ = Family(GPTJAttention, _attend)
