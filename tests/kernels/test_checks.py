"""The checks themselves: implementations that break the law must be caught."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from flexserve_kernels import AttentionPlan
from flexserve_kernels.checks import AttentionScene, unequal_rows
from torch import Tensor

ROWS = [(0, 79), (1, 64), (1, 20), (2, 99)]


def padded_softmax(q: Tensor, k_cache: Tensor, v_cache: Tensor, slots: Tensor, positions: Tensor) -> Tensor:
    """Plain attention over slots [T, L]; keys behind a row's position are masked."""
    k, v = (cache.nan_to_num()[slots].repeat_interleave(2, 2) for cache in (k_cache, v_cache))
    logits = torch.einsum("thd,tjhd->thj", q, k)
    unseen = torch.arange(slots.shape[1]) > positions[:, None]
    weights = logits.masked_fill(unseen[:, None, :], float("-inf")).softmax(-1)
    return torch.einsum("thj,tjhd->thd", weights, v)


def in_slot_order(q: Tensor, k_cache: Tensor, v_cache: Tensor, plan: AttentionPlan) -> Tensor:
    """Right up to rounding, but sums in the order of the cache instead of the logical one."""
    slots = plan.logical_slots()
    unseen = torch.arange(slots.shape[1]) > plan.positions[:, None]
    slots = slots.masked_fill(unseen, k_cache.shape[0]).sort(1).values
    return padded_softmax(q, k_cache, v_cache, slots.clamp(max=k_cache.shape[0] - 1), plan.positions)


def tail_first(q: Tensor, k_cache: Tensor, v_cache: Tensor, plan: AttentionPlan) -> Tensor:
    """Right up to rounding, but a row's own tail is summed before the trunk."""
    slots = plan.logical_slots().clone()
    for row, (group, position) in enumerate(zip(plan.group.tolist(), plan.positions.tolist(), strict=True)):
        cut = min(int(plan.trunk_length[group]), position + 1)
        slots[row, : position + 1] = torch.cat([slots[row, cut : position + 1], slots[row, :cut]])
    return padded_softmax(q, k_cache, v_cache, slots, plan.positions)


def test_slot_order_is_caught():
    assert "in other slots" in AttentionScene.random([80, 80, 100]).disagreements(in_slot_order, ROWS)


def test_trunk_and_tail_out_of_order_is_caught():
    found = AttentionScene.random([80, 80, 100]).disagreements(tail_first, ROWS)
    assert "as tree nodes of depth 5" in found


def test_a_result_that_depends_on_the_batch_is_caught():
    def leaking(q: Tensor, k_cache: Tensor, v_cache: Tensor, plan: AttentionPlan) -> Tensor:
        return q * (1 + torch.finfo(q.dtype).eps * (len(q) > 1))

    found = AttentionScene.random([80, 80, 100]).disagreements(leaking, ROWS)
    assert {"together", "reversed", "permuted", "chunks of 3"} <= set(found)


def test_rows_that_share_a_scale_are_caught():
    def per_batch_scale(x: Tensor) -> Tensor:
        return (x / x.abs().max()).round(decimals=2) * x.abs().max()

    assert unequal_rows(per_batch_scale, torch.randn(20, 16)) > 0


def test_rows_that_do_not_meet_pass():
    assert unequal_rows(lambda x: x * 2, torch.randn(20, 16)) == 0


def test_plain_fp32_matmul_is_caught():
    """The very fault the blocks of fixed shape are there for; every BLAS tried so far has it at one of these."""
    torch.manual_seed(0)
    caught = 0
    for features in (172, 768, 2048):
        weight = torch.randn(256, features)
        caught += unequal_rows(lambda x, weight=weight: F.linear(x, weight), torch.randn(40, features))
    assert caught > 0
