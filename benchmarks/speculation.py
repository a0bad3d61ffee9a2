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
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peers import grown_in_transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from flexserve_core import DEMO_MODEL, DEMO_SSM, resolve
from flexserve_core.engine.engine import Engine
from flexserve_core.models.loader import load_model
from flexserve_core.policy.adaptive import AdaptivePolicy, DrafterCost
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.policy import Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.timing import ForwardTimes, time_forwards
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.expansion import BestFirst, Expansion, StaticShape
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.structure.grammar import Grammars
from flexserve_core.testing import RunReport, run_requests
from flexserve_core.types import Limits, Request
from flexserve_core.validate import build_request

MAX_LENGTH, NODES, DEPTH = 512, 24, 8
ROUNDS = 3  # requests for each place of a batch: a server that has work refills what ends early
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
_CODE = (
    "def area(width, height):\n    return width * height\n\n\ndef volume(width, height, depth):\n    return"
)
_LIST = "one apple, two pears, three plums, four figs, five dates; "
PROMPT_SETS: dict[str, tuple[str, ...]] = {
    "chat": ("Who are you?", "What is speculative inference?", "How do I serve my own model?", "17 + 25"),
    "story": ("Tell me a story about a cat", "A story about a whale, please", "Write a story about a robot"),
    "code-like": (
        _CODE,
        "for i in range(10):\n    print(i)\nfor j in range(20):\n   ",
        "import os\nimport sys\n",
    ),
    "copy-heavy": (
        _LIST * 6,
        "the red car and the blue car and the green car and " * 5,
        "a b c d e f g h " * 10,
    ),
}
_RAW = {"code-like", "copy-heavy"}


@dataclass
class Model:
    """One LLM with its SSM, a useless SSM of the same shape, and what their forwards cost."""

    name: str
    llm: ModelRunner
    ssm: ModelRunner
    useless: ModelRunner
    times: dict[str, ForwardTimes] = field(default_factory=dict)

    def drafter(self, which: str, expansion: Expansion | None = None) -> SSMDrafter:
        return SSMDrafter(
            getattr(self, which), expansion or BestFirst(max_depth=DEPTH), 512, self.llm.loaded.vocab_size
        )

    def adaptive(self, which: str, text_drafters: int) -> Policy:
        curves = [CostCurve(self.times[name].points, self.times[name].per_key) for name in ("llm", which)]
        costs = [DrafterCost(curves[1]), *(DrafterCost(None) for _ in range(text_drafters))]
        return AdaptivePolicy(curves[0], costs, DEPTH)

    def engine(self, drafters: Sequence[Drafter], policy: Policy | None, batch: int) -> Engine:
        """Engines over one model take turns; each leaves its caches empty when its requests have ended."""
        sizes = {"max_requests": batch, "max_rows": 512, "max_tree_nodes": NODES, "max_tree_depth": DEPTH}
        return Engine(self.llm, drafters, policy=policy, **sizes)


