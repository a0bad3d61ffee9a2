"""Packing rows of many sequences into one forward.

A segment is one sequence's share: a chain (prompt chunk, catch-up or decode token), tree nodes, or both. Prefill,
decode and verification differ only in how many rows a segment has. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from flexserve_kernels import AttentionPlan

from flexserve_core.speculation.tree import TokenTree


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one sequence. All arrays int64.

    A row attends logical positions 0 … its own; position j lies in trunk_slots[j] while j < len(trunk_slots), else in
    the row's own tail at j − len(trunk_slots).
    """

    tokens: np.ndarray  # [n]
    positions: np.ndarray  # [n]
    slots: np.ndarray  # [n] where the row's own key and value go
    trunk_slots: np.ndarray  # [L]
    tails: tuple[tuple[int, ...], ...]  # per row; () for a row that lies in the trunk
    wanted: np.ndarray  # row indices whose logits are needed


def chain_segment(tokens: Sequence[int], start: int, slots: np.ndarray, want_last: bool) -> Segment:
    """Rows for `tokens` at positions start, start + 1, …; slots: of logical positions 0 … start + len(tokens) − 1."""
    count = len(tokens)
    return Segment(
        np.asarray(tokens, dtype=np.int64),
        np.arange(start, start + count, dtype=np.int64),
        slots[start : start + count],
        slots[: start + count],
        ((),) * count,
        np.array([count - 1] if want_last else [], dtype=np.int64),
    )


def tree_segment(tokens: Sequence[int], start: int, tree: TokenTree, slots: np.ndarray) -> Segment:
    """A chain whose last token is the tree's root, then the tree's nodes in order.

    Node i's key and value go to slots[start + len(tokens) + i]. Logits are wanted for the root and every node.
    """
    chain, count = len(tokens), len(tree)
    base = start + chain
    if tree.is_chain:
        joined = chain_segment([*tokens, *tree.tokens], start, slots, want_last=True)
        return Segment(
            joined.tokens,
            joined.positions,
            joined.slots,
            joined.trunk_slots,
            joined.tails,
            np.arange(chain - 1, chain + count, dtype=np.int64),
        )
    node_slots = slots[base : base + count]
    tails: list[tuple[int, ...]] = [()] * chain
    for index, parent in enumerate(tree.parents):
        above = tails[chain + parent] if parent >= 0 else ()
        tails.append((*above, int(node_slots[index])))
    depths = np.asarray(tree.depths, dtype=np.int64)
    return Segment(
        np.asarray([*tokens, *tree.tokens], dtype=np.int64),
        np.concatenate([np.arange(start, base, dtype=np.int64), base - 1 + depths]),
        slots[start : base + count],
        slots[:base],
        tuple(tails),
        np.arange(chain - 1, chain + count, dtype=np.int64),
    )


def with_logits_of(segment: Segment, rows: Sequence[int]) -> Segment:
    """The segment with the logits of `rows`, which come before those it wants already, wanted too."""
    return replace(segment, wanted=np.concatenate([np.asarray(rows, dtype=np.int64), segment.wanted]))


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """One forward's input, on the runner's device."""

    token_ids: torch.Tensor  # int64 [1, T]
    position_ids: torch.Tensor  # int64 [1, T]
    plan: AttentionPlan
    logit_rows: torch.Tensor  # int64 [n]

    @property
    def num_rows(self) -> int:
        return self.token_ids.shape[1]


def pack(segments: Sequence[Segment], device: torch.device) -> PackedBatch:
    """Lay the segments' rows side by side; logits come out in the segments' order."""
    sizes = [len(segment.tokens) for segment in segments]
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    positions = np.concatenate([segment.positions for segment in segments])
    plan = AttentionPlan(
        slots=_tensor(np.concatenate([segment.slots for segment in segments]), device),
        positions=_tensor(positions, device),
        group=_tensor(np.repeat(np.arange(len(segments), dtype=np.int64), sizes), device),
        trunk_slots=_tensor(_padded([segment.trunk_slots for segment in segments]), device),
        trunk_length=_tensor(np.array([len(s.trunk_slots) for s in segments], dtype=np.int64), device),
        tail_slots=_tensor(_padded([tail for segment in segments for tail in segment.tails]), device),
    )
    wanted = [segment.wanted + offset for segment, offset in zip(segments, offsets, strict=True)]
    return PackedBatch(
        _tensor(np.concatenate([segment.tokens for segment in segments]), device)[None],
        _tensor(positions, device)[None],
        plan,
        _tensor(np.concatenate(wanted), device),
    )


def _padded(rows: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """int64 [len(rows), longest]; short rows end in slot 0, which a reader masks."""
    longest = max(len(row) for row in rows)
    table = np.zeros((len(rows), longest), dtype=np.int64)
    if longest:
        for index, row in enumerate(rows):
            table[index, : len(row)] = row
    return table


def _tensor(array: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
