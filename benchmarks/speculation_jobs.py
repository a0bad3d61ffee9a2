"""What benchmarks/speculation.py compares: the models, the requests, and pairs of runs with their ratios.

Knows nothing of what is concluded, nor which clock it is given: the wall's, or that of this process's processor time,
from which the moments are missing in which a shared machine was lent to others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from flexserve_core import DEMO_SSM, resolve
from flexserve_core.engine.engine import Engine
from flexserve_core.models.loader import load_model
from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.policy import Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.timing import ForwardTimes, time_forwards
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.expansion import BestFirst, Expansion
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.structure.grammar import Grammars
from flexserve_core.testing import RunReport, run_requests
from flexserve_core.types import Limits, Request
from flexserve_core.validate import build_request

MAX_LENGTH, NODES, DEPTH = 512, 24, 8
ROUNDS = 3  # requests for each place of a batch: a server that has work refills what ends early
Clock = Callable[[], float]
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
    clock: Clock
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
        return Engine(
            self.llm,
            drafters,
            policy=policy,
            max_requests=batch,
            max_rows=512,
            max_tree_nodes=NODES,
            max_tree_depth=DEPTH,
        )


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

    def __str__(self) -> str:
        found = self.summary()
        return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


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


def timed(engine: Engine, requests: Sequence[Request], clock: Clock) -> tuple[float, RunReport]:
    started = clock()
    report = run_requests(engine, requests)
    return clock() - started, report


def compare(
    engine: Engine, plain: list[Request], drafted: list[Request], pairs: int, clock: Clock
) -> Comparison:
    """Speed of the drafted requests over the plain ones."""

    def run(requests: list[Request]) -> tuple[float, RunReport]:
        return timed(engine, requests, clock)

    for requests in (drafted, drafted, plain):  # warm up, and let a policy learn
        run(requests)
    ratios, mismatches, steps, tokens = [], 0, 0, 0
    wasted = total = 0.0
    for number in range(pairs):
        if number % 2:
            (plain_s, one), (fast_s, other) = run(plain), run(drafted)
        else:
            (fast_s, other), (plain_s, one) = run(drafted), run(plain)
        ratios.append(plain_s / fast_s)
        mismatches += count_mismatches(one, other)
        steps += sum(bool(record.emitted_tokens) * len(record.request_ids) for record in other.records)
        tokens += sum(record.emitted_tokens for record in other.records)
        wasted += sum(record.draft_s for record in other.records)
        total += sum(record.total_s for record in other.records)
    return Comparison(ratios, mismatches, tokens / steps, wasted / total)


def count_mismatches(one: RunReport, other: RunReport) -> int:
    differing = 0
    for key, choices in one.tokens.items():
        for mine, theirs in zip(choices, other.tokens[key], strict=True):
            differing += sum(a != b for a, b in zip(mine, theirs, strict=False)) + abs(
                len(mine) - len(theirs)
            )
    return differing


def write_useless(folder: Path) -> Path:
    """Random weights in the embedded SSM's shape, with its tokenizer."""
    location = resolve(DEMO_SSM).location
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(location)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(location).save_pretrained(folder)
    return folder


def load(name: str, dtype: torch.dtype, useless: Path, largest_batch: int, clock: Clock) -> Model:
    device = torch.device("cpu")
    plain, _, size = name.partition("@")
    llm = load_model(plain, dtype, device, grown=size or None)
    runners = [
        ModelRunner(one) for one in (llm, *(load_model(str(s), dtype, device) for s in (DEMO_SSM, useless)))
    ]
    model = Model(name, runners[0], runners[1], runners[2], clock)
    for which, runner in zip(("llm", "ssm", "useless"), runners, strict=True):
        runner.allocate(32, 16)
        model.times[which] = time_forwards(runner, 1.0)
        runner.allocate(largest_batch * (MAX_LENGTH + NODES + 16) // 16, 16, share_prefixes=False)
    return model
