"""Compaction in Triton equals the reference's, overlaps included."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels.reference import kv as reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8], ids=str)
@pytest.mark.parametrize("count", [0, 1, 3, 17, 150])
def test_move_equals_the_reference(count, dtype):
    from flexserve_kernels.gpu.kv import kv_move

    generator = torch.Generator().manual_seed(count)
    k_cache = torch.randint(-99, 99, (200, 2, 24), generator=generator).to(dtype)
    v_cache = torch.randint(-99, 99, (200, 2, 40), generator=generator).to(dtype)
    src = torch.randperm(200, generator=generator)[:count]
    dst = torch.cat([src[1:], src[:1]])  # a cycle: each slot is a source and a target
    moved = [cache.to(DEVICE, copy=True) for cache in (k_cache, v_cache)]
    kv_move(*moved, src.to(DEVICE), dst.to(DEVICE))
    reference.kv_move(k_cache, v_cache, src, dst)
    assert torch.equal(moved[0].cpu(), k_cache)
    assert torch.equal(moved[1].cpu(), v_cache)
