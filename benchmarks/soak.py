"""A long random life of an engine: tokens compared with plain decoding, what happened, how memory grew.

A tiny random model with an SSM, prompt lookup and a suffix trie, in so little memory that sequences are preempted all
the time; integrity is checked at every step (FLEXSERVE_CHECK=1). Run from the repository root; the last line of the
output is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict

import torch
from transformers.utils import logging

from flexserve_core.config import EngineConfig
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.suffix import SuffixDrafter
from flexserve_core.testing import TIGHT, Bench, Soak, SoakReport, write_tiny_pair


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["FLEXSERVE_CHECK"] = "1"
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    llm, ssm = map(Bench, write_tiny_pair(tempfile.mkdtemp(prefix="flexserve-soak-")))

    def drafters(config: EngineConfig) -> list[Drafter]:
        trie = SuffixDrafter(max_nodes=10_000)
        return [ssm.ssm_drafter(config, blocks=TIGHT), PromptLookupDrafter(), trie]

    report = Soak(llm, options.seed).live(drafters, options.minutes * 60, say=_say)
    _say(report)
    grown = report.last_bytes - report.first_bytes
    print(json.dumps({"minutes": options.minutes, **asdict(report), "memory_growth_bytes": grown}))


def _say(report: SoakReport) -> None:
    print(
        f"{report.requests} requests, {report.tokens} tokens, {report.mismatches} differ; "
        f"{report.preemptions} preemptions, {report.aborted} aborted, {report.last_bytes >> 20} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
