"""Is speculation ever slower than plain decoding, and does the adaptive tree find the best one?

Each comparison runs the same requests both ways, in turns, many times, in one thread; a ratio is taken per pair and its
median and 95 % interval (order statistics) are reported. "Useless" is an SSM with random weights of the embedded SSM's
shape: whatever is spent on it is lost, and the steps' own account of that is printed beside the clock's. The embedded
model's texts are synthetic, so speed-ups say nothing about other models; that nothing gets slower needs no such caveat.
Run from the repository root; the last line of the output is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peers import in_transformers, timed_generate
from speculation_jobs import PROMPT_SETS, Comparison, Model, compare, load, requests_for, timed, write_useless

from flexserve_core import DEMO_MODEL
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.expansion import StaticShape
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter

FIXED = (
    (1,) * 2,
    (1,) * 4,
    (1,) * 8,
    (2, 1),
    (3, 1, 1, 1),
    (2, 2, 2),
    (1, 1, 3, 1, 1, 1, 1, 1),
    (4, 2, 1, 1),
)


def speculative_over_plain(model: Model, batch: int, pairs: int, tokens: int, report: dict) -> None:
    """Every prompt set, greedy; and the useless SSM on the same prompts."""
    ratios, useless = [], []
    waste = 0.0
    for which in PROMPT_SETS:
        real = model.engine(
            [model.drafter("ssm"), PromptLookupDrafter()], model.adaptive("ssm", text_drafters=1), batch
        )
        bad = model.engine([model.drafter("useless")], model.adaptive("useless", text_drafters=0), batch)
        plain, drafted = (requests_for(model, which, batch, tokens, speculate) for speculate in (False, True))
        good = compare(real, plain, drafted, pairs)
        lost = compare(bad, plain, drafted, pairs)
        ratios.append((which, good))
        useless.append(lost)
        waste = max(waste, lost.wasted)
        report["token_mismatches"] += good.mismatches + lost.mismatches
        report["tokens_per_step"].setdefault(model.name, {}).setdefault(str(batch), {})[which] = round(
            good.tokens_per_step, 2
        )
        print(
            f"{model.name:<12} batch {batch:<3} {which:<11} speculative/plain {good}"
            f"  {good.tokens_per_step:.2f} tokens/step   useless SSM/plain {lost}"
            f" ({lost.wasted:.1%} by the steps' own account)",
            flush=True,
        )
    by_set = {which: one.summary() for which, one in ratios}
    everything = Comparison([r for _, one in ratios for r in one.ratios], 0, 0.0)
    report["speculative_over_plain"].setdefault(model.name, {})[str(batch)] = {
        **everything.summary(),
        "by_prompt_set": by_set,
    }
    lost_all = Comparison([r for one in useless for r in one.ratios], 0, 0.0)
    report["useless_ssm"].setdefault(model.name, {})[str(batch)] = {
        **lost_all.summary(),
        "largest_accounted_share": round(waste, 4),
    }


def adaptive_over_best_fixed(model: Model, batch: int, pairs: int, tokens: int) -> float:
    """Chat and story prompts; every shape and the adaptive tree take turns, total seconds are compared by medians."""
    ways = {"adaptive": model.engine([model.drafter("ssm")], model.adaptive("ssm", text_drafters=0), batch)}
    ways |= {
        f"<{','.join(map(str, shape))}>": model.engine(
            [model.drafter("ssm", StaticShape(shape))], None, batch
        )
        for shape in FIXED
    }
    work = [requests_for(model, which, batch, tokens, True) for which in PROMPT_SETS]
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(pairs + 1):
        for name, engine in ways.items():
            spent = sum(timed(engine, requests)[0] for requests in work)
            if round_number:
                seconds[name].append(spent)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in sorted(medians.items(), key=lambda entry: entry[1]):
        print(f"{model.name:<12} batch {batch:<3} {name:<20} {median:.3f} s")
    best = min(median for name, median in medians.items() if name != "adaptive")
    return round(best / medians["adaptive"], 3)


@contextmanager
def forward_clock(*runners: ModelRunner) -> Iterator[list[float]]:
    """Collects the seconds spent in the models' forwards."""
    spent: list[float] = []
    originals = [runner.forward for runner in runners]

    def wrapped(forward):
        def run(batch):
            started = time.perf_counter()
            logits = forward(batch)
            spent.append(time.perf_counter() - started)
            return logits

        return run

    for runner, forward in zip(runners, originals, strict=True):
        runner.forward = wrapped(forward)  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        for runner in runners:
            del runner.forward


