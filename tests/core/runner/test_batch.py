"""Packed batches against a brute-force list of every row's keys."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.runner.batch import chain_segment, pack, tree_segment
from flexserve_core.speculation.tree import TreeBuilder


@st.composite
def shares(draw):
    """One sequence's share: (chain tokens, start, tree, slots)."""
    builder = TreeBuilder()
    for _ in range(draw(st.integers(0, 8))):
        builder.add(draw(st.integers(-1, len(builder) - 1)), draw(st.integers(0, 5)), 0.0, "x")
    tokens = draw(st.lists(st.integers(0, 99), min_size=1, max_size=5))
    start = draw(st.integers(0, 6))
    total = start + len(tokens) + len(builder)
    slots = np.array(draw(st.permutations(range(40))), dtype=np.int64)[:total]
    return tokens, start, builder.build(), slots


def brute_force(tokens, start, tree, slots):
    """Per row: (token, own slot, slots of its keys in logical order)."""
    rows = []
    base = start + len(tokens)
    for index, token in enumerate(tokens):
        position = start + index
        rows.append((token, slots[position], list(slots[: position + 1])))
    for node, token in enumerate(tree.tokens):
        keys = [*slots[:base], *(slots[base + above] for above in tree.path(node))]
        rows.append((token, slots[base + node], keys))
    return rows


def keys_of(plan, row):
    group, tail = int(plan.group[row]), int(plan.trunk_length[plan.group[row]])
    return [
        int(plan.trunk_slots[group, j]) if j < tail else int(plan.tail_slots[row, j - tail])
        for j in range(int(plan.positions[row]) + 1)
    ]


@given(st.lists(shares(), min_size=1, max_size=4))
def test_every_row_sees_its_own_history(parts):
    segments, expected, wanted = [], [], []
    for tokens, start, tree, slots in parts:
        segments.append(tree_segment(tokens, start, tree, slots))
        wanted += [len(expected) + len(tokens) - 1 + i for i in range(len(tree) + 1)]
        expected += brute_force(tokens, start, tree, slots)
    batch = pack(segments, torch.device("cpu"))
    assert batch.num_rows == len(expected)
    assert batch.logit_rows.tolist() == wanted
    assert batch.position_ids[0].tolist() == batch.plan.positions.tolist()
    for row, (token, slot, keys) in enumerate(expected):
        assert int(batch.token_ids[0, row]) == token
        assert int(batch.plan.slots[row]) == slot
        assert keys_of(batch.plan, row) == keys


@given(shares(), st.booleans())
def test_chains(part, want_last):
    tokens, start, _, slots = part
    batch = pack([chain_segment(tokens, start, slots, want_last)], torch.device("cpu"))
    assert batch.logit_rows.tolist() == ([len(tokens) - 1] if want_last else [])
    assert [keys_of(batch.plan, row) for row in range(len(tokens))] == [
        slots[: start + row + 1].tolist() for row in range(len(tokens))
    ]
