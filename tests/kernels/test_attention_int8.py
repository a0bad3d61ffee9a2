"""Attention over an int8 cache is attention over its unpacked rows, bit for bit, and keeps the law.

That the rows themselves are near what was written is tested in test_kv.py.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from flexserve_kernels.cache import unpack_cache_rows
from flexserve_kernels.checks import AttentionScene

from .scenes import BOTH, LENGTHS, OPTIONS, ROWS, SHAPES


@BOTH
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [1.0, 1e-38], ids=["ordinary", "subnormal"])
def test_an_int8_cache_is_its_unpacked_rows(attention, options, dtype, size):
    scene = AttentionScene.random(LENGTHS, dtype=dtype)
    scene.v_cache[::3] *= size  # among others of ordinary size, and then alone
    scene.v_cache[..., 1, :] *= size
    scene = scene.in_int8()
    q, plan = scene.pack(ROWS, tail=[i % 5 for i in range(len(ROWS))])
    run = partial(attention, scale=0.125, **OPTIONS[options])
    unpacked = [unpack_cache_rows(cache, dtype) for cache in (scene.k_cache, scene.v_cache)]
    expected = run(q, *unpacked, plan)
    assert torch.isfinite(expected).all()
    assert torch.equal(run(q, scene.k_cache, scene.v_cache, plan), expected)


@BOTH
@pytest.mark.parametrize("shape", [name for name in SHAPES if SHAPES[name][1][1] % 4 == 0])
def test_bits_do_not_depend_on_company_in_an_int8_cache(attention, shape, dtype):
    heads, dims = SHAPES[shape]
    scene = AttentionScene.random(LENGTHS, heads=heads, dims=dims, dtype=dtype).in_int8()
    assert scene.disagreements(partial(attention, scale=0.125), ROWS[2:18]) == []


@BOTH
def test_a_wrong_scale_shows(attention, dtype):
    """Negative control: another head's scale behind the same codes."""
    scene = AttentionScene.random(LENGTHS, dtype=dtype).in_int8()
    q, plan = scene.pack(ROWS)
    right = attention(q, scene.k_cache, scene.v_cache, plan, scale=0.125)
    values = scene.v_cache.clone()
    values[..., -4:] = values.flip(1)[..., -4:]
    assert not torch.equal(attention(q, scene.k_cache, values, plan, scale=0.125), right)
