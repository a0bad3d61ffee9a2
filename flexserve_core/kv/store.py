"""The tensors of the paged KV cache: per layer, keys and values by slot. In int8 a row's scale lies behind its codes.

Knows nothing of sequences or blocks. Slots start as zeros, so that a masked slot never holds NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from flexserve_kernels import cache_width, kv_move


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Shape of one layer's cache rows: keys [num_kv_heads, key_dim], values [num_kv_heads, value_dim]."""

    num_kv_heads: int
    key_dim: int
    value_dim: int

    def bytes_per_token(self, dtype: torch.dtype) -> int:
        width = cache_width(self.key_dim, dtype) + cache_width(self.value_dim, dtype)
        return self.num_kv_heads * width * dtype.itemsize


class KVStore:
    """keys[l], values[l]: [num_slots, num_kv_heads, width], the width being the head's dim or an int8 row's."""

    def __init__(
        self, layers: tuple[LayerShape, ...], num_slots: int, dtype: torch.dtype, device: torch.device
    ):
        def rows(num_kv_heads: int, dim: int) -> torch.Tensor:
            return torch.zeros(num_slots, num_kv_heads, cache_width(dim, dtype), dtype=dtype, device=device)

        self.keys = [rows(layer.num_kv_heads, layer.key_dim) for layer in layers]
        self.values = [rows(layer.num_kv_heads, layer.value_dim) for layer in layers]

    def move(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy rows in every layer; slots int64 [n] each. All are read before any is written."""
        if len(source) == 0:
            return
        device = self.keys[0].device
        src = torch.from_numpy(source).to(device)
        dst = torch.from_numpy(target).to(device)
        for keys, values in zip(self.keys, self.values, strict=True):
            kv_move(keys, values, src, dst)
