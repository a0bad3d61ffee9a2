"""Puts the engine's attention in the place of a family's attention modules.

The model code of these families drops keywords it does not know, so the engine's context cannot travel through it.
Instead the model's own forward is hooked: a `flexserve_context` keyword is taken off and kept, for that one forward, in
an object that all adapters of the model share. Without that keyword every adapter hands the call on to the module it
replaced, so that a model put back to transformers' attention implementation computes what transformers computes.
Knows nothing of single families or of the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from flexserve_core.models.families.family import Family
from flexserve_core.runner.attention import ADAPTED, AttentionContext


class SharedAttention(nn.Module):
    """The context of the forward that is running, and the score terms, which belong to the model."""

    def __init__(self, score_terms: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.context: AttentionContext | None = None
        self._names = tuple(score_terms)
        for name, tensor in score_terms.items():
            self.register_buffer(name, tensor, persistent=False)

    def enter(self, model: Any, args: tuple, keywords: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """Forward pre-hook of the model."""
        self.context = keywords.pop("flexserve_context", None)
        outside = self.context is None and model.config._attn_implementation == ADAPTED
        assert not outside, "a model prepared for FlexServe runs inside its engine only: here it has no mask"
        return args, keywords

    def leave(self, *_: Any) -> None:
        """Forward hook of the model; runs after a failed forward too."""
        self.context = None

    def forward(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """query [1, T, Hq, D], key [1, T, Hkv, D], value [1, T, Hkv, Dv] → [1, T, Hq · Dv]."""
        assert self.context is not None
        terms = {name: getattr(self, name) for name in self._names}
        return self.context.attend(query[0], key[0], value[0], scale=scale, **terms).flatten(1)[None]


class AttentionAdapter(nn.Module):
    """Stands where `inner` stood and computes with its projections."""

    def __init__(self, inner: nn.Module, attend: Callable[..., Tensor], shared: SharedAttention) -> None:
        super().__init__()
        self.inner = inner
        self.shared = shared
        self._attend = attend

    def forward(self, *args: Any, **keywords: Any) -> tuple[Tensor, None]:
        """As the replaced module's, which returns (hidden states, attention weights)."""
        if self.shared.context is None:
            return self.inner(*args, **keywords)
        return self._attend(self.inner, self.shared, *args, **keywords), None


def install(model: nn.Module, family: Family, score_terms: Mapping[str, Tensor]) -> None:
    """Replace every attention module of `model` by an adapter."""
    shared = SharedAttention(score_terms)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, family.attention):
                setattr(parent, name, AttentionAdapter(child, family.attend, shared))
    model.register_forward_pre_hook(shared.enter, with_kwargs=True)
    model.register_forward_hook(shared.leave, always_call=True)
