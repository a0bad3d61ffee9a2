"""Falcon: rotary embeddings with one or few key/value heads (7B, 40B, 180B), or ALiBi (the RW models)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from flexserve_kernels import input_dtype, prepare_linear
from torch import Tensor, nn
from transformers.models.falcon.modeling_falcon import (
    FalconAttention,
    FalconLinear,
    apply_rotary_pos_emb,
    build_alibi_tensor,
)

from flexserve_core.models.families.family import EngineAttention, Family


class _BiasApart(nn.Module):
    """Product and bias rounded one after the other, as Falcon was trained."""

    def __init__(self, product: nn.Module, bias: Tensor) -> None:
        super().__init__()
        self.product = product
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.product(x) + self.bias


def _linear(module: nn.Module, kind: str, device: torch.device) -> nn.Module:
    assert isinstance(module, FalconLinear)
    product = prepare_linear(module.weight, None, kind=kind, device=device)
    return (
        product if module.bias is None else _BiasApart(product, module.bias.detach().to(input_dtype(product)))
    )


def _split(inner: Any, fused: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """[1, T, …] → query [1, T, Hq, D], key and value [1, T, Hkv, D]."""
    if inner.new_decoder_architecture:  # groups of some query heads and their key and value head
        groups = fused.unflatten(-1, (inner.num_kv_heads, -1, inner.head_dim))
        return groups[..., :-2, :].flatten(2, 3), groups[..., -2, :], groups[..., -1, :]
    if inner.multi_query:
        heads = fused.unflatten(-1, (inner.num_heads + 2, inner.head_dim))
        return heads[..., :-2, :], heads[..., -2:-1, :], heads[..., -1:, :]
    query, key, value = fused.unflatten(-1, (inner.num_heads, 3, inner.head_dim)).unbind(-2)
    return query, key, value


def _attend(
    inner: Any,
    attention: EngineAttention,
    hidden_states: Tensor,
    *,
    position_embeddings: tuple[Tensor, Tensor],
    **_: Any,
) -> Tensor:
    query, key, value = _split(inner, inner.query_key_value(hidden_states))
    if not inner.config.alibi:
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings, unsqueeze_dim=2)
    return inner.dense(attention(query, key, value, inner.inv_norm_factor))


def _score_terms(config: Any, dtype: torch.dtype, positions: int) -> Mapping[str, Tensor]:
    """The bias as transformers rounds it: slopes and products in bf16, whatever the model's dtype."""
    if not config.alibi:
        return {}
    bias = build_alibi_tensor(torch.ones(1, positions, dtype=torch.long), config.num_attention_heads, dtype)
    return {"key_bias": (bias[:, 0] / math.sqrt(config.head_dim)).float()}


FALCON = Family(FalconAttention, _attend, _score_terms, linears={FalconLinear: _linear})