def engine_overhead(model: Model, batch: int, tokens: int) -> dict[str, float]:
    """Share of the time that is not the models' forwards: plain and speculative; and one SSM level's milliseconds."""
    found = {}
    engine = model.engine([model.drafter("ssm")], model.adaptive("ssm", text_drafters=0), batch)
    for name, speculate in (("plain", False), ("speculative", True)):
        requests = requests_for(model, "chat", batch, tokens, speculate)
        timed(engine, requests)
        with forward_clock(model.llm, model.ssm) as spent:
            seconds, _ = timed(engine, requests)
        found[name] = round(1 - sum(spent) / seconds, 3)
    with forward_clock(model.ssm) as spent:
        timed(engine, requests_for(model, "chat", batch, tokens, True))
    if spent:
        found["ssm_level_ms"] = round(statistics.median(spent) * 1e3, 3)
    return found


def plain_over_transformers(model: Model, pairs: int, tokens: int) -> Comparison:
    """Greedy, batch 1, the same prompt and number of tokens, in turns."""
    theirs = in_transformers(model.name, model.llm.loaded.dtype)
    engine = model.engine([], None, 1)
    [request] = requests_for(model, "chat", 1, tokens, False)
    ratios = []
    for number in range(pairs + 2):
        their_s, _ = timed_generate(theirs, request.prompt_token_ids, tokens)
        our_s, _ = timed(engine, [request])
        if number >= 2:
            ratios.append(their_s / our_s)
    return Comparison(ratios, 0, 1.0)


def best_speedups(model: Model, pairs: int, tokens: int) -> dict[str, dict[str, float]]:
    """Batch 1, chat and story prompts, at temperature 0 and 0.8: the adaptive tree over plain decoding."""
    found = {}
    for temperature in (0.0, 0.8):
        for which in ("chat", "story"):
            engine = model.engine(
                [model.drafter("ssm"), PromptLookupDrafter()], model.adaptive("ssm", text_drafters=1), 1
            )
            ways = [
                requests_for(model, which, 1, tokens, way, temperature=temperature) for way in (False, True)
            ]
            one = compare(engine, *ways, pairs)
            found[f"{which}, T = {temperature}"] = {
                **one.summary(),
                "tokens_per_step": round(one.tokens_per_step, 2),
                "token_mismatches": one.mismatches,
            }
            print(
                f"{model.name:<12} batch 1   {which} at T = {temperature}: {one}"
                f"  {one.tokens_per_step:.2f} tokens/step"
            )
    return found


def _all_batches(model: Model, options: argparse.Namespace, report: dict) -> None:
    for batch in options.batches:
        speculative_over_plain(model, batch, options.pairs, options.tokens, report)


def _adaptive(model: Model, options: argparse.Namespace, report: dict) -> None:
    report.setdefault("adaptive_over_best_fixed", {})[model.name] = {
        str(batch): adaptive_over_best_fixed(model, batch, options.pairs, options.tokens)
        for batch in options.batches
    }


def _overhead(model: Model, options: argparse.Namespace, report: dict) -> None:
    found = engine_overhead(model, 1, options.tokens)
    report.setdefault("engine_overhead", {})[model.name] = found
    print(f"{model.name:<12} engine outside the models' forwards: {found}", flush=True)


def _best(model: Model, options: argparse.Namespace, report: dict) -> None:
    report.setdefault("best_speedups", {})[model.name] = best_speedups(model, options.pairs, options.tokens)


def _transformers(model: Model, options: argparse.Namespace, report: dict) -> None:
    peer = plain_over_transformers(model, options.pairs, options.tokens)
    report.setdefault("plain_over_transformers", {})[model.name] = peer.summary()
    print(f"{model.name:<12} plain decoding/transformers generate {peer}", flush=True)


PARTS = {
    "batches": _all_batches,
    "adaptive": _adaptive,
    "overhead": _overhead,
    "best": _best,
    "transformers": _transformers,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=[DEMO_MODEL], help="demo@300M: the embedded one grown")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=64, help="of each completion")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    options = parser.parse_args()
    report: dict = {
        "speculative_over_plain": {},
        "useless_ssm": {},
        "tokens_per_step": {},
        "token_mismatches": 0,
    }
    report |= {"threads": torch.get_num_threads(), "dtype": options.dtype, "pairs": options.pairs}
    with tempfile.TemporaryDirectory() as folder:
        useless = write_useless(Path(folder))
        for name in options.models:
            model = load(name, getattr(torch, options.dtype), useless, max(options.batches))
            for part in options.parts:
                PARTS[part](model, options, report)
    if report["useless_ssm"]:
        medians = [one["median"] for batches in report["useless_ssm"].values() for one in batches.values()]
        report["useless_ssm_ratio"] = min(medians)
    print(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
