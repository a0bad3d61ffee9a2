"""Speculation on the embedded model: tokens/s, tokens per LLM step, and whether every token is the same.

50 held-out prompts (training/heldout.py), one at a time, greedy and sampled; plain and speculative decoding take turns
prompt by prompt, so that a machine whose speed drifts is fair to both. transformers' own `generate` runs beside them on
the same weights, prompts and lengths. Run from the repository root; the last line of the output is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peers import in_transformers, timed_generate

from flexserve_core import DEMO_MODEL, EngineConfig, EngineServer, RequestResult, build_server

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from training.heldout import Prompt, prompts

_WAYS = ("plain", "speculative")


@dataclass
class Tally:
    """Sums over prompts for one way of decoding."""

    tokens: int = 0
    steps: int = 0
    drafted: int = 0
    accepted: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, result: RequestResult, seconds: float) -> None:
        stats = result.choices[0].speculation
        self.tokens += stats.generated_tokens
        self.steps += stats.llm_steps
        self.drafted += stats.drafted_tokens
        self.accepted += stats.accepted_tokens
        self.seconds.append(seconds)

    def summary(self) -> dict[str, float]:
        return {
            "tokens": self.tokens,
            "tokens_per_s": round(self.tokens / sum(self.seconds), 1),
            "tokens_per_llm_step": round(self.tokens / self.steps, 3),
            "accepted_share": round(self.accepted / self.drafted, 3) if self.drafted else 0.0,
        }


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """The conversation a held-out prompt ends."""
    turns = []
    for user, assistant in prompt.history:
        turns += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return [*turns, {"role": "user", "content": prompt.user}]


def run_one(
    server: EngineServer, prompt: Prompt, speculate: bool, options: dict
) -> tuple[RequestResult, float]:
    source = {"prompt": prompt.user} if prompt.raw else {"messages": messages(prompt)}
    request = server.make_request(**source, speculation=speculate, **options)
    started = time.perf_counter()
    result = server.submit(request).result()
    return result, time.perf_counter() - started


def compare(server: EngineServer, chosen: list[Prompt], options: dict) -> dict:
    """Both ways over all prompts, in turns; counts differing tokens."""
    tallies = {way: Tally() for way in _WAYS}
    compared = differing = 0
    ratios = []
    for index, prompt in enumerate(chosen):
        results, seconds = {}, {}
        for way in _WAYS if index % 2 else reversed(_WAYS):
            results[way], seconds[way] = run_one(server, prompt, way == "speculative", options)
            tallies[way].add(results[way], seconds[way])
        plain, fast = (results[way].choices[0].token_ids for way in _WAYS)
        compared += len(plain)
        differing += sum(a != b for a, b in zip(plain, fast, strict=False)) + abs(len(plain) - len(fast))
        ratios.append(seconds["plain"] / seconds["speculative"])
    return {
        **{way: tally.summary() for way, tally in tallies.items()},
        "speedup_median_over_prompts": round(statistics.median(ratios), 3),
        "tokens_compared": compared,
        "token_mismatches": differing,
    }


def transformers_tokens_per_s(server: EngineServer, chosen: list[Prompt], max_new_tokens: int) -> float:
    """transformers' greedy generate on the same weights, dtype, prompts and length."""
    model = in_transformers(DEMO_MODEL, getattr(torch, server.info.dtype))
    tokens, seconds = 0, 0.0
    for index, prompt in enumerate([chosen[0], *chosen]):  # the first one warms up
        source = {"prompt": prompt.user} if prompt.raw else {"messages": messages(prompt)}
        ids = server.make_request(**source).prompt_token_ids
        spent, new = timed_generate(model, ids, max_new_tokens, to_the_end=False)
        if index:
            seconds += spent
            tokens += new
    return round(tokens / seconds, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=50, help="held-out prompts to run")
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--max-tree-nodes", type=int, default=EngineConfig().max_tree_nodes)
    parser.add_argument("--max-tree-depth", type=int, default=EngineConfig().max_tree_depth)
    options = parser.parse_args()
    chosen = random.Random(0).sample(list(prompts()), options.prompts)
    config = EngineConfig(
        dtype=options.dtype, max_tree_nodes=options.max_tree_nodes, max_tree_depth=options.max_tree_depth
    )
    report: dict = {"prompts": options.prompts, "threads": torch.get_num_threads()}
    with build_server(config) as server:
        report |= {
            "model": server.info.model,
            "dtype": server.info.dtype,
            "speculation": server.info.speculation,
        }
        for prompt in chosen[:5]:  # warm up
            run_one(server, prompt, True, {"temperature": 0.0, "max_new_tokens": 16})
        length = {"max_new_tokens": options.max_new_tokens}
        report["greedy"] = compare(server, chosen, {"temperature": 0.0, **length})
        report["sampled_T0.8"] = compare(server, chosen, {"temperature": 0.8, "seed": 7, **length})
    report["transformers_generate_greedy_tokens_per_s"] = transformers_tokens_per_s(
        server, chosen, options.max_new_tokens
    )
    for kind in ("greedy", "sampled_T0.8"):
        print(f"{kind}:")
        for way in _WAYS:
            print(f"  {way:<12} " + "  ".join(f"{key} {value}" for key, value in report[kind][way].items()))
        print(
            f"  speed-up {report[kind]['speedup_median_over_prompts']} (median over prompts); "
            f"{report[kind]['token_mismatches']} of {report[kind]['tokens_compared']} tokens differ"
        )
    print(f"transformers generate (greedy): {report['transformers_generate_greedy_tokens_per_s']} tokens/s")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
