"""Where the keys of every packed row lie: the one description of a batch that attention needs.

A chain, a prefill chunk and a token tree are the same thing here: each row attends the logical positions
0..position of its own history, and `slot(row, j)` says in which cache slot position j lies. Up to
`trunk_length` the rows of a sequence share their slots, behind it each row brings its own (the path inside
the tree). Knows nothing of blocks, requests or models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """T packed rows of G sequences; int64 tensors, all on the compute device.

    With g = group[row] and n = trunk_length[g]:
    slot(row, j) = trunk_slots[g, j] if j < n else tail_slots[row, j - n].
    Entries that no row's history reaches may hold anything. A plan is read once a layer and never changed:
    kernels keep what they derive from it in `_derived`.
    """

    slots: Tensor  # [T] cache slot this row's own K/V is written to
    positions: Tensor  # [T] logical position of the row; it attends 0..position inclusive
    group: Tensor  # [T] index of the row's sequence
    trunk_slots: Tensor  # [G, L] cache slot of logical position j, valid for j < trunk_length
    trunk_length: Tensor  # [G]
    tail_slots: Tensor  # [T, D] cache slot of logical position trunk_length + i of this row; D may be 0
    _derived: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def logical_slots(self) -> Tensor:
        """[T, max position + 1]: the cache slot of every logical position; 0 where the row sees nothing."""
        cached = self._derived.get("logical_slots")
        if cached is None:
            cached = self._derived["logical_slots"] = self._gather_logical_slots()
        return cached

    def _gather_logical_slots(self) -> Tensor:
        num_rows, device = self.positions.numel(), self.positions.device
        length = int(self.positions.max()) + 1 if num_rows else 0
        j = torch.arange(length, device=device)
        trunk_length = self.trunk_length[self.group].unsqueeze(1)
        # One zero column each keeps the gathers legal when a part is empty.
        zero = self.slots.new_zeros(1)
        trunk = torch.cat([self.trunk_slots, zero.expand(self.trunk_slots.shape[0], 1)], dim=1)
        tail = torch.cat([self.tail_slots, zero.expand(num_rows, 1)], dim=1)
        from_trunk = trunk[self.group][:, j.clamp(max=trunk.shape[1] - 1)]
        from_tail = tail.gather(1, (j - trunk_length).clamp(min=0, max=tail.shape[1] - 1))
        slots = torch.where(j < trunk_length, from_trunk, from_tail)
        return slots.masked_fill(j > self.positions.unsqueeze(1), 0)

    def check_integrity(self, num_slots: int | None = None) -> None:
        """Raise AssertionError where the parts contradict each other (FLEXSERVE_CHECK=1 calls it).

        num_slots: S of the caches, where known.
        """
        num_rows, num_groups = self.slots.numel(), self.trunk_length.numel()
        for name in ("slots", "positions", "group", "trunk_slots", "trunk_length", "tail_slots"):
            tensor: Tensor = getattr(self, name)
            assert tensor.dtype == torch.int64, f"{name} is {tensor.dtype}, not int64"
            assert tensor.device == self.slots.device, f"{name} is on {tensor.device}"
        assert self.slots.shape == self.positions.shape == self.group.shape == (num_rows,), "rows disagree"
        assert self.trunk_slots.shape[:-1] == (num_groups,), "trunk_slots is not [G, L]"
        assert self.tail_slots.shape[:-1] == (num_rows,), "tail_slots is not [T, D]"
        if num_rows:
            self._check_values(num_groups, num_slots)

    def _check_values(self, num_groups: int, num_slots: int | None) -> None:
        assert _within(self.group, num_groups), "group out of range"
        assert _within(self.trunk_length, self.trunk_slots.shape[1] + 1), "trunk_length exceeds trunk_slots"
        assert int(self.positions.min()) >= 0, "a position is negative"
        reach = self.trunk_length[self.group] + self.tail_slots.shape[1]
        assert bool((self.positions < reach).all()), "a row's history is longer than its trunk and tail"
        history = self.logical_slots()
        own = history.gather(1, self.positions.unsqueeze(1)).squeeze(1)
        assert torch.equal(own, self.slots), "a row's own slot is not the last of its history"
        assert self.slots.unique().numel() == self.slots.numel(), "two rows write the same slot"
        assert _within(history, num_slots if num_slots is not None else 1 << 62), (
            "a slot lies outside the cache"
        )


def _within(x: Tensor, end: int) -> bool:
    return int(x.min()) >= 0 and int(x.max()) < end
