"""Models larger than memory: step time against the disk's own, speculation under offload, transformers with accelerate.

A grown copy of the demo model (the same function at a larger model's cost; its weights are repetitive, which no part
here uses) is written to a temporary folder, and every measurement runs in a process of its own, in a memory control
group whose limit is the bound, where one can be made. A third of the weights fits; nothing is cached beforehand. Run
from the repository root; `accelerate` is needed for the comparison. The last line of the output is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import memory_cgroup
from flexserve_core import EngineConfig, build_server, plan_model, resolve
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.grow import Growth, grow_config, grow_weights
from flexserve_core.offload.bandwidth import direct_read_rate
from flexserve_core.offload.headers import read_header

COPIES, KV_COPIES = 8, 4
LAYER_BYTES = 96.5e6  # of the demo model grown by these
PROMPTS = ("Once upon a time", "What is a rainbow?")
SHARE = 1 / 3
CONTEXT = 256
MARGIN = 1.1


def write_model(folder: Path, gigabytes: float) -> int:
    """The grown demo model in bf16, about that large, in files of a gigabyte; returns its bytes."""
    source = Path(resolve("demo").location)
    config = AutoConfig.from_pretrained(source)
    growth = Growth(COPIES, KV_COPIES, max(config.num_hidden_layers, round(gigabytes * 1e9 / LAYER_BYTES)))
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder)
    grow_config(config, growth).save_pretrained(folder)
    files: list[dict[str, torch.Tensor]] = [{}]
    for name, deferred in sorted(grow_weights(config, growth, open_checkpoint("demo", source)).items()):
        if sum(tensor.nbytes for tensor in files[-1].values()) > 1e9:
            _save(files.pop(), folder)
            files.append({})
        files[-1][name] = deferred[...].to(torch.bfloat16)
    _save(files[-1], folder)
    tensors = [tensor for file in folder.glob("*.safetensors") for tensor in read_header(file)]
    places = {tensor.name: tensor.file.name for tensor in tensors}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return sum(tensor.nbytes for tensor in tensors)


def _save(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    number = len(list(folder.glob("*.safetensors"))) + 1
    save_file(tensors, folder / f"model-{number:05}.safetensors", metadata={"format": "pt"})


def forget_cached(folder: Path) -> None:
    """Drop the model's files from the page cache."""
    os.sync()
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_rate(folder: Path) -> float:
    """Bytes per second of direct reads over all of the model's files."""
    files = sorted(folder.glob("*.safetensors"))
    return sum(f.stat().st_size for f in files) / sum(
        f.stat().st_size / direct_read_rate(f)[0] for f in files
    )


# -- in a process of its own -----------------------------------------------------------------------------------


