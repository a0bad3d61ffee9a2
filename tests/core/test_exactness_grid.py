"""The grid of exactness, pairwise: every two of its values meet in some cell, and in no cell does a token differ."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import pytest

from flexserve_core.kv.store import KVStore
from flexserve_core.testing import AXES, Cell, Grid, pairwise

CELLS = [Cell(*row) for row in pairwise(AXES)]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return Grid(tmp_path_factory.mktemp("grid"), max_new_tokens=20)


def test_every_pair_of_values_meets():
    rows = pairwise(AXES)
    for a, b in combinations(range(len(AXES)), 2):
        assert {(row[a], row[b]) for row in rows} == set(product(AXES[a], AXES[b]))
    assert len(rows) == len(set(rows)) < 70
    assert rows == pairwise(AXES)


@pytest.mark.parametrize("model", AXES[0])
def test_speculation_changes_no_token(grid, model):
    if grid.folders(model) is None:
        pytest.skip(f"{model} is not here")
    depths, branches = Counter(), Counter()
    for cell in (cell for cell in CELLS if cell.model == model):
        report = grid.run(cell)
        assert report.mismatches == 0, cell
        assert report.tokens > 100, cell
        for (depth, branch), count in report.planted.items():
            depths[depth] += count
            branches[branch] += count
    assert {1, 2, 3, 4, 5, 6, 7, 8} <= set(depths), "not every depth was accepted"
    assert {0, 1, 2, 3} <= set(branches), "not every branch position was accepted"


def test_control_a_cell_sees_keys_that_were_not_moved(grid, monkeypatch):
    monkeypatch.setattr(KVStore, "move", lambda self, source, target: None)
    cell = Cell("tiny llama", "float32", "<3,1,1,1>", "merged", "8", "greedy", True)
    assert grid.run(cell).mismatches > 0
