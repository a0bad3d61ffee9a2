"""MPT: ALiBi by distance, in fp32, over one fused projection without bias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.models.mpt.modeling_mpt import MptAttention, build_mpt_alibi_tensor

from flexserve_core.models.families.family import EngineAttention, Family


def _attend(inner: Any, attention: EngineAttention, hidden_states: Tensor, **_: Any) -> Tensor:
    fused = inner.Wqkv(hidden_states)
    if inner.clip_qkv:
        fused = fused.clamp(min=-inner.clip_qkv, max=inner.clip_qkv)
    query, key, value = fused.unflatten(-1, (3, inner.n_heads, inner.head_dim)).unbind(-3)
    return inner.out_proj(attention(query, key, value, inner.softmax_scale))


def _score_terms(config: Any, dtype: torch.dtype, positions: int) -> Mapping[str, Tensor]:
    """The slopes are what the bias of distance 1 is; transformers builds it without a look at alibi_bias_max."""
    bias = build_mpt_alibi_tensor(config.num_attention_heads, 2)  # [H, 1, 2], of distances 1 and 0
    return {"alibi_slopes": -bias[:, 0, 0].contiguous()}


MPT = Family(MptAttention, _attend, _score_terms)
