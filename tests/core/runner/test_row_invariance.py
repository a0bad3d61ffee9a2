"""A row's logits are the same bits alone, in a crowd, in chunks of any size, as a node of any tree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flexserve_core.runner.batch import chain_segment, pack, tree_segment
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.tree import TreeBuilder

TOKENS = [(17 * i + 3) % 250 for i in range(45)]


@pytest.fixture(params=["fp32", "bf16", "fp32, int8 cache", "bf16, int8 cache"])
def runner(request, bench, bf16_bench):
    chosen = bench if request.param.startswith("fp32") else bf16_bench
    runner = ModelRunner(chosen.loaded, torch.int8) if "int8" in request.param else chosen.runner
    runner.allocate(64, 16)
    return runner


@pytest.fixture(params=[1, 2, 3], autouse=True)
def _threads(request):
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(1)


def everything_wanted(segment):
    return type(segment)(
        segment.tokens,
        segment.positions,
        segment.slots,
        segment.trunk_slots,
        segment.tails,
        np.arange(len(segment.tokens)),
    )


def forward(runner, *segments):
    return runner.forward(pack([everything_wanted(each) for each in segments], runner.device))


def one_by_one(runner, tokens, slots):
    rows = [
        forward(runner, chain_segment([token], at, slots[: at + 1], True))[0]
        for at, token in enumerate(tokens)
    ]
    return torch.stack(rows)


def test_chunks_crowds_and_trees(runner):
    slots = np.random.default_rng(0).permutation(runner.pool.num_slots).astype(np.int64)
    mine, others = slots[:80], slots[80:]
    alone = one_by_one(runner, TOKENS, mine)
    for chunk in (2, 7, 16, 17, 45):
        parts = [
            forward(
                runner, chain_segment(TOKENS[at : at + chunk], at, mine[: at + chunk][: len(TOKENS)], True)
            )
            for at in range(0, len(TOKENS), chunk)
        ]
        assert torch.equal(torch.cat(parts), alone), f"chunks of {chunk}"
    crowd = [
        chain_segment(
            [(at * 7 + i) % 250 for i in range(3 + at)], 0, others[at * 40 : at * 40 + 3 + at], True
        )
        for at in range(16)
    ]
    whole = chain_segment(TOKENS, 0, mine[: len(TOKENS)], True)
    for where in (0, 5, 16):
        batch = [*crowd[:where], whole, *crowd[where:]]
        first = sum(len(each.tokens) for each in crowd[:where])
        assert torch.equal(forward(runner, *batch)[first : first + len(TOKENS)], alone), f"place {where}"


@pytest.mark.parametrize(
    "widths", [(1, 1, 1, 1, 1), (3, 1, 1, 1, 1), (1, 3, 2, 1, 1), (2, 2, 2, 2, 1)], ids=str
)
def test_nodes_of_trees(runner, widths):
    slots = np.random.default_rng(1).permutation(runner.pool.num_slots).astype(np.int64)
    alone = one_by_one(runner, TOKENS, slots[:80])
    depth, base = len(widths), len(TOKENS) - len(widths)
    builder, node, true_nodes = TreeBuilder(), -1, []
    for level, width in enumerate(widths):
        for wrong in range(width - 1):  # decoys come first and have a child of their own
            decoy = builder.add(node, (TOKENS[base + level] + 1 + wrong) % 250, 0.0, "x")
            builder.add(decoy, 5, 0.0, "x")
        node = builder.add(node, TOKENS[base + level], 0.0, "x")
        true_nodes.append(node)
    tree = builder.build()
    forward(runner, chain_segment(TOKENS[: base - 1], 0, slots[: base - 1], True))
    segment = tree_segment([TOKENS[base - 1]], base - 1, tree, slots[: base + len(tree)])
    logits = forward(runner, segment)
    rows = [0, *(1 + true for true in true_nodes)]
    assert torch.equal(logits[rows], alone[base - 1 : base + depth])
