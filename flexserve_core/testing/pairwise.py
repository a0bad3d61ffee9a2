"""All-pairs selection: few combinations in which every two values of different axes meet at least once.

Greedy and deterministic: each row is the best of several that grow value by value, each value taking the most pairs
that no row has had yet. Knows nothing of what is combined.

Source: AETG (Cohen, Dalal, Fredman, Patton, IEEE Transactions on Software Engineering 23(7), 1997).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

_TRIES = 20  # rows grown for each one that is taken

Pair = tuple[int, int, int, int]  # axis, value, later axis, its value; values by index


def pairwise(axes: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows with one value per axis; every pair of values of two axes is in some row. Always the same."""
    sizes = [len(axis) for axis in axes]
    open_pairs = _all_pairs(sizes)
    dice, rows = random.Random(0), []
    while open_pairs:
        row = max((_grow(sizes, open_pairs, dice) for _ in range(_TRIES)), key=lambda r: _gain(r, open_pairs))
        open_pairs -= _pairs_of(row)
        rows.append(tuple(axis[value] for axis, value in zip(axes, row, strict=True)))
    return rows


def _all_pairs(sizes: Sequence[int]) -> set[Pair]:
    return {
        (a, i, b, j)
        for a, b in combinations(range(len(sizes)), 2)
        for i, j in product(range(sizes[a]), range(sizes[b]))
    }


def _grow(sizes: Sequence[int], open_pairs: set[Pair], dice: random.Random) -> list[int]:
    """A row begun with a pair that is still open, the other axes in random order."""
    a, i, b, j = dice.choice(sorted(open_pairs))
    chosen = {a: i, b: j}
    others = [axis for axis in range(len(sizes)) if axis not in chosen]
    dice.shuffle(others)
    for axis in others:
        values = list(range(sizes[axis]))
        dice.shuffle(values)
        chosen[axis] = max(
            values, key=lambda v: sum(_pair(axis, v, *known) in open_pairs for known in chosen.items())
        )
    return [chosen[axis] for axis in range(len(sizes))]


def _pair(a: int, i: int, b: int, j: int) -> Pair:
    return (a, i, b, j) if a < b else (b, j, a, i)


def _pairs_of(row: Sequence[int]) -> set[Pair]:
    return {(a, row[a], b, row[b]) for a, b in combinations(range(len(row)), 2)}


def _gain(row: Sequence[int], open_pairs: set[Pair]) -> int:
    return len(_pairs_of(row) & open_pairs)
