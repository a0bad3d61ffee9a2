"""Attention against a dense float64 softmax, and the law: a row's bits are its own."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import flexserve_kernels
import pytest
import torch
from flexserve_kernels import AttentionPlan
from flexserve_kernels.checks import AttentionScene
from flexserve_kernels.cpu.attention import NativeAttention
from flexserve_kernels.native import load_from

from .scenes import BOTH, LENGTHS, OPTIONS, ROUGH_BIAS, ROWS, SHAPES

TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 2e-2, torch.float16: 2e-3}


def dense(scene, row, *, scale, softcap=None, window=None, sinks=None, alibi_slopes=None, key_bias=None):
    """Row (sequence, position) by the textbook, in float64."""
    s, p = row
    first = 0 if window is None else max(0, p + 1 - window)
    slots = scene.slots[s][first : p + 1]
    q = scene.q[s][p].double()
    repeat = q.shape[0] // scene.k_cache.shape[1]
    k = scene.k_cache[slots].double().repeat_interleave(repeat, 1)
    v = scene.v_cache[slots].double().repeat_interleave(repeat, 1)
    logits = torch.einsum("hd,jhd->hj", q, k) * scale
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    if alibi_slopes is not None:
        logits = logits + alibi_slopes.double()[:, None] * (torch.arange(first, p + 1) - p)
    if key_bias is not None:
        logits = logits + key_bias.double()[:, first : p + 1]
    if sinks is not None:
        logits = torch.cat([logits, sinks.double()[:, None]], 1)
    weights = logits.softmax(1)[:, : slots.numel()]
    return torch.einsum("hj,jhd->hd", weights, v)


def check(scene, rows, attention, tail=0, **options):
    scale = 1 / math.sqrt(scene.k_cache.shape[2])
    q, plan = scene.pack(rows, tail)
    plan.check_integrity(scene.k_cache.shape[0])
    out = attention(q, scene.k_cache, scene.v_cache, plan, scale=scale, **options)
    assert out.dtype == q.dtype
    assert out.shape == (len(rows), q.shape[1], scene.v_cache.shape[2])
    expected = torch.stack([dense(scene, row, scale=scale, **options) for row in rows])
    # a logit near 100, where the rough bias ends, is itself exact to 8e-6 only
    atol = TOLERANCE[q.dtype] + (2e-5 if options.get("key_bias") is ROUGH_BIAS else 0)
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=atol)
    return out


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_agrees_with_dense_softmax(attention, shape, dtype):
    heads, dims = SHAPES[shape]
    scene = AttentionScene.random(LENGTHS, heads=heads, dims=dims, dtype=dtype)
    check(scene, ROWS[:16], attention, tail=[i % 4 for i in range(16)])


@BOTH
@pytest.mark.parametrize("options", OPTIONS)
def test_options_agree_with_dense_softmax(attention, options, dtype):
    check(AttentionScene.random(LENGTHS, dtype=dtype), ROWS, attention, tail=3, **OPTIONS[options])


def test_a_key_bias_belongs_to_logical_positions(attention):
    """Neither a neighbour's entry nor none gives the same: the comparison above can fail."""
    scene = AttentionScene.random(LENGTHS)
    run = partial(attention, scale=0.125)
    q, plan = scene.pack([(3, 64), (5, 199)], tail=2)
    right = scene.attend(partial(run, key_bias=ROUGH_BIAS), q, plan)
    shifted = scene.attend(partial(run, key_bias=ROUGH_BIAS.roll(1, 1)), q, plan)
    assert (right - shifted)[:, :3].abs().amax(-1).min() > 1e-2
    assert torch.equal(right[:, 3], scene.attend(run, q, plan)[:, 3])  # that head's bias is zero


def test_a_key_bias_of_slopes_equals_alibi(attention):
    """Softmax does not see a shift, so slope * j and slope * (j - position) are one function."""
    scene = AttentionScene.random(LENGTHS)
    run, slopes = partial(attention, scale=0.125), torch.tensor([0.5, 0.25, 0.125, 0.0625])
    q, plan = scene.pack(ROWS, tail=3)
    table = slopes[:, None] * torch.arange(200)
    expected = scene.attend(partial(run, alibi_slopes=slopes), q, plan)
    torch.testing.assert_close(
        scene.attend(partial(run, key_bias=table), q, plan), expected, rtol=0, atol=3e-5
    )