class Steps:
    """Observer: when each engine step ended, and what it did."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.records: list[Any] = []

    def on_step(self, record: Any) -> None:
        self.ends.append(time.perf_counter())
        self.records.append(record)

    def on_request(self, result: Any) -> None:
        """Nothing is kept of it."""

    def decode_seconds(self) -> list[float]:
        """Of the steps that only decoded, after another step."""
        pairs = zip(self.ends, self.ends[1:], self.records[1:], strict=False)
        return [end - start for start, end, record in pairs if record.prompt_tokens == 0]


def run_ours(job: dict[str, Any]) -> dict[str, Any]:
    """Complete the prompts one after the other, or all at once with `together`."""
    server = build_server(EngineConfig(**job["config"]))
    steps = Steps()
    server.add_observer(steps)
    kinds = [{"temperature": 0.0}, {"temperature": 0.8, "seed": 7}]
    prompts = PROMPTS if not job.get("copies") else [f"{PROMPTS[0]} {i}" for i in range(job["copies"])]
    requests = [
        server.make_request(prompt=prompt, max_new_tokens=job["tokens"], ignore_eos=True, **kinds[i % 2])
        for i, prompt in enumerate(prompts)
    ]
    before, started = bytes_read(), time.perf_counter()
    with server:
        if job.get("copies"):
            results = [stream.result() for stream in [server.submit(request) for request in requests]]
        else:
            results = [server.submit(request).result() for request in requests]
        seconds = time.perf_counter() - started
    moved = bytes_read() - before
    tokens = [list(result.choices[0].token_ids) for result in results]
    return {
        "tokens": tokens,
        "tokens_per_s": sum(map(len, tokens)) / seconds,
        "steps": len(steps.ends),
        "step_s": statistics.median(steps.decode_seconds()),
        "bytes_per_step": moved / len(steps.ends),
        "tokens_per_step": sum(map(len, tokens)) / len(steps.ends),
        "weights": [choice.chosen for choice in server.info.choices if choice.what == "weights"],
    }


def run_accelerate(job: dict[str, Any]) -> dict[str, Any]:
    """transformers' generate with accelerate's disk offload, the same share of layers resident."""
    layers = AutoConfig.from_pretrained(job["model"]).num_hidden_layers
    places: dict[str, Any] = dict.fromkeys(
        ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"), "cpu"
    )
    for layer in range(layers):
        places[f"model.layers.{layer}"] = "cpu" if layer < layers * SHARE else "disk"
    with tempfile.TemporaryDirectory(dir=Path(job["model"]).parent) as spill:
        model = AutoModelForCausalLM.from_pretrained(
            job["model"], dtype=torch.bfloat16, device_map=places, offload_folder=spill
        ).eval()
        ids = torch.tensor([AutoTokenizer.from_pretrained(job["model"])(PROMPTS[0])["input_ids"]])
        before, started = bytes_read(), time.perf_counter()
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=job["tokens"],
            min_new_tokens=job["tokens"],
            do_sample=False,
            pad_token_id=0,
        )
        seconds = time.perf_counter() - started
    made = out.shape[1] - ids.shape[1]
    return {"tokens_per_s": made / seconds, "bytes_per_step": (bytes_read() - before) / made}


def bytes_read() -> int:
    """From disk by this process so far."""
    found = re.search(r"read_bytes: (\d+)", Path("/proc/self/io").read_text())
    return int(found[1]) if found else 0


def work(job: dict[str, Any]) -> None:
    found = run_accelerate(job) if job["kind"] == "accelerate" else run_ours(job)
    print(json.dumps(found))


# -- around them -----------------------------------------------------------------------------------------------


def measure(job: dict[str, Any], folder: Path, limit: int | None, timeout: float = 600.0) -> dict[str, Any]:
    """Run a job in a process of its own; with a limit in a control group. Adds `peak` (bytes, None if unknown)."""
    forget_cached(folder)
    group = memory_cgroup.make(limit) if limit else None
    try:
        done = subprocess.run(
            [sys.executable, __file__, "--work", json.dumps(job)],
            preexec_fn=group.enter if group else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise RuntimeError(f"{job}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return {**json.loads(done.stdout.splitlines()[-1]), "peak": group.peak() if group else None}
    finally:
        if group:
            group.remove()


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All measurements over one model."""
    model = str(folder)
    percent = (100 * SHARE, 0, 100, 0, 100, 0)
    wanted = plan_model(model, ssm="demo-ssm", context=CONTEXT, percent=percent, measure_again=True)
    bound = int(wanted["memory"]["compute"]["needed"] + 64 * 2**20)
    planned = plan_model(model, context=CONTEXT, host_memory=bound)
    common = {"model": model, "max_seq_length": CONTEXT, "max_requests_per_batch": 1}
    offload = {**common, "offload": "disk", "host_memory": bound}
    plain = {"speculation": False}
    drafted = {"ssms": ["demo-ssm"], "text_drafters": [], "max_tree_nodes": options.tree}
    limit = int(bound * MARGIN)
    note(f"the bound is {bound / 1e9:.2f} GB")
    ours = {"kind": "ours", "tokens": options.tokens}
    resident = measure({**ours, "config": {**common, **plain}}, folder, None)
    note(f"resident: {resident['step_s']:.3f} s a step")
    rates = [read_rate(folder)]
    alone = measure({**ours, "config": {**offload, **plain}}, folder, limit)
    rates.append(read_rate(folder))
    note(f"offloaded, plain: {alone['step_s']:.3f} s a step, {alone['weights']}")
    with_ssm = measure({**ours, "config": {**offload, **drafted}}, folder, limit)
    note(
        f"offloaded, speculative: {with_ssm['step_s']:.3f} s a step, {with_ssm['tokens_per_s']:.2f} tokens/s"
    )
    peer = None
    if not options.no_accelerate:
        job = {"kind": "accelerate", "model": model, "tokens": options.peer_tokens}
        peer = measure(job, folder, limit)
        note(f"accelerate: {peer['tokens_per_s']:.3f} tokens/s")
    table = []
    for copies in options.batches:
        config = {**offload, **plain, "max_requests_per_batch": copies, "max_seq_length": 64}
        found = measure({**ours, "tokens": 8, "copies": copies, "config": config}, folder, limit)
        table.append({"batch": copies, "tokens_per_s": found["tokens_per_s"], "step_s": found["step_s"]})
        note(f"batch {copies}: {found['tokens_per_s']:.2f} tokens/s")
    floor = alone["bytes_per_step"] / statistics.mean(rates)
    peak = max(run["peak"] or 0 for run in (alone, with_ssm))
    return {
        "model_bytes": planned["weights_bytes"],
        "bound_bytes": bound,
        "bytes_per_step": alone["bytes_per_step"],
        "direct_read_gbps": statistics.mean(rates) / 1e9,
        "step_s": alone["step_s"],
        "step_over_io_floor": alone["step_s"] / floor,
        "resident_step_s": resident["step_s"],
        "speculative_step_s": with_ssm["step_s"],
        "tokens_per_step": with_ssm["tokens_per_step"],
        "tokens_per_s": alone["tokens_per_s"],
        "speculation_speedup": with_ssm["tokens_per_s"] / alone["tokens_per_s"],
        "vs_accelerate": with_ssm["tokens_per_s"] / peer["tokens_per_s"] if peer else None,
        "vs_accelerate_plain": alone["tokens_per_s"] / peer["tokens_per_s"] if peer else None,
        "accelerate_tokens_per_s": peer["tokens_per_s"] if peer else None,
        "accelerate_bytes_per_token": peer["bytes_per_step"] if peer else None,
        "int4_step_ratio": None,  # quantised weights are not offered yet
        "peak_over_bound": peak / bound if peak else None,
        "planned_step_s": planned["step_s"],
        "plan_error": abs(planned["step_s"] - alone["step_s"]) / alone["step_s"],
        "token_mismatches": mismatches(resident, alone) + mismatches(resident, with_ssm),
        "batches": table,
    }


