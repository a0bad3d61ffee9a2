"""Grows a small trained Llama to a real size and shows that it is the same function at a larger model's cost.

Any local llama of power-of-two width can be grown: the embedded one, or one with heads of 8 as stories260K, whose grown
copies then have very many small heads, unlike any real model's (attention costs more there, products the same).
Measured in turns with the small model: the largest difference of logits, milliseconds a step, and tokens/s with and
without the small model's own SSM. `-o DIR` writes the grown checkpoint. Grown weights are repetitive: they say nothing
about quality. Source: flexserve_core/models/grow.py. The last line of the output is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoConfig

from flexserve_core import DEMO_MODEL, DEMO_SSM, EngineConfig, resolve
from flexserve_core.config import GROWN_SIZES
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.grow import Growth, grow_config, grow_weights, growth_to
from flexserve_core.offload.headers import read_header
from flexserve_core.runner.batch import chain_segment, pack, with_logits_of
from flexserve_core.testing import Bench, run_requests

PROMPTS = ("Once upon a time", "The cat", "One day, a little girl", "Tell me a story about a dog")
LENGTH = 512
FILE_BYTES = 1e9


def write_grown(name: str, growth: Growth, folder: Path) -> int:
    """The grown model as a bf16 checkpoint in files of a gigabyte, tokenizer included; returns its bytes."""
    source = Path(resolve(name).location)
    config = AutoConfig.from_pretrained(source)
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder)
    grow_config(config, growth).save_pretrained(folder)
    files: list[dict[str, torch.Tensor]] = [{}]
    for key, deferred in sorted(grow_weights(config, growth, open_checkpoint(name, source)).items()):
        if sum(tensor.nbytes for tensor in files[-1].values()) > FILE_BYTES:
            _save(files.pop(), folder)
            files.append({})
        files[-1][key] = deferred[...].to(torch.bfloat16)
    _save(files[-1], folder)
    tensors = [tensor for file in folder.glob("*.safetensors") for tensor in read_header(file)]
    places = {tensor.name: tensor.file.name for tensor in tensors}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return sum(tensor.nbytes for tensor in tensors)


def _save(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    number = len(list(folder.glob("*.safetensors"))) + 1
    save_file(tensors, folder / f"model-{number:05}.safetensors", metadata={"format": "pt"})


def logits(bench: Bench, tokens: list[int]) -> torch.Tensor:
    """[len(tokens), vocab] fp32."""
    bench.runner.allocate(-(-len(tokens) // 16), 16)
    chain = chain_segment(tokens, 0, np.arange(len(tokens), dtype=np.int64), want_last=True)
    return bench.runner.forward(pack([with_logits_of(chain, range(len(tokens) - 1))], bench.runner.device))


def largest_difference(name: str, size: str, tokens: list[int]) -> float:
    """Of logits, in fp32, over the largest logit."""
    small, grown = (logits(Bench(name, torch.float32, grown=each), tokens) for each in (None, size))
    return float((small - grown).abs().max() / small.abs().max())


def step_ms(bench: Bench, rows: int, repeats: int = 7) -> float:
    tokens = list(range(1, rows + 1))
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        logits(bench, tokens)
        times.append(time.perf_counter() - started)
    return round(1e3 * statistics.median(times[1:]), 2)


def speeds(bench: Bench, ssm: str | None, tokens: int) -> dict[str, Any]:
    """Plain and speculative decoding of the prompts, one at a time."""
    config = EngineConfig(max_seq_length=LENGTH, max_requests_per_batch=1)
    fields = {"max_new_tokens": tokens, "ignore_eos": True, "max_seq_length": LENGTH}
    requests = [bench.request(text, request_id=str(i), **fields) for i, text in enumerate(PROMPTS)]
    drafters = {"plain": []}
    if ssm is not None:
        drafters["speculative"] = [Bench(ssm, torch.bfloat16).ssm_drafter(config)]
    found, texts = {}, {}
    for way, asked in drafters.items():
        run_requests(bench.engine(asked, config), requests[:1])  # warms up
        engine = bench.engine(asked, config)
        started = time.perf_counter()
        report = run_requests(engine, requests)
        found[way] = round(len(requests) * tokens / (time.perf_counter() - started), 1)
        texts[way] = report.tokens
        found[f"{way}_tokens_per_step"] = round(len(requests) * tokens / len(report.records), 2)
    differing = [texts["plain"][key] != other for key, other in texts.get("speculative", {}).items()]
    return {**found, "texts_that_differ": sum(differing)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", default=DEMO_MODEL, help="demo, or a folder")
    parser.add_argument("--size", default="300M", choices=GROWN_SIZES)
    parser.add_argument("--ssm", help="the small model's draft model")
    parser.add_argument("--tokens", type=int, default=64, help="of each completion")
    parser.add_argument("-o", "--output", type=Path, help="write the grown checkpoint there")
    options = parser.parse_args()
    ssm = options.ssm or (DEMO_SSM if options.model == DEMO_MODEL else None)
    config = AutoConfig.from_pretrained(resolve(options.model).location)
    growth = growth_to(options.model, config, options.size)
    big = grow_config(config, growth)
    report: dict[str, Any] = {"model": options.model, "size": options.size, "growth": asdict(growth)}
    heads = f"{big.num_attention_heads} heads of {big.head_dim}, {big.num_key_value_heads} with keys"
    print(f"{big.hidden_size} wide, {big.num_hidden_layers} layers, {heads}")
    if options.output:
        report["written_bytes"] = write_grown(options.model, growth, options.output)
    tokens = [(7 * i + 3) % config.vocab_size for i in range(64)]
    report["largest_logit_difference"] = largest_difference(options.model, options.size, tokens)
    print(f"logits differ by {report['largest_logit_difference']:.1e} of the largest, in fp32")
    for name, size in (("small", None), ("grown", options.size)):
        bench = Bench(options.model, torch.bfloat16, grown=size)
        report[name] = {"parameters": bench.loaded.num_parameters}
        report[name]["step_ms"] = {str(rows): step_ms(bench, rows) for rows in (1, 32)}
        report[name] |= speeds(bench, ssm, options.tokens)
        print(name, "  ".join(f"{key} {value}" for key, value in report[name].items()), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
