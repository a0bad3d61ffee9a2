"""A whole model in bf16, int8 and int4: what a step costs by rows, and tokens/s plain, speculative and in transformers.

The model is the embedded one grown to a real size (models/grow.py): the same answers, and so the real acceptance of its
SSM, at a large model's cost; its repeated weights say nothing about quality. Precisions take turns at every step, so
that what else runs on the machine hits all alike; `fastest` is the least disturbed. transformers runs on the same
weights, prompts and lengths in the same process, in bf16 and through bitsandbytes' NF4, plain and assisted by our
SSM. Needs bitsandbytes and accelerate. Where others use the machine too, `OMP_NUM_THREADS=1 … --cpu-time` counts the
process's own CPU time on one thread. The last line is JSON: {step_ms: {precision: {rows: {median, fastest}}},
precision: {plain, speculative, tokens_per_step, vs_hf_bf16, vs_hf_nf4, vs_hf_assisted}, token_mismatches}.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from peers import in_transformers, timed_generate
from transformers import BitsAndBytesConfig

from flexserve_core import DEMO_MODEL, DEMO_SSM, EngineConfig
from flexserve_core.models.quantise import Quantisation
from flexserve_core.runner.batch import chain_segment, pack, with_logits_of
from flexserve_core.testing import Bench, run_requests
from flexserve_core.types import Request

ROWS = (1, 4, 16, 32)
START = 64  # tokens before the timed rows
PRECISIONS = {"bf16": Quantisation(), "int8": Quantisation("int8"), "int4": Quantisation("int4")}
QUESTIONS = (
    "What is the sun?",
    "Who are you?",
    "Give me travel tips for Tokyo.",
    "Tell me a story about a dog.",
)
CONFIG = EngineConfig(max_seq_length=512, max_requests_per_batch=1)


_clock: Callable[[], float] = time.perf_counter


def _now() -> float:
    return _clock()


def step_times(benches: dict[str, Bench], repeats: int) -> dict[str, dict[int, dict[str, float]]]:
    """Milliseconds of one LLM forward, precisions in turns."""
    found: dict[str, dict[int, list[float]]] = {name: {rows: [] for rows in ROWS} for name in benches}
    for bench in benches.values():
        bench.runner.allocate(64, 16)
    for turn in range(repeats + 1):
        for rows in ROWS:
            for name, bench in benches.items():
                seconds = forward_seconds(bench, rows)
                if turn:  # the first one warms up
                    found[name][rows].append(seconds * 1e3)
    return {
        name: {
            rows: {"median": round(statistics.median(times), 1), "fastest": round(min(times), 1)}
            for rows, times in by_rows.items()
        }
        for name, by_rows in found.items()
    }


def forward_seconds(bench: Bench, rows: int) -> float:
    """Rows behind START tokens, the logits of all wanted, as in a verification."""
    slots = np.arange(START + rows, dtype=np.int64)
    chain = with_logits_of(chain_segment([0] * rows, START, slots, want_last=True), range(rows - 1))
    started = _now()
    bench.runner.forward(pack([chain], bench.runner.device)).argmax(dim=-1).tolist()
    return _now() - started


def requests_of(bench: Bench, count: int, new_tokens: int) -> list[Request]:
    tokenizer = bench.loaded.tokenizer
    ids = [tokenizer.encode_chat([{"role": "user", "content": one}]) for one in QUESTIONS[:count]]
    fields = {"max_new_tokens": new_tokens, "ignore_eos": True, "max_seq_length": 512}
    return [bench.request(one, request_id=str(index), **fields) for index, one in enumerate(ids)]


def ours(bench: Bench, ssm: Bench, requests: Sequence[Request]) -> dict[str, Any]:
    """Tokens/s at batch 1, with and without speculation, and whether the tokens agree."""
    seconds, tokens, steps = {}, {}, {}
    for way in ("plain", "speculative"):
        drafters = [] if way == "plain" else [ssm.ssm_drafter(CONFIG)]
        engine = bench.engine(drafters, CONFIG)
        run_requests(engine, [requests[0]])  # warms up
        engine = bench.engine(drafters, CONFIG)
        started = _now()
        report = run_requests(engine, requests)
        seconds[way] = _now() - started
        tokens[way] = report.tokens
        steps[way] = len(report.records)
    count = sum(len(choice) for choices in tokens["plain"].values() for choice in choices)
    return {
        **{way: round(count / taken, 2) for way, taken in seconds.items()},
        "tokens_per_step": round(count / steps["speculative"], 2),
        "token_mismatches": sum(
            a != b
            for key in tokens["plain"]
            for a, b in zip(*(tokens[w][key][0] for w in tokens), strict=True)
        ),
    }


def generate_speed(model: Any, requests: Sequence[Request], **settings: Any) -> float:
    """Tokens/s of transformers' greedy generate over the same prompts and lengths."""
    count, seconds = 0, 0.0
    for index, request in enumerate([requests[0], *requests]):  # the first one warms up
        length = request.sampling.max_new_tokens
        spent, new = timed_generate(model, request.prompt_token_ids, length, clock=_now, **settings)
        if index:
            seconds += spent
            count += new
    return count / seconds


