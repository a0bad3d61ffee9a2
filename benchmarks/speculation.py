"""Is speculation ever slower than plain decoding, and does the adaptive tree find the best one?

Each comparison runs the same requests both ways, in turns, many times, in one thread; a ratio is taken per pair and its
median and 95 % interval (order statistics) are reported. `--clock processor` takes this process's processor time, with
one thread for the kernels: for machines that are lent to others for longer than two ways differ. "Useless" is an SSM
with random weights of the embedded SSM's shape: whatever is spent on it is lost, and the steps' own account of that is
printed beside the clock's. The embedded model's texts are synthetic, so speed-ups say nothing about other models; that
nothing gets slower needs no such caveat. Run from the repository root; the output's last line is one JSON document.
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
        good = compare(real, plain, drafted, pairs, model.clock)
        lost = compare(bad, plain, drafted, pairs, model.clock)
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


def adaptive_over_best_fixed(model: Model, batch: int, pairs: int, tokens: int) -> dict[str, float | str]:
    """Every shape and the adaptive tree take turns on each prompt set. The best shape is that of the least seconds, the
    medians of the sets summed; the ratio to it is taken per round."""
    ways = {"adaptive": model.engine([model.drafter("ssm")], model.adaptive("ssm", text_drafters=0), batch)}
    ways |= {
        f"<{','.join(map(str, shape))}>": model.engine(
            [model.drafter("ssm", StaticShape(shape))], None, batch
        )
        for shape in FIXED
    }
    work = {which: requests_for(model, which, batch, tokens, True) for which in PROMPT_SETS}
    seconds = {name: {which: [] for which in work} for name in ways}
    for round_number in range(pairs + 1):  # the first is not counted: it warms up, and lets the policy learn
        for which, requests in work.items():
            for name, engine in ways.items():
                spent, _ = timed(engine, requests, model.clock)
                if round_number:
                    seconds[name][which].append(spent)
    totals = {name: sum(map(statistics.median, found.values())) for name, found in seconds.items()}
    for name, total in sorted(totals.items(), key=lambda entry: entry[1]):
        sets = "  ".join(f"{which} {statistics.median(found):.3f}" for which, found in seconds[name].items())
        print(f"{model.name:<12} batch {batch:<3} {name:<20} {total:.3f} s   {sets}", flush=True)
    best = min((name for name in ways if name != "adaptive"), key=totals.__getitem__)
    rounds = {name: [sum(one) for one in zip(*seconds[name].values(), strict=True)] for name in ways}
    ratios = [fixed / ours for fixed, ours in zip(rounds[best], rounds["adaptive"], strict=True)]
    return {
        **Comparison(ratios, 0, 0.0).summary(),
        "best_fixed": best,
        "of_medians": round(totals[best] / totals["adaptive"], 3),
    }


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
        timed(engine, requests, time.perf_counter)
        with forward_clock(model.llm, model.ssm) as spent:
            seconds, _ = timed(engine, requests, time.perf_counter)
        found[name] = round(1 - sum(spent) / seconds, 3)
    with forward_clock(model.ssm) as spent:
        timed(engine, requests_for(model, "chat", batch, tokens, True), time.perf_counter)
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
        our_s, _ = timed(engine, [request], time.perf_counter)
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
            plain, drafted = (
                requests_for(model, which, 1, tokens, way, temperature=temperature) for way in (False, True)
            )
            one = compare(engine, plain, drafted, pairs, model.clock)
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


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
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
    parser.add_argument(
        "--clock", default="wall", choices=list(CLOCKS), help="of parts batches, adaptive, best"
    )
    options = parser.parse_args()
    if options.clock == "processor":
        torch.set_num_threads(1)  # threads that wait for each other spin, which would count
    report: dict = {
        "speculative_over_plain": {},
        "useless_ssm": {},
        "tokens_per_step": {},
        "token_mismatches": 0,
    }
    report |= {"threads": torch.get_num_threads(), "dtype": options.dtype}
    report |= {"pairs": options.pairs, "clock": options.clock}
    with tempfile.TemporaryDirectory() as folder:
        useless = write_useless(Path(folder))
        for name in options.models:
            model = load(
                name, getattr(torch, options.dtype), useless, max(options.batches), CLOCKS[options.clock]
            )
            for part in options.parts:
                PARTS[part](model, options, report)
    if report["useless_ssm"]:
        medians = [one["median"] for batches in report["useless_ssm"].values() for one in batches.values()]
        report["useless_ssm_ratio"] = min(medians)
    print(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
