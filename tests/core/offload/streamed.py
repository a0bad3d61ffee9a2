"""Tiny models whose weights stream from disk, for the tests of this folder."""

from __future__ import annotations

import torch

from flexserve_core.models.quantise import FULL_PRECISION
from flexserve_core.offload.loading import Offloader
from flexserve_core.offload.place import by_percent
from flexserve_core.testing import Bench

SMALL = 1000  # bytes: the matrices of a tiny model count as large


def streamed_bench(model, folder, share=0.33, dtype=torch.float32, quantisation=FULL_PRECISION):
    """(bench, offloader) with `share` of the weights resident; `folder` for converted ones."""
    offloader = Offloader(folder, lambda _, groups: by_percent(groups, share, 0.0), small=SMALL)
    return Bench(model, dtype, keeper=offloader, quantisation=quantisation), offloader