def mismatches(one: dict[str, Any], other: dict[str, Any]) -> int:
    """Tokens that differ, by place."""
    pairs = zip(one["tokens"], other["tokens"], strict=True)
    return sum(a != b for left, right in pairs for a, b in zip(left, right, strict=True))


def note(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=3.0, help="size of the model in bf16")
    parser.add_argument("--tokens", type=int, default=16, help="new tokens of each of the two prompts")
    parser.add_argument("--peer-tokens", type=int, default=3, help="new tokens for accelerate")
    parser.add_argument("--tree", type=int, default=32, help="nodes of a tree at most")
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="batch sizes for the table")
    parser.add_argument("--no-accelerate", action="store_true")
    parser.add_argument("--dir", default=None, help="folder (on the disk to measure) for the temporary model")
    parser.add_argument("--model", default=None, help="an already written model of this benchmark")
    parser.add_argument("--work", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(json.loads(options.work))
    if options.model:
        print(json.dumps(compare(Path(options.model), options)))
        return None
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="flexserve-bench-") as folder:
        size = write_model(Path(folder) / "model", options.gigabytes)
        note(f"{size / 1e9:.2f} GB written")
        print(json.dumps(compare(Path(folder) / "model", options)))
    return None


if __name__ == "__main__":
    main()
