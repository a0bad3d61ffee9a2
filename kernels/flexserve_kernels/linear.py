"""The door to linear layers: from a weight to a row-invariant module, by the best implementation that is here."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flexserve_kernels.cpu.linear import PackedLinear
from flexserve_kernels.reference import linear as reference
from flexserve_kernels.reference.quantised import Int8Linear, Nf4Linear
from flexserve_kernels.registry import linear_library
from flexserve_kernels.weights import NF4_BLOCK, Int8Weight, QuantisedWeight, quantise_int8, quantise_nf4

KINDS = (*reference.DTYPES, "int8", "nf4")


def prepare_linear(
    weight: Tensor,
    bias: Tensor | None = None,
    kind: str = "bf16",
    strategy: str | None = None,
    device: torch.device | None = None,
) -> nn.Module:
    """A row-invariant linear layer, [..., K] → [..., N], from weight [N, K] and bias [N].

    kind: "bf16", "fp32" and "fp16" are dtypes to compute in (the weight is converted if it differs); "int8" and "nf4"
    quantise the weight and compute in bf16. strategy: a name in LINEAR_STRATEGIES forces torch's matmul, cut that way.
    device: where it will compute, if not where the weight is now; the layer stays where the weight is.
    Raises ValueError for an unknown kind or strategy.
    """
    if kind == "nf4":
        return prepare_quantised_linear(quantise_nf4(weight), bias, device)
    if kind == "int8":
        return prepare_quantised_linear(quantise_int8(weight), bias, device)
    device = device or weight.device
    library = linear_library(device, kind)
    if strategy is None and library is not None:
        return PackedLinear.from_dense(weight, bias, kind, library)
    if strategy is None and device != weight.device:
        strategy = reference.default_strategy(weight.shape[1], weight.shape[0], kind, device)
    return reference.prepare_linear(weight, bias, kind, strategy)


def prepare_quantised_linear(
    weight: QuantisedWeight, bias: Tensor | None = None, device: torch.device | None = None
) -> nn.Module:
    """The same from a weight that is quantised already; bf16 in and out."""
    device = device or weight.device
    library = linear_library(device, weight.kind)
    if isinstance(weight, Int8Weight):
        return PackedLinear.from_int8(weight, bias, library) if library else Int8Linear(weight, bias)
    if library is None:
        return Nf4Linear(weight, bias, device)
    if weight.shape[1] % NF4_BLOCK == 0:
        return PackedLinear.from_nf4(weight, bias, library)
    # Blocks reach across rows: the same numbers, in 16 bits each.
    return PackedLinear.from_dense(weight.dequantise(), bias, "bf16", library)


def input_dtype(layer: nn.Module) -> torch.dtype:
    """What a prepared layer computes in."""
    return (
        layer.weight.dtype
        if isinstance(layer, reference.RowInvariantLinear)
        else getattr(layer, "dtype", torch.bfloat16)
    )


def is_linear(module: nn.Module) -> bool:
    """Whether the module came from here; its `method` then says how it computes."""
    return isinstance(module, (reference.RowInvariantLinear, PackedLinear, Nf4Linear, Int8Linear))
