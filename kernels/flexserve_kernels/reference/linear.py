"""Linear layers whose output rows do not depend on how many rows come along.

A BLAS picks its kernel, and with it the order of the sum over K, by the shape of the whole call. So the rows
are cut into calls of fixed shape. Which cut holds depends on the dtype and the machine: where tried, bf16 held
for 1 to 32 rows a call, fp32 and fp16 only at one fixed count. The strategy is therefore a name that a load-time
proof can exchange. The CUDA strategy has not run on a GPU yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flexserve_kernels.reference.elementwise import aligned

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True, slots=True)
class LinearStrategy:
    """Rows are cut into blocks of `rows`; `pad`: the last one is filled up with zero rows."""

    name: str
    rows: int
    pad: bool


LINEAR_STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        LinearStrategy("block32", 32, pad=False),  # 1..32 rows a call: bf16 on CPU
        LinearStrategy("tile16", 16, pad=True),  # exactly 16 rows: fp32 on CPU
        LinearStrategy("tile64", 64, pad=True),  # exactly 64 rows: CUDA
        LinearStrategy("row1", 1, pad=False),  # one row a call: slow, holds wherever a BLAS is deterministic
    )
}
_DEFAULT_ON_CPU = {"bf16": "block32", "fp16": "tile16", "fp32": "tile16"}


def default_strategy(kind: str, device: torch.device) -> str:
    """Name of the strategy to try first for this dtype and device."""
    return _DEFAULT_ON_CPU[kind] if device.type == "cpu" else "tile64"


class RowInvariantLinear(nn.Module):
    """[..., K] -> [..., N] like nn.Linear, in the weight's dtype, by calls of fixed shape."""

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, weight: Tensor, bias: Tensor | None, strategy: LinearStrategy) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.strategy = strategy
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, strategy={self.strategy.name}"

    def forward(self, x: Tensor) -> Tensor:
        rows = aligned(x.reshape(-1, self.in_features))
        num_rows, step = rows.shape[0], self.strategy.rows
        if self.strategy.pad and num_rows % step:
            padded = rows.new_zeros(num_rows + -num_rows % step, self.in_features)
            padded[:num_rows] = rows
            rows = padded
        if rows.shape[0] <= step:
            out = F.linear(rows, self.weight, self.bias)
        else:
            # A block starts at a multiple of 64 bytes only if step * K does: a single row may not.
            out = torch.cat([F.linear(aligned(block), self.weight, self.bias) for block in rows.split(step)])
        return out[:num_rows].reshape(*x.shape[:-1], self.out_features)


def prepare_linear(
    weight: Tensor, bias: Tensor | None = None, kind: str = "bf16", strategy: str | None = None
) -> RowInvariantLinear:
    """A row-invariant linear layer from weight [N, K] and bias [N].

    kind: dtype to compute in, "bf16", "fp32" or "fp16"; the weight is converted if it differs, shared if not.
    strategy: a name in LINEAR_STRATEGIES, None for the default of this dtype and device.
    Raises ValueError for an unknown kind or strategy.
    """
    if kind not in DTYPES:
        raise ValueError(f"kind = {kind!r}: choose one of {', '.join(DTYPES)}.")
    name = strategy or default_strategy(kind, weight.device)
    if name not in LINEAR_STRATEGIES:
        raise ValueError(f"strategy = {name!r}: choose one of {', '.join(LINEAR_STRATEGIES)}.")
    dtype = DTYPES[kind]
    converted = weight.detach().to(dtype).contiguous()
    converted_bias = None if bias is None else bias.detach().to(dtype).contiguous()
    return RowInvariantLinear(converted, converted_bias, LINEAR_STRATEGIES[name])