def test_a_key_bias_that_ends_too_soon_or_fits_no_heads_is_refused(attention, native):
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69), (0, 3)])
    with pytest.raises(ValueError, match="key_bias"):
        attention(q, scene.k_cache, scene.v_cache, plan, scale=1.0, key_bias=torch.zeros(4, 69))
    with pytest.raises(ValueError, match="4 query heads"):
        native(q, scene.k_cache, scene.v_cache, plan, scale=1.0, key_bias=torch.zeros(3, 70))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_bits_do_not_depend_on_company(attention, threads, dtype):
    scene = AttentionScene.random(LENGTHS, dtype=dtype)
    assert scene.disagreements(partial(attention, scale=0.125), ROWS) == []


@BOTH
@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "gqa"])
def test_bits_do_not_depend_on_company_whatever_the_shape(attention, shape, dtype):
    heads, dims = SHAPES[shape]
    scene = AttentionScene.random(LENGTHS, heads=heads, dims=dims, dtype=dtype)
    assert scene.disagreements(partial(attention, scale=0.125), ROWS[:20]) == []


@BOTH
@pytest.mark.parametrize("options", [name for name in OPTIONS if name != "plain"])
def test_bits_do_not_depend_on_company_whatever_the_options(attention, options, dtype):
    scene = AttentionScene.random(LENGTHS, dtype=dtype)
    assert scene.disagreements(partial(attention, scale=0.125, **OPTIONS[options]), ROWS[::2]) == []


def test_bits_do_not_depend_on_the_thread_count(attention, keep_threads):
    scene = AttentionScene.random([300] * 17, heads=(8, 2), dtype=torch.bfloat16)
    q, plan = scene.pack([(s, 299 - s) for s in range(17)] + [(0, p) for p in range(240, 280)])
    results = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        results.append(scene.attend(partial(attention, scale=0.125), q, plan))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@BOTH
def test_a_branching_tree_gives_each_path_the_bits_of_its_chain(attention, dtype):
    """Siblings share positions; each leaf must equal the same history laid out as a chain."""
    scene = AttentionScene.random([90, 90], dtype=dtype)
    prompt, paths = 70, [(0, 4), (1, 3), (0, 2)]  # (whose tokens, depth) of three branches behind one prompt
    own, other = scene.slots
    k_cache, v_cache = scene.k_cache, scene.v_cache
    k_cache[other[:prompt]], v_cache[other[:prompt]] = k_cache[own[:prompt]], v_cache[own[:prompt]]
    tails = torch.full((3, 4), 1 << 40)
    for row, (s, depth) in enumerate(paths):
        tails[row, :depth] = scene.slots[s][prompt : prompt + depth]
    positions = torch.tensor([prompt + depth - 1 for _, depth in paths])
    plan = AttentionPlan(
        slots=torch.stack([tails[row, depth - 1] for row, (_, depth) in enumerate(paths)]),
        positions=positions,
        group=torch.zeros(3, dtype=torch.int64),
        trunk_slots=own[None, :prompt],
        trunk_length=torch.tensor([prompt]),
        tail_slots=tails,
    )
    plan.check_integrity(k_cache.shape[0])
    q = torch.stack([scene.q[s][p] for (s, _), p in zip(paths, positions.tolist(), strict=True)])
    run = partial(attention, scale=0.125)
    tree = scene.attend(run, q, plan)
    for row, (s, depth) in enumerate(paths):
        alone = scene.attend(run, *scene.pack([(s, prompt + depth - 1)]))
        assert torch.equal(tree[row], alone[0])


@BOTH
def test_a_strangers_nan_stays_with_the_stranger(attention, dtype):
    scene = AttentionScene.random([80, 80], dtype=dtype)
    run = partial(attention, scale=0.125)
    rows = [(0, p) for p in range(60, 75)] + [(1, p) for p in range(60, 75)]
    q, plan = scene.pack(rows, tail=[i % 3 for i in range(30)])
    healthy = scene.attend(run, q, plan)
    scene.k_cache[scene.slots[1]] = float("nan")
    scene.v_cache[scene.slots[1]] = float("nan")
    later = scene.slots[0][70]  # seen by the rows at 70 and behind, unseen by those before
    scene.k_cache[later] = scene.v_cache[later] = float("nan")
    q[29] = float("nan")
    poisoned = scene.attend(run, q, plan)
    assert torch.equal(poisoned[:10], healthy[:10])
    assert poisoned[10:].isnan().all()


@BOTH
def test_an_infinite_value_reaches_those_who_see_it_and_its_columns_only(attention, dtype):
    scene = AttentionScene.random([80], dtype=dtype)
    run, rows = partial(attention, scale=0.125), [(0, p) for p in range(20, 80, 3)]
    q, plan = scene.pack(rows, tail=[i % 3 for i in range(len(rows))])
    healthy = scene.attend(run, q, plan)
    scene.v_cache[scene.slots[0][50], 0, 5] = float("inf")
    out = scene.attend(run, q, plan)
    sees = torch.tensor([p >= 50 for _, p in rows])
    assert torch.equal(out[~sees], healthy[~sees])
    assert (out[sees][:, :2, 5] == float("inf")).all()
    out[sees, :2, 5] = healthy[sees, :2, 5] = 0
    torch.testing.assert_close(out, healthy, rtol=0, atol=TOLERANCE[dtype])


