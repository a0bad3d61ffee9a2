"""Same request, same tokens: how many were compared, how many differ, and what is accepted under which rule.

1. The grid (models × precisions × tree shapes × drafters × batches × greedy or sampled × planted or not): every token
   with speculation against plain decoding, and plain greedy decoding in float32 against transformers' `generate`.
   The pairwise cells come first, then the others in a fixed random order, until `--minutes` are over.
2. Acceptance of one position with k drafted tokens, on texts the LLM wrote: keyed noise, multi-step speculative
   sampling (`verification="mss"`), and naive sampling (draws of the two models must coincide), at three temperatures.
   At temperature 0 the three are one rule: the LLM's token is among the SSM's k likeliest.

Run from the repository root; the last line of the output is one JSON document. The embedded and the tiny models are
synthetic, so rates of acceptance say nothing about other models; that no token differs does.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import torch
from transformers.utils import logging

from flexserve_core import resolve
from flexserve_core.runner.batch import Segment, chain_segment, pack
from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.mss import choose_among, draft_noise, draw
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import warp
from flexserve_core.testing import AXES, Bench, Cell, Grid, pairwise, run_requests, transformers_tokens
from flexserve_core.types import SamplingParams

TEMPERATURES = (0.0, 0.7, 1.0)
WIDTHS = (1, 2, 3, 4, 5)
DRAWS = 8  # seeds per position and temperature
TOP = 64  # tokens the SSM drafter considers
TRAINED = ("demo", "stories260K", "babyllama-tok361-as105")
OPENINGS = (
    "Once upon a time, there was",
    "One day, a boy named Tim went to the park.",
    "Tell me a story about a cat",
    "What is speculative inference?",
)


def all_cells() -> list[Cell]:
    """The pairwise choice, then the rest, always in the same order."""
    chosen = pairwise(AXES)
    rest = sorted(set(product(*AXES)) - set(chosen), key=str)
    random.Random(0).shuffle(rest)
    return [Cell(*row) for row in [*chosen, *rest]]


def run_grid(grid: Grid, minutes: float) -> dict[str, object]:
    """Every cell that fits into the time; the pairwise ones in any case."""
    until, total = time.monotonic() + minutes * 60, Counter()
    depths, branches, skipped = Counter(), Counter(), set()
    cells, wanted = all_cells(), len(pairwise(AXES))
    for number, cell in enumerate(cells):
        if number >= wanted and time.monotonic() > until:
            break
        report = grid.run(cell)
        if report is None:
            skipped.add(cell.model)
            continue
        total["cells"] += 1
        total["tokens"] += report.tokens
        total[f"{cell.sampling}_mismatches"] += report.mismatches
        total[f"{cell.drafters} accepted"] += 0 if cell.planted else report.accepted_per_depth.total()
        total["tokens without plants", cell.drafters] += 0 if cell.planted else report.tokens
        if report.mismatches:
            print("DIFFERS", cell, report.mismatches)
        depths.update(report.accepted_per_depth)
        for (depth, branch), count in report.planted.items():
            branches[depth, branch] += count
    _print_grid(total, depths, branches, len(cells))
    return {
        "cells": total["cells"],
        "cells_of_the_grid": len(cells),
        "models_absent": sorted(skipped),
        "tokens": total["tokens"],
        "greedy_mismatches": total["greedy_mismatches"],
        "sampled_mismatches": total["sampled_mismatches"],
        "depths_covered": {str(depth): count for depth, count in sorted(depths.items())},
        "branches_covered": {f"{d}.{b}": count for (d, b), count in sorted(branches.items())},
    }


def _print_grid(total: Counter, depths: Counter, branches: Counter, cells: int) -> None:
    wrong = total["greedy_mismatches"] + total["sampled_mismatches"]
    print(f"\n{total['cells']} of {cells} cells, {total['tokens']} tokens compared, {wrong} differ\n")
    print("accepted nodes by depth:", dict(sorted(depths.items())))
    print("of planted trees, by branch position and depth:")
    for branch in sorted({branch for _, branch in branches}):
        print(f"  {branch}: " + " ".join(f"{branches[depth, branch]:6d}" for depth in range(1, 9)))
    print("accepted tokens per 100 tokens, without plants:")
    for names in AXES[3]:
        tokens = total["tokens without plants", names]
        print(f"  {names:14s} {100 * total[f'{names} accepted'] / max(1, tokens):6.1f}")


def run_oracle(grid: Grid) -> dict[str, int]:
    """Plain greedy decoding in float32 against transformers' generate, model by model."""
    compared = differing = 0
    for name in AXES[0]:
        model, folders = grid.model(name, "float32"), grid.folders(name)
        if model is None or folders is None:
            continue
        requests, eos = model.requests("greedy"), model.bench.loaded.eos_token_ids()
        expected = transformers_tokens(resolve(str(folders[0])).location, requests, eos)
        found = model.plain("greedy").tokens
        for key, [tokens] in expected.items():
            compared += len(tokens)
            differing += found[key] != [tokens]
    print(f"transformers' generate: {compared} tokens compared, {differing} texts differ")
    return {"generate_tokens": compared, "generate_mismatches": differing}


