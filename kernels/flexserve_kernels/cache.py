"""The int8 key/value cache: a row's codes with their scale behind them, in one int8 tensor [slots, heads, dim + 4].

value = code * scale, the scale (fp32, in four bytes) being the largest number of that token and head over 127. So a row
depends on nothing but itself, and moving, sharing or keeping slots needs to know nothing of it. A row with a number
that is not finite is NaN throughout. Attention over such a cache is attention over the unpacked rows in q's dtype, bit
for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALE_BYTES = 4


def cache_width(dim: int, dtype: torch.dtype) -> int:
    """Elements of a cache row of `dim` numbers. Raises ValueError for an int8 row whose scale would not be aligned."""
    if dtype != torch.int8:
        return dim
    if dim % SCALE_BYTES:
        raise ValueError(f"an int8 cache takes heads of a multiple of {SCALE_BYTES} numbers, not {dim}")
    return dim + SCALE_BYTES


def pack_cache_rows(x: Tensor) -> Tensor:
    """x [..., D] in a floating dtype → int8 [..., D + 4]."""
    values = x.float()
    absmax = values.abs().amax(-1, keepdim=True)
    scale = torch.where(absmax.isfinite(), absmax / 127.0, torch.nan)
    codes = (values / scale).round().clamp(-127, 127)
    codes = torch.where(scale > 0, codes, 0.0).to(torch.int8)
    return torch.cat([codes, scale.contiguous().view(torch.int8)], -1)


def unpack_cache_rows(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """int8 [..., D + 4] → [..., D]."""
    scale = rows[..., -SCALE_BYTES:].contiguous().view(torch.float32)
    return (rows[..., :-SCALE_BYTES].float() * scale).to(dtype)
