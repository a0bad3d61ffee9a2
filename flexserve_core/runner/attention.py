"""The attention function the engine gives to transformers, and the contexts behind it.

transformers calls `attend` once per layer; the engine's own context travels through the model as a keyword (or, in
families that need an adapter, beside it: models/families/adapter.py). The context decides what happens: read and write
the paged cache, or, at load, note each layer's shape.
Knows nothing of requests or trees: an AttentionPlan says where every row's keys lie.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from flexserve_kernels import AttentionPlan, kv_append, tree_attention
from transformers import AttentionInterface, AttentionMaskInterface

from flexserve_core.kv.store import KVStore, LayerShape

IMPLEMENTATION = "flexserve"
ADAPTED = "flexserve_adapted"  # of families whose attention modules are replaced; only a way to build no mask


class AttentionContext(Protocol):
    """Answers the attention calls of one forward, in layer order."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        """query [T, Hq, D], key [T, Hkv, D], value [T, Hkv, Dv] → [T, Hq, Dv]."""
        ...


class PagedAttention:
    """Context of a normal forward: appends the rows to the cache, then attends through the plan."""

    def __init__(self, store: KVStore, plan: AttentionPlan) -> None:
        self._store = store
        self._plan = plan
        self._layer = 0

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        keys, values = self._store.keys[self._layer], self._store.values[self._layer]
        self._layer += 1
        kv_append(keys, values, key, value, self._plan.slots)
        return tree_attention(query, keys, values, self._plan, **options)


class ShapeProbe:
    """Context of the first forwards after loading: notes what each layer's cache row looks like.

    What it gives for attention is none, but depends on all that attention depends on."""

    def __init__(self) -> None:
        self.layers: list[LayerShape] = []

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        self.layers.append(LayerShape(key.shape[1], key.shape[2], value.shape[2]))
        group = query.shape[1] // key.shape[1]
        key, value = (part.repeat_interleave(group, dim=1) for part in (key, value))
        return (query * key).mean(dim=-1, keepdim=True).sigmoid() * value


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    flexserve_context: AttentionContext | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention signature; tensors come as [1, heads, T, dim]."""
    assert flexserve_context is not None, "a model prepared for FlexServe runs inside its engine only"
    out = flexserve_context.attend(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        softcap=softcap,
        window=sliding_window,
        sinks=s_aux,
    )
    return out[None], None


def _empty_mask(*_: Any, device: torch.device | str = "cpu", **__: Any) -> torch.Tensor:
    """For model code that converts its mask before the attention ignores it."""
    return torch.zeros((), dtype=torch.bool, device=device)


def register() -> None:
    """Make "flexserve" an attention implementation of transformers. Idempotent.

    The plan masks: an implementation without a way to build masks is given none, and transformers look for none."""
    AttentionInterface.register(IMPLEMENTATION, _attention)
    AttentionMaskInterface.register(ADAPTED, _empty_mask)
