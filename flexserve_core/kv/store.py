"""The tensors of the paged KV cache: per layer, keys and values by slot.

Knows nothing of sequences or blocks. Slots start as zeros, so that a masked slot never holds NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from flexserve_kernels import kv_move


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Shape of one layer's cache rows: keys [num_kv_heads, key_dim], values [num_kv_heads, value_dim]."""

    num_kv_heads: int
    key_dim: int
    value_dim: int

    def bytes_per_token(self, dtype: torch.dtype) -> int:
        return self.num_kv_heads * (self.key_dim + self.value_dim) * dtype.itemsize


class KVStore:
    """keys[l], values[l]: [num_slots, num_kv_heads, dim]."""

    def __init__(
        self, layers: tuple[LayerShape, ...], num_slots: int, dtype: torch.dtype, device: torch.device
    ):
        self.keys = [
            torch.zeros(num_slots, layer.num_kv_heads, layer.key_dim, dtype=dtype, device=device)
            for layer in layers
        ]
        self.values = [
            torch.zeros(num_slots, layer.num_kv_heads, layer.value_dim, dtype=dtype, device=device)
            for layer in layers
        ]

    def move(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy rows in every layer; slots int64 [n] each. All are read before any is written."""
        if len(source) == 0:
            return
        device = self.keys[0].device
        src = torch.from_numpy(source).to(device)
        dst = torch.from_numpy(target).to(device)
        for keys, values in zip(self.keys, self.values, strict=True):
            kv_move(keys, values, src, dst)
