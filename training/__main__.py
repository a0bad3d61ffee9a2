"""Command line: `python -m training STEP --out build/demo`, a step being one of `pipeline` or all."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch

from training import pipeline
from training.corpus import documents
from training.train import Budget, device

STEPS = {
    "tokenizer": (pipeline.tokenizer,),
    "train": (pipeline.train_llm,),
    "distill": (pipeline.train_ssm,),
    "boost": (pipeline.train_boosted_ssm,),
    "evaluate": (pipeline.judge,),
    "install": (pipeline.install,),
    "all": (
        pipeline.tokenizer,
        pipeline.train_llm,
        pipeline.train_ssm,
        pipeline.train_boosted_ssm,
        pipeline.judge,
    ),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Rebuild FlexServe's embedded demo model."
    )
    parser.add_argument(
        "step", choices=("corpus", *STEPS), help="what to do; 'all' does everything but install"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="folder to build in (default build/demo)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--tokens", type=int, default=13_000_000, help="LLM training tokens; the SSMs get 3/8 and 3/16 of it"
    )
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="LLM wall-clock limit; the SSMs get 1/4 and 1/8 of it"
    )
    parser.add_argument(
        "--continue-from", type=Path, help="the --out folder of an earlier build, of the seed before this one"
    )
    parser.add_argument(
        "--compile", action="store_true", help="train the LLM through torch.compile (needs a C++ compiler)"
    )
    parser.add_argument("--threads", type=int, default=0, help="torch threads (default: torch's choice)")
    parser.add_argument("--count", type=int, default=20, help="documents that 'corpus' prints")
    return parser.parse_args()


def main() -> None:
    """Runs one step, or all of them."""
    arguments = _arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.step == "corpus":
        for item in islice(documents(arguments.seed), arguments.count):
            print(json.dumps(asdict(item), ensure_ascii=False))
        return
    plan = pipeline.Plan(
        arguments.out,
        arguments.seed,
        Budget(arguments.tokens, arguments.minutes),
        Budget(arguments.tokens * 3 // 8, arguments.minutes / 4),
        Budget(arguments.tokens * 3 // 16, arguments.minutes / 8),
        continue_from=arguments.continue_from,
        compiled=arguments.compile,
    )
    print(f"{arguments.step} in {arguments.out} on {device()}; the bar shows how long is left")
    for step in STEPS[arguments.step]:
        step(plan)


if __name__ == "__main__":
    main()
