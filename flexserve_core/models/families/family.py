"""What the engine must know about a model family whose attention bypasses transformers' AttentionInterface.

A family is data and a few functions; adapter.py does the rest. Knows nothing of loading or of the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

# query [1, T, Hq, D], key [1, T, Hkv, D], value [1, T, Hkv, Dv], scale → [1, T, Hq · Dv]
EngineAttention = Callable[[Tensor, Tensor, Tensor, float], Tensor]
PrepareLinear = Callable[[nn.Module, str, torch.device], nn.Module]  # module, kind, where it will compute


def _no_terms(config: Any, dtype: torch.dtype, positions: int) -> Mapping[str, Tensor]:
    return {}


def _no_refusal(config: Any) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Family:
    """One family. `attention` is transformers' module class; its instances are replaced after loading."""

    attention: type[nn.Module]
    # (the replaced module, the engine's attention, the arguments of the module's forward) → [1, T, hidden]
    attend: Callable[..., Tensor]
    # (config, dtype, number of positions) → further arguments of tree_attention, the same for all layers
    score_terms: Callable[[Any, torch.dtype, int], Mapping[str, Tensor]] = _no_terms
    # linear layer classes of its own, and how each becomes row-invariant
    linears: Mapping[type[nn.Module], PrepareLinear] = field(default_factory=dict)
    activations: tuple[type[nn.Module], ...] = ()
    refusal: Callable[[Any], str | None] = _no_refusal  # config → why this one cannot be served
