"""Function-preserving growth: a small Llama becomes a wider and deeper one that computes the same function.

Wider: hidden units, heads and FFN units are repeated, and whatever sums over them is divided by the number of copies, a
power of two, so that every weight stays exact. A tied head cannot be divided (it is the embedding): the final norm is.
Deeper: further layers, copies of the first ones, whose output projections are zero. Sums run over more terms in another
order, so logits agree to rounding, not to the bit. Grown models show what speculation and kernels do at a larger
model's cost; being repetitive they say nothing about quality. Makes one tensor at a time; knows nothing of files.
Source: Net2Net (Chen, Goodfellow, Shlens, 2016), section 3.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from flexserve_core.errors import ModelError
from flexserve_core.models.checkpoint import DeferredTensor

_MAX_KV_COPIES = 4
_TARGETS = {"100M": (1024, 8), "300M": (1024, 24), "1.1B": (2048, 22)}  # (hidden_size, num_hidden_layers)
_OUTPUTS = ("self_attn.o_proj", "mlp.down_proj")  # what writes into the residual stream


@dataclass(frozen=True, slots=True)
class Growth:
    """`copies` of every hidden unit, query head and FFN unit, `kv_copies` of every key/value head; `layers` in all."""

    copies: int
    kv_copies: int
    layers: int


def growth_to(name: str, config: Any, size: str) -> Growth:
    """How to get from `config` to a size named in `config.GROWN_SIZES`; ModelError where there is no way."""
    width, layers = _TARGETS[size]
    copies, rest = divmod(width, config.hidden_size)
    possible = rest == 0 and copies.bit_count() == 1 and layers >= config.num_hidden_layers
    if config.model_type != "llama" or not possible:
        raise ModelError(
            name,
            f"it cannot be grown to {size}: that takes a llama of {width}/2ⁿ hidden units and at most {layers} layers, "
            f"this is a {config.model_type} of {config.hidden_size} and {config.num_hidden_layers}",
            "Grow the demo model, or choose another size.",
        )
    return Growth(copies, min(copies, _MAX_KV_COPIES), layers)


def grow_config(config: Any, growth: Growth) -> Any:
    """The grown model's configuration."""
    grown = copy.deepcopy(config)
    grown.head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    grown.hidden_size *= growth.copies
    grown.intermediate_size *= growth.copies
    grown.num_attention_heads *= growth.copies
    grown.num_key_value_heads *= growth.kv_copies
    grown.num_hidden_layers = growth.layers
    return grown


def grow_weights(
    config: Any, growth: Growth, weights: Mapping[str, DeferredTensor]
) -> dict[str, DeferredTensor]:
    """The grown model's weights by name, each made when it is asked for. config: the small model's."""
    head_dim = grow_config(config, Growth(1, 1, config.num_hidden_layers)).head_dim
    tied = bool(config.tie_word_embeddings)
    grown = {}
    for name, source in weights.items():
        for layer in _layers(name, config.num_hidden_layers, growth.layers):
            silent = layer >= config.num_hidden_layers and _kind(name).startswith(_OUTPUTS)
            make = partial(_grow, source, _kind(name), growth, head_dim, tied=tied, silent=silent)
            grown[_renumber(name, layer)] = DeferredTensor(make)
    return grown


def _grow(
    source: DeferredTensor, kind: str, growth: Growth, head_dim: int, *, tied: bool, silent: bool
) -> Tensor:
    """One tensor: outputs repeated, inputs repeated and divided, zero in a silent layer."""
    weight = source[...]
    if kind.startswith("embed_tokens"):
        return weight.repeat(1, growth.copies)
    if kind.startswith(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")):
        head_copies = growth.copies if "q_proj" in kind else growth.kv_copies
        weight = _repeat_heads(weight, head_copies, head_dim)
    elif not kind.startswith("lm_head"):
        weight = weight.repeat(growth.copies, *[1] * (weight.ndim - 1))
    if weight.ndim == 1:  # a norm or a bias
        weight = weight / growth.copies if kind == "norm.weight" and tied else weight
    elif kind.startswith("self_attn.o_proj"):
        weight = _repeat_heads(weight.t(), growth.copies, head_dim).t() / growth.copies
    else:
        weight = weight.repeat(1, growth.copies) / growth.copies
    return torch.zeros_like(weight, memory_format=torch.contiguous_format) if silent else weight.contiguous()


def _repeat_heads(weight: Tensor, copies: int, head_dim: int) -> Tensor:
    """[heads · head_dim, …] with each head's copies side by side, so that they stay in their key/value head's group."""
    return weight.unflatten(0, (-1, head_dim)).repeat_interleave(copies, 0).flatten(0, 1)


def _kind(name: str) -> str:
    """What a weight is, without where: `self_attn.q_proj.weight`."""
    inner = name.removeprefix("model.")
    return inner.split(".", 2)[2] if inner.startswith("layers.") else inner


def _layers(name: str, old: int, new: int) -> list[int]:
    """The grown model's layers that are made of this weight; [0] for one outside the layers."""
    if ".layers." not in name:
        return [0]
    own = int(name.split(".")[2])
    return list(range(own, new, old))


def _renumber(name: str, layer: int) -> str:
    parts = name.split(".")
    return ".".join([*parts[:2], str(layer), *parts[3:]]) if ".layers." in name else name
