"""Checks of the law itself, for tests and for the proof an engine runs when it loads a model.

`unequal_rows` is for functions of single rows (linear layers, activations, norms); `AttentionScene` invents
ragged sequences once and offers them packed in many ways that must all give the same bits. Random data only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from flexserve_kernels.cache import pack_cache_rows
from flexserve_kernels.plan import AttentionPlan

Row = tuple[int, int]  # (sequence, position)
Attention = Callable[[Tensor, Tensor, Tensor, AttentionPlan], Tensor]  # q, k_cache, v_cache, plan -> out
Packing = tuple[str, list[int], Tensor, AttentionPlan]  # name, which rows, q [T, Hq, D], plan
ROW_COUNTS = (1, 2, 3, 5, 8, 13, 16, 17, 31, 32, 33, 47, 64, 65)


def unequal_rows(
    function: Callable[[Tensor], Tensor], x: Tensor, row_counts: Sequence[int] = ROW_COUNTS
) -> int:
    """How many rows of x [T, K] change a bit with their company: 0 means row-invariant as far as tried.

    Every row alone is the standard; then the first and the last n rows for n in row_counts, and all reversed.
    """
    num_rows = x.shape[0]
    alone = torch.cat([function(x[i : i + 1]) for i in range(num_rows)])
    unequal = torch.zeros(num_rows, dtype=torch.bool, device=x.device)
    for count in (*(n for n in row_counts if n < num_rows), num_rows):
        unequal[:count] |= _differ(function(x[:count]), alone[:count])
        unequal[num_rows - count :] |= _differ(function(x[num_rows - count :]), alone[num_rows - count :])
    unequal |= _differ(function(x.flip(0)).flip(0), alone)
    return int(unequal.sum())


def revealing_linear(
    in_features: int, out_features: int, num_rows: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """(weight [N, K], rows [T, K]) whose products almost cancel, so that another order of the sum shows.

    With ordinary numbers a bf16 result hides nearly every difference in the fp32 sum behind it: a change of kernel
    at one row went unnoticed in 43,000 random rows and showed in a third of these.
    """
    generator = torch.Generator().manual_seed(0)
    half = max(1, in_features // 2)
    weight = torch.randn(min(out_features, 64), in_features, generator=generator)
    weight[:, half : 2 * half] = weight[:, :half][:, : in_features - half]
    rows = torch.randn(num_rows, in_features, generator=generator)
    rows *= torch.exp2(torch.randint(-8, 9, rows.shape, generator=generator).float())
    noise = 1 + 0.01 * torch.randn(num_rows, half, generator=generator)
    rows[:, half : 2 * half] = -(rows[:, :half] * noise)[:, : in_features - half]
    copies = -(-out_features // weight.shape[0])
    return weight.to(dtype).repeat(copies, 1)[:out_features].contiguous(), rows.to(dtype)


def _differ(a: Tensor, b: Tensor) -> Tensor:
    """[T] bool; NaN equals NaN."""
    return ((a != b) & ~(a.isnan() & b.isnan())).flatten(1).any(1)


@dataclass(frozen=True, slots=True)
class AttentionScene:
    """Sequences with known q, k, v per logical position, and caches whose slots are dealt out at random.

    Slots that belong to no sequence hold NaN, so that reading one shows.
    """

    q: tuple[Tensor, ...]  # per sequence [length, Hq, D]
    slots: tuple[Tensor, ...]  # per sequence [length] int64
    k_cache: Tensor  # [S, Hkv, D]
    v_cache: Tensor  # [S, Hkv, Dv]

    @classmethod
    def random(
        cls,
        lengths: Sequence[int],
        *,
        heads: tuple[int, int] = (4, 2),
        dims: tuple[int, int] = (64, 64),
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> AttentionScene:
        """lengths: tokens per sequence; heads (Hq, Hkv); dims (D, Dv)."""
        generator = torch.Generator().manual_seed(seed)
        total = sum(lengths)
        num_slots = 2 * total + 7
        k_cache = torch.full((num_slots, heads[1], dims[0]), float("nan"), dtype=dtype)
        v_cache = torch.full((num_slots, heads[1], dims[1]), float("nan"), dtype=dtype)
        slots = torch.randperm(num_slots, generator=generator)[:total].split(list(lengths))
        q = []
        for own in slots:
            n = own.numel()
            q.append(torch.randn(n, heads[0], dims[0], generator=generator).to(dtype))
            k_cache[own] = torch.randn(n, heads[1], dims[0], generator=generator).to(dtype)
            v_cache[own] = torch.randn(n, heads[1], dims[1], generator=generator).to(dtype)
        return cls(tuple(q), slots, k_cache, v_cache)

    def pack(self, rows: Sequence[Row], tail: int | Sequence[int] = 0) -> tuple[Tensor, AttentionPlan]:
        """(q, plan) of the rows (sequence, position), in the order given.

        tail: how many of the last positions of a row's history are given as its own tail (a tree node)
        instead of the trunk; per row, or one number for all. Rows of a sequence with different trunks become
        groups of their own.
        """
        tails = [tail] * len(rows) if isinstance(tail, int) else list(tail)
        groups: dict[tuple[int, int | None], int] = {}
        keys = [(s, p + 1 - min(t, p + 1) if t else None) for (s, p), t in zip(rows, tails, strict=True)]
        group = [groups.setdefault(key, len(groups)) for key in keys]
        trunks = [self.slots[s][: length if length is not None else None] for s, length in groups]
        own_tails = [
            self.slots[s][length : p + 1] if length is not None else self.slots[s][:0]
            for (s, p), (_, length) in zip(rows, keys, strict=True)
        ]
        plan = AttentionPlan(
            slots=torch.stack([self.slots[s][p] for s, p in rows]),
            positions=torch.tensor([p for _, p in rows]),
            group=torch.tensor(group),
            trunk_slots=_ragged(trunks),
            trunk_length=torch.tensor([trunk.numel() for trunk in trunks]),
            tail_slots=_ragged(own_tails),
        )
        return torch.stack([self.q[s][p] for s, p in rows]), plan

    def in_int8(self) -> AttentionScene:
        """The same with rows of the int8 cache."""
        return replace(self, k_cache=pack_cache_rows(self.k_cache), v_cache=pack_cache_rows(self.v_cache))

    def all_rows(self) -> list[Row]:
        """Every (sequence, position), sequence by sequence."""
        return [(s, p) for s, own in enumerate(self.slots) for p in range(own.numel())]

    def packings(self, rows: Sequence[Row]) -> Iterator[Packing]:
        """Ways to compute the same rows that must agree bitwise."""
        n = len(rows)
        everyone = list(range(n))
        yield "together", everyone, *self.pack(rows)
        yield "reversed", everyone[::-1], *self.pack(rows[::-1])
        order = torch.randperm(n, generator=torch.Generator().manual_seed(1)).tolist()
        yield "permuted", order, *self.pack([rows[i] for i in order])
        yield "as tree nodes of depth 5", everyone, *self.pack(rows, tail=5)
        yield "as trees of many depths", everyone, *self.pack(rows, tail=[i % 7 for i in everyone])
        yield "without any trunk", everyone, *self.pack(rows, tail=1 << 30)
        for size in (3, 33):
            for start in range(0, n, size):
                part = everyone[start : start + size]
                yield f"chunks of {size}", part, *self.pack([rows[i] for i in part])

    def moved(self, seed: int = 1) -> AttentionScene:
        """The same contents in other slots."""
        order = torch.randperm(self.k_cache.shape[0], generator=torch.Generator().manual_seed(seed))
        k_cache, v_cache = torch.empty_like(self.k_cache), torch.empty_like(self.v_cache)
        k_cache[order], v_cache[order] = self.k_cache, self.v_cache
        return AttentionScene(self.q, tuple(order[own] for own in self.slots), k_cache, v_cache)

    def disagreements(self, attention: Attention, rows: Sequence[Row]) -> list[str]:
        """Names of the packings under which some row differs from that row alone; the law asks for []."""
        alone = torch.cat([self.attend(attention, *self.pack([row])) for row in rows])
        found = [
            name
            for name, which, q, plan in self.packings(rows)
            if _differ(self.attend(attention, q, plan), alone[which]).any()
        ]
        moved = self.moved()
        if _differ(moved.attend(attention, *moved.pack(rows, tail=3)), alone).any():
            found.append("in other slots")
        return found

    def attend(self, attention: Attention, q: Tensor, plan: AttentionPlan) -> Tensor:
        """attention(q, caches, plan)."""
        return attention(q, self.k_cache, self.v_cache, plan)


def _ragged(parts: Sequence[Tensor]) -> Tensor:
    """[n, longest] int64; what lies behind a part's end is a wild number that nobody may follow."""
    longest = max((part.numel() for part in parts), default=0)
    out = torch.full((len(parts), longest), 1 << 40)
    for row, part in zip(out, parts, strict=True):
        row[: part.numel()] = part
    return out
