"""BLOOM: ALiBi by absolute key position, the residual added inside the attention module, a GELU of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.models.bloom.modeling_bloom import BloomAttention, BloomGelu, build_alibi_tensor

from flexserve_core.models.families.family import EngineAttention, Family


def _attend(
    inner: Any, attention: EngineAttention, hidden_states: Tensor, residual: Tensor, **_: Any
) -> Tensor:
    fused = inner.query_key_value(hidden_states)
    query, key, value = fused.unflatten(-1, (inner.num_heads, 3, inner.head_dim)).unbind(-2)
    return residual + inner.dense(attention(query, key, value, inner.inv_norm_factor))


def _score_terms(config: Any, dtype: torch.dtype, positions: int) -> Mapping[str, Tensor]:
    bias = build_alibi_tensor(torch.ones(1, positions, dtype=torch.long), config.num_attention_heads, dtype)
    return {"key_bias": bias[:, 0].float()}


def _refusal(config: Any) -> str | None:
    if config.slow_but_exact and config.pretraining_tp > 1:
        return "slow_but_exact computes its linear layers in slices that depend on the batch; set it to false"
    return None


BLOOM = Family(BloomAttention, _attend, _score_terms, activations=(BloomGelu,), refusal=_refusal)
