"""Activations as modules, bitwise row-invariant whatever the wrapped module does inside.

Knows nothing of gated pairs: only functions of one number (SiLU, every GELU, ReLU, ...) qualify, and that is
checked, not believed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from flexserve_kernels.reference.elementwise import apply_elementwise


class RowwiseActivation(nn.Module):
    """The wrapped module's function on [..., W], computed so that rows do not depend on each other."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return apply_elementwise(self.module, x)


@torch.inference_mode()
def check_elementwise(module: nn.Module) -> None:
    """Raise ValueError for a module that is not a function of single numbers (softmax, GLU, PReLU, dropout).

    Such a function maps reversed input to reversed output and keeps the shape.
    """
    probe = torch.linspace(-4, 4, 128).reshape(2, 64)
    shuffled = probe.flip(0, 1)
    result, other = module(probe.clone()), module(shuffled.clone())
    if (
        not isinstance(result, Tensor)
        or result.shape != probe.shape
        or not torch.equal(result.flip(0, 1), other)
    ):
        raise ValueError(
            f"{type(module).__name__} is not an elementwise function, so it cannot be made row-invariant by "
            "rowwise_activation; leave the module as it is if it works row by row."
        )
