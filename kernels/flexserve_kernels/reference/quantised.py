"""Linear layers over quantised weights in plain torch: what the compiled kernels are compared with.

int8 follows LLM.int8 with one change: outliers are chosen per row, so that a row does not depend on its company. Its
integer sums are exact, so their order does not matter; the outliers of a row are multiplied by themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flexserve_kernels.reference.linear import LINEAR_STRATEGIES, RowInvariantLinear, default_strategy
from flexserve_kernels.weights import Int8Weight, Nf4Weight


class Nf4Linear(nn.Module):
    """[..., K] → [..., N] in bf16: the weight is dequantised whenever it is used, so it stays small in between.

    device: where it will compute; None: where the weight is.
    """

    def __init__(self, weight: Nf4Weight, bias: Tensor | None, device: torch.device | None = None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.packed = nn.Buffer(weight.packed)
        self.absmax = nn.Buffer(weight.absmax)
        self.bias = None if bias is None else nn.Buffer(bias.detach().to(torch.bfloat16))
        device = device or weight.packed.device
        self._strategy = default_strategy(self.in_features, self.out_features, "bf16", device)
        self.method = f"NF4 dequantised for {self._strategy}"

    def forward(self, x: Tensor) -> Tensor:
        weight = Nf4Weight(self.packed, self.absmax, (self.out_features, self.in_features)).dequantise(
            x.dtype
        )
        return RowInvariantLinear(weight, self.bias, LINEAR_STRATEGIES[self._strategy])(x)


class Int8Linear(nn.Module):
    """[..., K] → [..., N] in the activations' dtype."""

    method = "int8, exact integer sums, outliers by row"

    def __init__(self, weight: Int8Weight, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.data = nn.Buffer(weight.data)
        self.scale = nn.Buffer(weight.scale)
        self.bias = None if bias is None else nn.Buffer(bias.detach().float())
        self._threshold = weight.threshold

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        values = rows.float()
        outliers = values.abs() >= self._threshold
        small = values.masked_fill(outliers, 0.0)
        absmax = small.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
        codes = torch.round(small * (127.0 / absmax)).nan_to_num(0.0).to(torch.int8)
        # fp64 holds every partial sum of up to 2^37 products exactly, so this is integer arithmetic
        sums = (codes.double() @ self.data.double().T).float()
        out = sums * (absmax / 127.0) * (self.scale / 127.0)
        for row in outliers.any(dim=1).nonzero().flatten().tolist():
            columns = outliers[row].nonzero().flatten()
            weight = self.data[:, columns].float() * (self.scale / 127.0)[:, None]
            extra = torch.zeros(self.out_features, device=x.device)
            for index, column in enumerate(columns.tolist()):  # ascending, one by one
                extra += weight[:, index] * values[row, column]
            out[row] += extra
        if self.bias is not None:
            out = out + self.bias
        return out.to(x.dtype).reshape(*x.shape[:-1], self.out_features)
