"""Writing and moving cache rows."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import kv_append, kv_move
from flexserve_kernels.cache import cache_width, pack_cache_rows, unpack_cache_rows
from flexserve_kernels.cpu.kv import NativeAppend
from flexserve_kernels.native import INSTRUCTION_SETS
from flexserve_kernels.reference import kv as reference

from .conftest import compiled


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


def test_int8_rows_are_near_and_keep_their_largest_number():
    x = torch.randn(50, 3, 64)
    rows = pack_cache_rows(x)
    assert rows.shape == (50, 3, cache_width(64, torch.int8))
    error = (unpack_cache_rows(rows, torch.float32) - x).abs().amax(-1)
    largest = x.abs().amax(-1)
    assert (error <= largest / 254 * 1.001).all()
    assert error.max() > 0  # it is 8 bits
    top = x.abs().argmax(-1, keepdim=True)
    back = unpack_cache_rows(rows, torch.float32).gather(-1, top)
    torch.testing.assert_close(back, x.gather(-1, top), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dim", [1, 6, 63])
def test_int8_rows_whose_scale_would_not_be_aligned_are_refused(dim):
    assert cache_width(dim, torch.bfloat16) == dim
    with pytest.raises(ValueError, match=f"not {dim}"):
        cache_width(dim, torch.int8)


@pytest.mark.parametrize("dims", [(4, 8), (64, 64), (36, 100), (256, 128)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_the_kernel_writes_the_references_bits(name, dtype, dims):
    append = NativeAppend(compiled(name))
    k, v = (torch.randn(2, 300, dim).to(dtype).transpose(0, 1) for dim in dims)
    k, v = k.clone(memory_format=torch.preserve_format), v
    k[0], k[1, 0, 1], k[2, 1, 0], v[3, 0, 2] = 0.0, float("inf"), float("nan"), -float("inf")
    k[4] = torch.arange(dims[0]) % 255 / 2  # ties
    if dtype != torch.float16:
        k[5], v[5] = 1e-44, 1e38
    slots = torch.randperm(400)[:300]
    ours, theirs = (
        [torch.zeros(400, 2, cache_width(dim, torch.int8), dtype=torch.int8) for dim in dims]
        for _ in range(2)
    )
    append(*ours, k, v, slots)
    reference.kv_append(*theirs, k, v, slots)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a[..., :-4], b[..., :-4])
        scales = [x[..., -4:].contiguous().view(torch.float32) for x in (a, b)]
        assert torch.equal(scales[0].nan_to_num(-1.0), scales[1].nan_to_num(-1.0))
    found = unpack_cache_rows(ours[0][slots], torch.float32)
    assert not found[0].any()
    assert found[1, 0].isnan().all()
    assert found[1, 1].isfinite().all()
    assert found[2, 1].isnan().all()


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_what_does_not_fit_is_refused_and_nothing_written(name):
    append = NativeAppend(compiled(name))
    caches = [torch.zeros(4, 2, 12, dtype=torch.int8) for _ in range(2)]
    k = torch.ones(2, 2, 8)
    for slots in ([0, 4], [-1, 0]):
        with pytest.raises(ValueError, match="outside the cache of 4"):
            append(*caches, k, k, torch.tensor(slots))
    for wrong in (k[:, :1], k.double(), k[..., :4]):
        with pytest.raises(ValueError, match="do not fit"):
            append(*caches, wrong, wrong, torch.tensor([0, 1]))
    assert not any(cache.any() for cache in caches)


def test_int8_rows_are_appended_and_moved_like_others():
    caches = [torch.zeros(6, 2, cache_width(8, torch.int8), dtype=torch.int8) for _ in range(2)]
    k, v = torch.randn(2, 2, 8), torch.randn(2, 2, 8)
    kv_append(*caches, k, v, torch.tensor([4, 1]))
    kv_move(*caches, torch.tensor([4, 1]), torch.tensor([0, 4]))
    for cache, x in zip(caches, (k, v), strict=True):
        assert torch.equal(cache[[0, 4]], pack_cache_rows(x))
