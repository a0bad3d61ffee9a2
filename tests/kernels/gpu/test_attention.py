"""The Triton attention against the torch reference, and the law: a row's bits are its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from flexserve_kernels.cache import unpack_cache_rows
from flexserve_kernels.checks import AttentionScene
from flexserve_kernels.plan import AttentionPlan
from flexserve_kernels.reference.attention import tree_attention as reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LENGTHS = (1, 65, 600)
ROWS = [(0, 0), (1, 63), (1, 64), (2, 10), (2, 511), (2, 512), (2, 590)]  # block and span borders
TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 2e-2, torch.float16: 2e-3}
OPTIONS = {
    "softcap": {"softcap": 3.0},
    "window": {"window": 37},
    "window over a span": {"window": 530},
    "sinks": {"sinks": torch.linspace(-2, 4, 4)},
    "alibi": {"alibi_slopes": torch.tensor([0.5, 0.25, 0.125, 0.0625])},
    "key bias": {"key_bias": torch.linspace(-3, 3, 4 * 700).reshape(4, 700).sin()},
    "all": {
        "softcap": 5.0,
        "window": 100,
        "sinks": torch.tensor([1.0, -1.0, 0.0, 8.0]),
        "alibi_slopes": torch.tensor([0.01, 0.02, 0.5, 0.0]),
        "key_bias": torch.linspace(-3, 3, 4 * 600).reshape(4, 600).sin(),
    },
}


def attend(q, k_cache, v_cache, plan, **options):
    """The kernel on its device, the result on the CPU."""
    from flexserve_kernels.gpu.attention import tree_attention

    def there(value):
        return value.to(DEVICE) if isinstance(value, torch.Tensor) else value

    names = ("slots", "positions", "group", "trunk_slots", "trunk_length", "tail_slots")
    moved = AttentionPlan(**{name: there(getattr(plan, name)) for name in names})
    options = {name: there(value) for name, value in options.items()}
    return tree_attention(there(q), there(k_cache), there(v_cache), moved, scale=0.125, **options).cpu()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", [((4, 2), (64, 64)), ((8, 1), (80, 80)), ((3, 3), (72, 33))], ids=str)
def test_agrees_with_the_reference(shape, dtype):
    heads, dims = shape
    scene = AttentionScene.random(LENGTHS, heads=heads, dims=dims, dtype=dtype)
    q, plan = scene.pack(ROWS, tail=[i % 4 for i in range(len(ROWS))])
    expected = reference(q, scene.k_cache, scene.v_cache, plan, scale=0.125)
    got = attend(q, scene.k_cache, scene.v_cache, plan)
    assert got.dtype == dtype
    torch.testing.assert_close(got.float(), expected.float(), rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("dims", [(64, 64), (72, 36)], ids=str)
def test_an_int8_cache_is_its_unpacked_rows(dims, dtype):
    scene = AttentionScene.random(LENGTHS, dims=dims, dtype=dtype).in_int8()
    q, plan = scene.pack(ROWS, tail=[i % 4 for i in range(len(ROWS))])
    unpacked = [unpack_cache_rows(cache, dtype) for cache in (scene.k_cache, scene.v_cache)]
    got = attend(q, scene.k_cache, scene.v_cache, plan, sinks=torch.ones(4))
    assert torch.equal(got, attend(q, *unpacked, plan, sinks=torch.ones(4)))


@pytest.mark.parametrize("options", OPTIONS)
def test_options_agree_with_the_reference(options):
    scene = AttentionScene.random(LENGTHS)
    q, plan = scene.pack(ROWS, tail=3)
    expected = reference(q, scene.k_cache, scene.v_cache, plan, scale=0.125, **OPTIONS[options])
    got = attend(q, scene.k_cache, scene.v_cache, plan, **OPTIONS[options])
    torch.testing.assert_close(got, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("options", ["softcap", "all"])
def test_bits_do_not_depend_on_company(options):
    scene = AttentionScene.random(LENGTHS, dtype=torch.bfloat16)
    assert scene.disagreements(partial(attend, **OPTIONS[options]), ROWS[1:6]) == []


def test_the_law_notices_a_kernel_that_forgets_the_tail():
    """The check above can fail."""
    scene = AttentionScene.random(LENGTHS)

    def deaf_to_the_tail(q, k_cache, v_cache, plan):
        no_tail = replace(plan, positions=plan.positions.clamp(max=max(0, int(plan.trunk_length.min()) - 1)))
        return attend(q, k_cache, v_cache, no_tail)

    assert scene.disagreements(deaf_to_the_tail, ROWS[3:6])


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # numpy, on the planted NaN
def test_a_strangers_nan_stays_with_the_stranger():
    scene = AttentionScene.random([80, 80])
    rows = [(0, 60), (0, 69), (1, 60), (0, 71)]
    q, plan = scene.pack(rows, tail=[0, 1, 2, 3])
    healthy = attend(q, scene.k_cache, scene.v_cache, plan)
    for cache in (scene.k_cache, scene.v_cache):
        cache[scene.slots[1]] = float("nan")
        cache[scene.slots[0][70]] = float("nan")
    poisoned = attend(q, scene.k_cache, scene.v_cache, plan)
    assert torch.equal(poisoned[:2], healthy[:2])
    assert poisoned[2:].isnan().all()


def test_no_rows_and_strided_queries():
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69), (0, 5)])
    expected = attend(q, scene.k_cache, scene.v_cache, plan)
    last_strided = q.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(attend(last_strided, scene.k_cache, scene.v_cache, plan), expected)
    none = torch.zeros(0, dtype=torch.int64)
    empty = AttentionPlan(none, none, none, none.reshape(0, 0), none, none.reshape(0, 0))
    assert attend(q[:0], scene.k_cache, scene.v_cache, empty).shape == (0, 4, 64)


def test_a_key_bias_that_ends_too_soon_is_refused():
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69)])
    with pytest.raises(ValueError, match="key_bias has 69"):
        attend(q, scene.k_cache, scene.v_cache, plan, key_bias=torch.zeros(4, 69))
