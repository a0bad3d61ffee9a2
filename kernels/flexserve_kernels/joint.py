"""Linear layers that read the same input, computed in one call.

A packed layer's columns do not depend on each other, so each layer gives bit for bit what it would compute alone.
Knows nothing of attention or gates.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flexserve_kernels.linear import prepare_linear, prepare_quantised_linear
from flexserve_kernels.registry import linear_library
from flexserve_kernels.weights import QuantisedWeight, join_rows


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

    def __init__(self, layer: nn.Module, sizes: Sequence[int]) -> None:
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
    first = weights[0]
    if linear_library(first.device, kind if isinstance(first, Tensor) else first.kind) is None:
        return None  # a library's matmul may round a column differently in other company
    bias = None if biases[0] is None else torch.cat([bias for bias in biases if bias is not None])
    layer = _layer_of_all(weights, bias, kind)
    if layer is None:
        return None
    joint = _Joint(layer, sizes)
    return tuple(JointPart(joint, index) for index in range(len(sizes)))


def _layer_of_all(
    weights: Sequence[Tensor] | Sequence[QuantisedWeight], bias: Tensor | None, kind: str
) -> nn.Module | None:
    dense = [weight for weight in weights if isinstance(weight, Tensor)]
    if dense:
        return prepare_linear(torch.cat(dense), bias, kind=kind)
    whole = join_rows([weight for weight in weights if not isinstance(weight, Tensor)])
    return None if whole is None else prepare_quantised_linear(whole, bias)