def test_no_rows(attention):
    scene = AttentionScene.random([3])
    none = torch.zeros(0, dtype=torch.int64)
    plan = AttentionPlan(none, none, none, none.reshape(0, 0), none, none.reshape(0, 0))
    out = attention(scene.q[0][:0], scene.k_cache, scene.v_cache, plan, scale=1.0)
    assert out.shape == (0, 4, 64)


@BOTH
def test_where_the_slots_lie_changes_nothing(attention, dtype):
    """Keys that lie side by side may be read where they are, others are gathered."""
    scene = AttentionScene.random([150], dtype=dtype)
    rows = [(0, 149), (0, 70), (0, 3)]
    q, plan = scene.pack(rows, tail=2)
    run = partial(attention, scale=0.125)
    scattered = run(q, scene.k_cache, scene.v_cache, plan)
    own = scene.slots[0]
    k_cache, v_cache = scene.k_cache[own], scene.v_cache[own]
    where = torch.full((scene.k_cache.shape[0],), 0)
    where[own] = torch.arange(150)
    parts = (plan.slots, plan.positions, plan.group, plan.trunk_slots, plan.trunk_length, plan.tail_slots)
    moved = [
        where[part.clamp(max=len(where) - 1)] if i in (0, 3, 5) else part for i, part in enumerate(parts)
    ]
    assert torch.equal(run(q, k_cache, v_cache, AttentionPlan(*moved)), scattered)


@BOTH
def test_strided_inputs(attention, dtype):
    """Queries and caches may be views of larger tensors, as long as the last dimension is dense or copied."""
    scene = AttentionScene.random([70, 9], dtype=dtype)
    q, plan = scene.pack([(0, 69), (0, 5), (1, 8)])
    run = partial(attention, scale=0.125)
    expected = scene.attend(run, q, plan)
    wide = torch.stack([q, q], 1)[:, 1]
    heads_first = q.transpose(0, 1).contiguous().transpose(0, 1)
    last_strided = q.transpose(1, 2).contiguous().transpose(1, 2)
    both = torch.stack([scene.k_cache, scene.v_cache])
    for view in (wide, heads_first, last_strided):
        assert torch.equal(run(view, both[0], both[1], plan), expected)


@pytest.mark.parametrize("native", ["avx2"], indirect=True)
def test_instruction_sets_with_fused_multiply_add_agree_bitwise(native):
    """The same sums in the same order, however wide the vectors."""
    scene = AttentionScene.random(LENGTHS, dtype=torch.bfloat16)
    q, plan = scene.pack(ROWS, tail=4)
    run = partial(native, scale=0.125, softcap=9.0)
    wider = load_from(Path(flexserve_kernels.__file__).parent, ("avx512",)).library
    if wider is None or torch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("this processor has one such instruction set only")
    expected = scene.attend(partial(NativeAttention(wider), scale=0.125, softcap=9.0), q, plan)
    assert torch.equal(scene.attend(run, q, plan), expected)


@pytest.mark.parametrize("field", ["tail_slots", "trunk_slots", "group", "positions", "trunk_length"])
def test_a_plan_that_leads_astray_is_refused(native, field):
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69), (0, 40)], tail=2)
    getattr(plan, field).fill_(1 << 30)
    with pytest.raises(ValueError, match="plan leads outside the cache"):
        native(q, scene.k_cache, scene.v_cache, plan, scale=1.0)


def test_tensors_that_do_not_fit_are_refused(native):
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69)])
    with pytest.raises(ValueError, match=r"q \(1, 4, 64\) torch.bfloat16"):
        native(q.bfloat16(), scene.k_cache, scene.v_cache, plan, scale=1.0)
    with pytest.raises(ValueError, match="Hq a multiple of Hkv"):
        native(q[:, :3], scene.k_cache, scene.v_cache, plan, scale=1.0)
    with pytest.raises(ValueError, match="one value per query head"):
        native(q, scene.k_cache, scene.v_cache, plan, scale=1.0, sinks=torch.zeros(2))
    with pytest.raises(ValueError, match="shapes of the attention plan"):
        native(q[:0], scene.k_cache, scene.v_cache, scene.pack([(0, 69)])[1], scale=1.0)
