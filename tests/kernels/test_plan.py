"""The plan's own arithmetic and its integrity check."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from flexserve_kernels import AttentionPlan
from flexserve_kernels.checks import AttentionScene


def small_plan() -> AttentionPlan:
    """A chain of two rows (sequence 0, all trunk) and a tree of two siblings behind three tokens (sequence 1)."""
    return AttentionPlan(
        slots=torch.tensor([4, 5, 8, 9]),
        positions=torch.tensor([1, 2, 3, 3]),
        group=torch.tensor([0, 0, 1, 1]),
        trunk_slots=torch.tensor([[3, 4, 5], [0, 1, 2]]),
        trunk_length=torch.tensor([3, 3]),
        tail_slots=torch.tensor([[99], [99], [8], [9]]),
    )


def test_logical_slots_follow_trunk_then_tail():
    plan = small_plan()
    assert plan.logical_slots().tolist() == [[3, 4, 0, 0], [3, 4, 5, 0], [0, 1, 2, 8], [0, 1, 2, 9]]
    assert plan.logical_slots() is plan.logical_slots()


def test_a_sound_plan_passes():
    small_plan().check_integrity(num_slots=10)
    scene = AttentionScene.random([5, 80])
    for _, _, _, plan in scene.packings([(0, 0), (0, 4), (1, 79), (1, 30)]):
        plan.check_integrity(scene.k_cache.shape[0])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("positions", [1, 2, 4, 3], "longer than its trunk and tail"),
        ("positions", [-1, 2, 3, 3], "position is negative"),
        ("positions", [0, 2, 3, 3], "own slot is not the last"),
        ("group", [0, 0, 1, 2], "group out of range"),
        ("trunk_length", [3, 4], "trunk_length exceeds"),
        ("slots", [4, 5, 8, 7], "own slot is not the last"),
        ("tail_slots", [[99], [99], [8], [8]], "own slot is not the last"),
        ("trunk_slots", [[3, 4, 5], [0, 1, 10]], "outside the cache"),
        ("trunk_slots", [[-3, 4, 5], [0, 1, 2]], "outside the cache"),
    ],
)
def test_contradictions_are_named(field, value, message):
    with pytest.raises(AssertionError, match=message):
        replace(small_plan(), **{field: torch.tensor(value)}).check_integrity(num_slots=10)


def test_two_rows_on_one_slot_are_named():
    plan = replace(
        small_plan(), slots=torch.tensor([4, 5, 8, 8]), tail_slots=torch.tensor([[0], [0], [8], [8]])
    )
    with pytest.raises(AssertionError, match="two rows write the same slot"):
        plan.check_integrity()


def test_a_wrong_dtype_is_named():
    with pytest.raises(AssertionError, match=r"group is torch\.int32"):
        replace(small_plan(), group=torch.tensor([0, 0, 1, 1], dtype=torch.int32)).check_integrity()
