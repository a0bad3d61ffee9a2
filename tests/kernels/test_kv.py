"""Writing and moving cache rows."""

from __future__ import annotations

import torch
from flexserve_kernels import kv_append, kv_move


def caches():
    return torch.zeros(10, 2, 4), torch.zeros(10, 2, 6)


def test_append_writes_these_slots_only():
    k_cache, v_cache = caches()
    k, v = torch.randn(3, 2, 4), torch.randn(3, 2, 6)
    kv_append(k_cache, v_cache, k, v, torch.tensor([7, 0, 4]))
    assert torch.equal(k_cache[[7, 0, 4]], k)
    assert torch.equal(v_cache[[7, 0, 4]], v)
    assert not k_cache[[1, 2, 3, 5, 6, 8, 9]].any()


def test_append_converts_to_the_cache_and_takes_views():
    k_cache, v_cache = (cache.bfloat16() for cache in caches())
    k, v = torch.randn(2, 3, 4).transpose(0, 1), torch.randn(2, 3, 6).transpose(0, 1)
    kv_append(k_cache, v_cache, k, v, torch.tensor([1, 2, 3]))
    assert torch.equal(k_cache[1:4], k.bfloat16())
    assert torch.equal(v_cache[1:4], v.bfloat16())


def test_move_reads_everything_before_it_writes():
    k_cache, v_cache = caches()
    k_cache.copy_(torch.arange(10.0)[:, None, None].expand_as(k_cache))
    v_cache.copy_(torch.arange(10.0)[:, None, None].expand_as(v_cache))
    kv_move(k_cache, v_cache, torch.tensor([5, 2, 3]), torch.tensor([2, 3, 5]))
    assert k_cache[:, 0, 0].tolist() == [0, 1, 5, 2, 4, 3, 6, 7, 8, 9]
    assert v_cache[:, 1, 5].tolist() == [0, 1, 5, 2, 4, 3, 6, 7, 8, 9]
