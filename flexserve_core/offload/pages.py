"""Memory in whole pages, as direct reads and large pages ask for it."""

from __future__ import annotations

import contextlib
import mmap

import torch
from torch import Tensor

PAGE = 4096
# Shared memory, the default, gets no large pages and counts as cache.
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def aligned_memory(size: int) -> Tensor:
    """uint8 [size] in pages of its own, in large pages where the system offers them."""
    pages = mmap.mmap(-1, max(PAGE, -(-size // PAGE) * PAGE), **_PRIVATE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.uint8)[:size]