@dataclass(frozen=True)
class Comparison:
    """Ratios of tokens per second of one way over another, a pair each; and tokens that differed."""

    ratios: list[float]
    mismatches: int
    tokens_per_step: float
    wasted: float = 0.0  # by the steps' own account, share of the time

    def summary(self) -> dict[str, float]:
        low, high = interval(self.ratios)
        return {
            "median": round(statistics.median(self.ratios), 3),
            "low": round(low, 3),
            "high": round(high, 3),
        }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the median from order statistics."""
    ranked = sorted(values)
    skip = max(0, math.floor((len(ranked) - 1.96 * math.sqrt(len(ranked))) / 2))
    return ranked[skip], ranked[len(ranked) - 1 - skip]


def requests_for(
    model: Model, which: str, batch: int, tokens: int, speculate: bool, **sampling
) -> list[Request]:
    limits = Limits(
        vocab_size=model.llm.loaded.vocab_size,
        max_seq_length=MAX_LENGTH,
        max_requests_per_batch=batch,
        max_tokens_per_batch=512,
    )
    texts = PROMPT_SETS[which]
    fields = {
        "temperature": 0.0,
        "max_new_tokens": tokens,
        "ignore_eos": True,
        "speculation": speculate,
        **sampling,
    }
    return [
        build_request(
            model.llm.loaded.tokenizer,
            limits,
            Grammars(model.llm.loaded.tokenizer, model.llm.loaded.vocab_size),
            prompt=texts[i % len(texts)] if which in _RAW else None,
            prompt_token_ids=None,
            messages=None if which in _RAW else [{"role": "user", "content": texts[i % len(texts)]}],
            sampling=None,
            request_id=str(i),
            fields={**fields, "seed": i},
        )
        for i in range(batch if batch == 1 else ROUNDS * batch)
    ]


def timed(engine: Engine, requests: Sequence[Request]) -> tuple[float, RunReport]:
    started = time.perf_counter()
    report = run_requests(engine, requests)
    return time.perf_counter() - started, report


def compare(engine: Engine, plain: list[Request], drafted: list[Request], pairs: int) -> Comparison:
    """Speed of the drafted requests over the plain ones."""
    for requests in (drafted, drafted, plain):  # warm up, and let a policy learn
        timed(engine, requests)
    ratios, mismatches, steps, tokens = [], 0, 0, 0
    wasted = total = 0.0
    for number in range(pairs):
        if number % 2:
            (plain_s, one), (fast_s, other) = timed(engine, plain), timed(engine, drafted)
        else:
            (fast_s, other), (plain_s, one) = timed(engine, drafted), timed(engine, plain)
        ratios.append(plain_s / fast_s)
        mismatches += count_mismatches(one, other)
        steps += sum(bool(record.emitted_tokens) * len(record.request_ids) for record in other.records)
        tokens += sum(record.emitted_tokens for record in other.records)
        wasted += sum(record.draft_s for record in other.records)
        total += fast_s
    return Comparison(ratios, mismatches, tokens / steps, wasted / total)


def count_mismatches(one: RunReport, other: RunReport) -> int:
    differing = 0
    for key, choices in one.tokens.items():
        for mine, theirs in zip(choices, other.tokens[key], strict=True):
            differing += sum(a != b for a, b in zip(mine, theirs, strict=False)) + abs(
                len(mine) - len(theirs)
            )
    return differing


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
            f"{model.name:<12} batch {batch:<3} {which:<11} speculative/plain {show(good)}"
            f"  {good.tokens_per_step:.2f} tokens/step   useless SSM/plain {show(lost)}"
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


def show(one: Comparison) -> str:
    found = one.summary()
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


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


@torch.inference_mode()
def plain_over_transformers(model: Model, pairs: int, tokens: int) -> Comparison:
    """Greedy, batch 1, the same prompt and number of tokens, in turns."""
    theirs = in_transformers(model.name, model.llm.loaded.dtype)
    engine = model.engine([], None, 1)
    [request] = requests_for(model, "chat", 1, tokens, False)
    ids = torch.tensor([request.prompt_token_ids])
    mask, ratios = torch.ones_like(ids), []
    for number in range(pairs + 2):
        started = time.perf_counter()
        theirs.generate(
            ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            use_cache=True,
        )
        their_s = time.perf_counter() - started
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
                f"{model.name:<12} batch 1   {which} at T = {temperature}: {show(one)}"
                f"  {one.tokens_per_step:.2f} tokens/step"
            )
    return found


def in_transformers(name: str, dtype: torch.dtype) -> Any:
    """The model as transformers runs it; `demo@300M` is the embedded one grown."""
    plain, _, size = name.partition("@")
    if size:
        return grown_in_transformers(size, dtype)
    return AutoModelForCausalLM.from_pretrained(resolve(plain).location, dtype=dtype).eval()


def write_useless(folder: Path) -> Path:
    """Random weights in the embedded SSM's shape, with its tokenizer."""
    location = resolve(DEMO_SSM).location
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(location)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(location).save_pretrained(folder)
    return folder


def load(name: str, dtype: torch.dtype, useless: Path, largest_batch: int) -> Model:
    device = torch.device("cpu")
    plain, _, size = name.partition("@")
    llm = load_model(plain, dtype, device, grown=size or None)
    runners = [
        ModelRunner(one) for one in (llm, *(load_model(str(s), dtype, device) for s in (DEMO_SSM, useless)))
    ]
    model = Model(name, runners[0], runners[1], runners[2])
    for which, runner in zip(("llm", "ssm", "useless"), runners, strict=True):
        runner.allocate(32, 16)
        model.times[which] = time_forwards(runner, 1.0)
        runner.allocate(largest_batch * (MAX_LENGTH + NODES + 16) // 16, 16, share_prefixes=False)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=[DEMO_MODEL], help="demo@300M: the embedded one grown")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=64, help="of each completion")
    parser.add_argument("--dtype", default="bfloat16")
    options = parser.parse_args()
    report: dict = {
        "speculative_over_plain": {},
        "useless_ssm": {},
        "tokens_per_step": {},
        "adaptive_over_best_fixed": {},
        "engine_overhead": {},
        "best_speedups": {},
        "plain_over_transformers": {},
        "token_mismatches": 0,
        "threads": torch.get_num_threads(),
        "dtype": options.dtype,
        "pairs": options.pairs,
    }
    with tempfile.TemporaryDirectory() as folder:
        useless = write_useless(Path(folder))
        for name in options.models:
            model = load(name, getattr(torch, options.dtype), useless, max(options.batches))
            for batch in options.batches:
                speculative_over_plain(model, batch, options.pairs, options.tokens, report)
            report["adaptive_over_best_fixed"][name] = {
                str(batch): adaptive_over_best_fixed(model, batch, options.pairs, options.tokens)
                for batch in options.batches
            }
            report["engine_overhead"][name] = engine_overhead(model, 1, options.tokens)
            report["best_speedups"][name] = best_speedups(model, options.pairs, options.tokens)
            peer = plain_over_transformers(model, options.pairs, options.tokens)
            report["plain_over_transformers"][name] = peer.summary()
            overhead = report["engine_overhead"][name]
            print(f"{name:<12} plain decoding/transformers generate {show(peer)}; overhead {overhead}")
    medians = [one["median"] for batches in report["useless_ssm"].values() for one in batches.values()]
    report["useless_ssm_ratio"] = min(medians)
    print(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