def transformers_speeds(size: str, requests: Sequence[Request]) -> dict[str, float]:
    """bf16, bf16 assisted by the SSM, NF4."""
    speeds, grown = {}, f"{DEMO_MODEL}@{size}"
    model = in_transformers(grown)
    speeds["hf_bf16"] = generate_speed(model, requests)
    ssm = in_transformers(DEMO_SSM)
    speeds["hf_assisted"] = generate_speed(model, requests, assistant_model=ssm)
    del model
    four = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
    )
    model = in_transformers(grown, quantization_config=four, device_map="cpu")
    speeds["hf_nf4"] = generate_speed(model, requests)
    return speeds


def timed(what: str, function: Callable[[], Any]) -> Any:
    started = _now()
    result = function()
    print(f"{what}: {_now() - started:.1f} s", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1.1B", help="100M, 300M or 1.1B")
    parser.add_argument("--precisions", default=",".join(PRECISIONS), help="some of bf16, int8, int4")
    parser.add_argument("--repeats", type=int, default=7, help="of every step")
    parser.add_argument("--prompts", type=int, default=len(QUESTIONS), help="0: steps only")
    parser.add_argument("--max-new-tokens", type=int, default=48)
    parser.add_argument("--no-transformers", action="store_true")
    parser.add_argument("--cpu-time", action="store_true", help="CPU time; with OMP_NUM_THREADS=1")
    options = parser.parse_args()
    if options.cpu_time:
        global _clock
        _clock = time.process_time
        torch.set_num_threads(1)
    benches = {
        name: timed(f"loading {name}", lambda n=name: load(options.size, PRECISIONS[n]))
        for name in options.precisions.split(",")
    }
    some = next(iter(benches.values()))
    report: dict[str, Any] = {"size": options.size, "parameters": some.loaded.num_parameters}
    report |= {"threads": torch.get_num_threads(), "clock": "CPU" if options.cpu_time else "wall"}
    report["step_ms"] = step_times(benches, options.repeats)
    for name, by_rows in report["step_ms"].items():
        print(
            name, "  ".join(f"{rows} rows {ms['median']} ({ms['fastest']})" for rows, ms in by_rows.items())
        )
    if options.prompts:
        requests = requests_of(some, options.prompts, options.max_new_tokens)
        ssm = Bench(DEMO_SSM, torch.bfloat16)
        for name, bench in benches.items():
            report[name] = timed(name, lambda b=bench: ours(b, ssm, requests))
        report["token_mismatches"] = sum(report[name].pop("token_mismatches") for name in benches)
        if not options.no_transformers:
            report["transformers"] = transformers_speeds(options.size, requests)
            for name in benches:
                for other, speed in report["transformers"].items():
                    report[name][f"vs_{other}"] = round(report[name]["speculative"] / speed, 2)
    print(json.dumps(report))


def load(size: str, quantisation: Quantisation) -> Bench:
    return Bench(DEMO_MODEL, torch.bfloat16, quantisation=quantisation, grown=size)


if __name__ == "__main__":
    main()
