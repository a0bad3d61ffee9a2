"""The public ops: same signature whatever implementation runs underneath."""

from __future__ import annotations

from torch import nn

from flexserve_kernels.reference.activation import RowwiseActivation
from flexserve_kernels.reference.attention import tree_attention
from flexserve_kernels.reference.kv import kv_append, kv_move

__all__ = ["kv_append", "kv_move", "rowwise_activation", "tree_attention"]


def rowwise_activation(module: nn.Module) -> nn.Module:
    """The same elementwise function, bitwise row-invariant. Raises ValueError for a module that is none."""
    return RowwiseActivation(module)