def all_logits(bench: Bench, tokens: list[int]) -> np.ndarray:
    """float64 [len(tokens), vocab]: what the model makes of every beginning of the text."""
    bench.runner.allocate(-(-len(tokens) // 16) + 1, 16)
    slots = np.arange(len(tokens), dtype=np.int64)
    chain = chain_segment(tokens, 0, slots, want_last=True)
    segment = Segment(
        chain.tokens, chain.positions, chain.slots, chain.trunk_slots, chain.tails, np.arange(len(tokens))
    )
    return bench.runner.forward(pack([segment], bench.runner.device)).double().numpy()


def acceptance(llm: Bench, ssm: Bench, new_tokens: int) -> dict[str, dict[str, list[float]]]:
    """Temperature → rule → share of positions with an accepted token among k drafted, for each k."""
    found: dict[str, dict[str, list[float]]] = {}
    for temperature in TEMPERATURES:
        params = SamplingParams(temperature=temperature)
        hits, positions = Counter(), 0
        for number, opening in enumerate(OPENINGS):
            request = llm.request(
                opening, request_id="x", temperature=temperature, seed=number, max_new_tokens=new_tokens
            )
            report = run_requests(llm.engine(), [request])
            text = [*request.prompt_token_ids, *report.tokens["x"][0]]
            target, draft = all_logits(llm, text), all_logits(ssm, text)
            for position in range(len(request.prompt_token_ids), len(text)):
                positions += 1 if temperature == 0.0 else DRAWS
                _count(hits, target[position - 1], draft[position - 1], params, position)
        rules = ("greedy",) if temperature == 0.0 else ("keyed", "mss", "naive")
        found[str(temperature)] = {
            rule: [round(hits[rule, width] / positions, 4) for width in WIDTHS] for rule in rules
        }
    return found


def _count(
    hits: Counter, target: np.ndarray, draft: np.ndarray, params: SamplingParams, position: int
) -> None:
    top = np.sort(np.argsort(-draft, kind="stable")[:TOP])
    if params.greedy:
        ranked = top[np.argsort(-draft[top], kind="stable")]
        for width in WIDTHS:
            hits["greedy", width] += int(target.argmax() in ranked[:width])
        return
    p, q = warp(target, params), warp(draft[top], params, top)
    for seed in range(DRAWS):
        noise = KeyedNoise(1000 + seed)
        taken = choose(p, noise, position)
        ours = draw(q, noise, position, WIDTHS[-1]).tokens
        theirs = draw(q, draft_noise(noise, position, 0), position, WIDTHS[-1])
        for width in WIDTHS:
            first = draw(q, draft_noise(noise, position, 0), position, width)
            hits["keyed", width] += taken in ours[:width]
            hits["naive", width] += taken in theirs.tokens[:width]
            hits["mss", width] += choose_among(p, [first], noise, position) in first.tokens


def run_acceptance(grid: Grid, new_tokens: int) -> dict[str, object]:
    tables: dict[str, object] = {}
    for name in TRAINED:
        folders = grid.folders(name)
        if folders is None:
            continue
        tables[name] = table = acceptance(Bench(folders[0]), Bench(folders[1]), new_tokens)
        print(f"\n{name}: a token accepted at a position, with k = 1 … 5 drafted")
        for temperature, rules in table.items():
            for rule, rates in rules.items():
                print(f"  T {temperature}  {rule:7s}", " ".join(f"{rate:.3f}" for rate in rates))
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="for the grid; default: all of it")
    parser.add_argument("--tokens", type=int, default=24, help="new tokens per request of the grid")
    parser.add_argument("--folder", type=Path, help="for the tiny models; default: a temporary one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    started, grid = time.monotonic(), Grid(options.folder, options.tokens)
    result = {**run_oracle(grid), "acceptance": run_acceptance(grid, 60), **run_grid(grid, options.minutes)}
    result["mismatches"] = sum(
        int(result[f"{kind}_mismatches"]) for kind in ("greedy", "sampled", "generate")
    )
    result["tokens_compared"] = result["tokens"] + result["generate_tokens"]
    print(json.dumps({**result, "seconds": round(time.monotonic() - started, 1)}))


if __name__ == "__main__":
    main()
