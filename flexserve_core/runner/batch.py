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
    """Rows of one sequence. They are mostly few, and many short lists are quicker to join than many short arrays.

    A row attends logical positions 0 … its own; position j lies in trunk_slots[j] while j < len(trunk_slots), else in
    the row's own tail at j − len(trunk_slots).
    """

    tokens: Sequence[int]
    positions: Sequence[int]
    slots: np.ndarray  # int64 [n] where the row's own key and value go
    trunk_slots: np.ndarray  # int64 [L]
    tails: Sequence[tuple[int, ...]]  # per row, () for a row that lies in the trunk; empty: all rows do
    wanted: Sequence[int]  # row indices whose logits are needed, ascending


def chain_segment(tokens: Sequence[int], start: int, slots: np.ndarray, want_last: bool) -> Segment:
    """Rows for `tokens` at positions start, start + 1, …; slots: of logical positions 0 … start + len(tokens) − 1."""
    end = start + len(tokens)
    last = (len(tokens) - 1,) if want_last else ()
    return Segment(tokens, range(start, end), slots[start:end], slots[:end], (), last)


def tree_segment(tokens: Sequence[int], start: int, tree: TokenTree, slots: np.ndarray) -> Segment:
    """A chain whose last token is the tree's root, then the tree's nodes in order.

    Node i's key and value go to slots[start + len(tokens) + i]. Logits are wanted for the root and every node.
    """
    chain, end = len(tokens), start + len(tokens) + len(tree)
    joined, wanted = [*tokens, *tree.tokens], range(chain - 1, chain + len(tree))
    if tree.is_chain:
        return Segment(joined, range(start, end), slots[start:end], slots[:end], (), wanted)
    base = start + chain
    tails: list[tuple[int, ...]] = [()] * chain
    for parent, slot in zip(tree.parents, slots[base:end].tolist(), strict=True):
        above = tails[chain + parent] if parent >= 0 else ()
        tails.append((*above, slot))
    positions = [*range(start, base), *(base - 1 + depth for depth in tree.depths)]
    return Segment(joined, positions, slots[start:end], slots[:base], tails, wanted)


def with_logits_of(segment: Segment, rows: Sequence[int]) -> Segment:
    """The segment with the logits of `rows`, which come before those it wants already, wanted too."""
    return replace(segment, wanted=[*rows, *segment.wanted])


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
    tokens: list[int] = []
    positions: list[int] = []
    groups: list[int] = []
    wanted: list[int] = []
    tails: list[tuple[int, ...]] = []
    for group, segment in enumerate(segments):
        first, count = len(tokens), len(segment.tokens)
        tokens += segment.tokens
        positions += segment.positions
        groups += [group] * count
        wanted += [first + row for row in segment.wanted]
        tails += segment.tails or [()] * count
    trunks = [segment.trunk_slots for segment in segments]
    placed = _tensor(positions, device)
    plan = AttentionPlan(
        slots=_tensor(np.concatenate([segment.slots for segment in segments]), device),
        positions=placed,
        group=_tensor(groups, device),
        trunk_slots=_tensor(_padded(trunks), device),
        trunk_length=_tensor([len(trunk) for trunk in trunks], device),
        tail_slots=_tensor(_padded(tails), device),
    )
    return PackedBatch(_tensor(tokens, device)[None], placed[None], plan, _tensor(wanted, device))


def _padded(rows: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """int64 [len(rows), longest]; short rows end in slot 0, which a reader masks."""
    table = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    if table.shape[1]:
        for index, row in enumerate(rows):
            if len(row):
                table[index, : len(row)] = row
    return table


def _tensor(values: Sequence[int] | np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.int64)).to(device)
