"""Elementwise functions whose result for a number does not depend on the numbers around it.

Torch's vector body and scalar tail round differently, and where the array is cut between threads decides
which one a number meets. Here every call sees whole vectors and too little work to be cut: rows padded to a
multiple of 64 elements, pieces of 2048 (the smallest grain size any CPU elementwise kernel of torch uses).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

VECTOR = 64  # elements; a multiple of every vector length, also for 8-bit lanes
PIECE = 2048  # elements
ALIGNMENT = 64  # bytes


def aligned(x: Tensor) -> Tensor:
    """x itself, or a copy that is contiguous and starts at a cache line (BLAS may round by alignment)."""
    x = x.contiguous()
    return x.clone() if x.data_ptr() % ALIGNMENT else x


def apply_elementwise(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x) for x [..., W] of any float dtype; same shape; bitwise independent of the other rows."""
    if x.device.type != "cpu":  # one thread per element there: nothing to guard against
        return function(x)
    width = x.shape[-1]
    padded = F.pad(x, (0, -width % VECTOR)) if width % VECTOR else aligned(x)
    flat = padded.reshape(-1)
    pieces = [function(piece) for piece in flat.split(PIECE)]
    result = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
    return result.reshape(padded.shape)[..., :width]
