"""Linear layers that read the same input, computed in one call.

A packed layer's columns do not depend on each other, so each layer gives bit for bit what it would compute alone.
Knows nothing of attention or gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from flexserve_kernels.cpu.linear import PackedLinear, supports
from flexserve_kernels.linear import prepare_linear, prepare_quantised_linear
from flexserve_kernels.registry import native_library
from flexserve_kernels.weights import NF4_BLOCK, Int8Weight, Nf4Weight, QuantisedWeight


class JointPart(nn.Module):
    """One of the layers, [..., K] → [..., N_i]. The first that is asked computes for all that get the same input."""

    def __init__(self, joint: _Joint, index: int) -> None:
        super().__init__()
        self.layer = joint.layer
        self.in_features, self.out_features = joint.layer.in_features, joint.sizes[index]
        self._joint = joint
        self._index = index

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, part {self._index}"

    def forward(self, x: Tensor) -> Tensor:
        return self._joint.take(x, self._index)


class _Joint:
    """The layers side by side, and what the last input gave until the last of them has taken its part."""

    def __init__(self, layer: PackedLinear, sizes: Sequence[int]) -> None:
        self.layer = layer
        self.sizes = list(sizes)
        self._input: Tensor | None = None
        self._outputs: Sequence[Tensor] = ()

    def take(self, x: Tensor, index: int) -> Tensor:
        if x is not self._input:
            self._input, self._outputs = x, self.layer(x).split_with_sizes(self.sizes, -1)
        output = self._outputs[index]
        if index == len(self.sizes) - 1:
            self._input, self._outputs = None, ()
        return output


def join_linears(
    weights: Sequence[Tensor] | Sequence[QuantisedWeight], biases: Sequence[Tensor | None], kind: str = "bf16"
) -> tuple[nn.Module, ...] | None:
    """One layer for each weight, [N_i, K], computed together; None where that cannot be done bit for bit.

    Weights of one kind on one device. biases: of all of them, or None for each. kind: of dense weights, as for
    `prepare_linear`.
    """
    sizes = [weight.shape[0] for weight in weights]
    if len({weight.shape[1] for weight in weights}) != 1 or len({bias is None for bias in biases}) != 1:
        return None
    if not _packs(weights[0], kind):  # a library's matmul may round a column differently in other company
        return None
    bias = None if biases[0] is None else torch.cat([bias for bias in biases if bias is not None])
    if all(isinstance(weight, Tensor) for weight in weights):
        layer = prepare_linear(torch.cat(list(weights)), bias, kind=kind)  # pyright: ignore[reportArgumentType]
    else:
        whole = _side_by_side(weights)  # pyright: ignore[reportArgumentType]
        layer = None if whole is None else prepare_quantised_linear(whole, bias)
    if not isinstance(layer, PackedLinear):
        return None
    joint = _Joint(layer, sizes)
    return tuple(JointPart(joint, index) for index in range(len(sizes)))


def _packs(weight: Tensor | QuantisedWeight, kind: str) -> bool:
    """Whether such a layer is computed by our kernels here."""
    if isinstance(weight, Tensor):
        device = weight.device
    else:
        kind = "int8" if isinstance(weight, Int8Weight) else "nf4"
        device = weight.data.device if isinstance(weight, Int8Weight) else weight.packed.device
    return device.type == "cpu" and supports(native_library(), kind)


def _side_by_side(weights: Sequence[QuantisedWeight]) -> QuantisedWeight | None:
    """The weights as one, where none of their scales is shared across a seam."""
    first, depth = weights[0], weights[0].shape[1]
    if len({type(weight) for weight in weights}) != 1:
        return None
    tensors: dict[str, Any] = {
        field.name: torch.cat([getattr(weight, field.name) for weight in weights])
        for field in fields(first)
        if isinstance(getattr(first, field.name), Tensor)
    }
    if isinstance(first, Int8Weight):
        same = len({weight.threshold for weight in weights if isinstance(weight, Int8Weight)}) == 1
        return Int8Weight(**tensors, threshold=first.threshold) if same else None
    if depth % NF4_BLOCK:
        return None
    return Nf4Weight(**tensors, shape=(sum(weight.shape[0] for weight in weights), depth))
