"""Linear layers whose output rows do not depend on how many rows come along.

A BLAS picks its kernel, and with it the order of the sum over K, by the shape of the whole call. So the rows
are cut into calls of fixed shape. Which cut holds depends on the dtype and the machine: where tried, bf16 held
for 1 to 32 rows a call (products of up to 16³ multiply-adds go to another kernel and are filled up beyond that),
fp32 and fp16 only at one fixed count. The strategy is therefore a name that a load-time proof can exchange. The
CUDA strategy has not run on a GPU yet.

On CPUs the default is not believed: the first strategy that holds for the layer's shape, dtype and thread count
is taken, tried once with rows that reveal another order of the sum (with three threads, for example, oneDNN
splits the sum of a narrow bf16 layer between them, depending on the rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flexserve_kernels.checks import revealing_linear, unequal_rows
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
_SMALL_PRODUCT = 16**3  # multiply-adds up to which torch does not call oneDNN for bf16
_CPU_CANDIDATES = {
    "bf16": ("block32", "tile16", "row1"),
    "fp16": ("tile16", "row1"),
    "fp32": ("tile16", "row1"),
}
_TRIED_COUNTS = (1, 2, 5, 16, 17, 32, 33)
_TRIED_ROWS = 34
_TRIED_ELEMENTS = 2**27  # of the weight: wider layers are tried with fewer outputs


@lru_cache(maxsize=256)
def proven_strategy(in_features: int, out_features: int, kind: str, threads: int) -> str:
    """Name of the first CPU strategy whose rows are independent for this shape; the last one if none is."""
    candidates = _CPU_CANDIDATES[kind]
    outputs = min(out_features, max(1, _TRIED_ELEMENTS // in_features))
    weight, rows = revealing_linear(in_features, outputs, _TRIED_ROWS, DTYPES[kind])
    for name in candidates[:-1]:
        layer = RowInvariantLinear(weight, None, LINEAR_STRATEGIES[name])
        with torch.inference_mode():
            if unequal_rows(layer, rows, _TRIED_COUNTS) == 0:
                return name
    return candidates[-1]


def default_strategy(in_features: int, out_features: int, kind: str, device: torch.device) -> str:
    """Name of the strategy for a layer on this device, at the thread count in use."""
    if device.type != "cpu":
        return "tile64"
    return proven_strategy(in_features, out_features, kind, torch.get_num_threads())


class RowInvariantLinear(nn.Module):
    """[..., K] -> [..., N] like nn.Linear, in the weight's dtype, by calls of fixed shape."""

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, weight: Tensor, bias: Tensor | None, strategy: LinearStrategy) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.strategy = strategy
        self.method = f"torch's matmul, {strategy.name}"
        self._least = 1 + _SMALL_PRODUCT // (self.in_features * self.out_features)  # rows of an unpadded call
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, strategy={self.strategy.name}"

    def forward(self, x: Tensor) -> Tensor:
        rows = aligned(x.reshape(-1, self.in_features))
        num_rows, step = rows.shape[0], self.strategy.rows
        lacking = self._lacking(num_rows % step)
        if lacking:
            padded = rows.new_zeros(num_rows + lacking, self.in_features)
            padded[:num_rows] = rows
            rows = padded
        if rows.shape[0] <= step:
            out = F.linear(rows, self.weight, self.bias)
        else:
            # A block starts at a multiple of 64 bytes only if step * K does: a single row may not.
            out = torch.cat([F.linear(aligned(block), self.weight, self.bias) for block in rows.split(step)])
        return out[:num_rows].reshape(*x.shape[:-1], self.out_features)

    def _lacking(self, last: int) -> int:
        """Zero rows to add to a last block of `last` rows (0: it is whole)."""
        if last == 0:
            return 0
        return (
            self.strategy.rows - last
            if self.strategy.pad
            else max(0, min(self._least, self.strategy.rows) - last)
        )


def prepare_linear(
    weight: Tensor, bias: Tensor | None = None, kind: str = "bf16", strategy: str | None = None
) -> RowInvariantLinear:
    """A row-invariant linear layer from weight [N, K] and bias [N].

    kind: dtype to compute in, "bf16", "fp32" or "fp16"; the weight is converted if it differs, shared if not.
    strategy: a name in LINEAR_STRATEGIES, None for the first that holds for this shape here.
    Raises ValueError for an unknown kind or strategy.
    """
    if kind not in DTYPES:
        raise ValueError(f"kind = {kind!r}: choose one of {', '.join(DTYPES)}.")
    name = strategy or default_strategy(weight.shape[1], weight.shape[0], kind, weight.device)
    if name not in LINEAR_STRATEGIES:
        raise ValueError(f"strategy = {name!r}: choose one of {', '.join(LINEAR_STRATEGIES)}.")
    dtype = DTYPES[kind]
    converted = weight.detach().to(dtype).contiguous()
    converted_bias = None if bias is None else bias.detach().to(dtype).contiguous()
    return RowInvariantLinear(converted, converted_bias, LINEAR_STRATEGIES[name])
