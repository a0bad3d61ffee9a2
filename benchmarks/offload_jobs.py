"""The measurements of benchmarks/offload.py in processes of their own: this engine, transformers with accelerate.

`measure` starts one, in a memory control group where a limit is given and one can be made. Run by offload.py only.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import memory_cgroup
from flexserve_core import EngineConfig, build_server, for_many, plan_model

PROMPTS = ("Once upon a time", "What is a rainbow?")


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
    """Complete the prompts one after the other, or `copies` of one all at once."""
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
        "running": max(record.running for record in steps.records),
        "weights": [choice.chosen for choice in server.info.choices if choice.what == "weights"],
    }


def run_accelerate(job: dict[str, Any]) -> dict[str, Any]:
    """transformers' generate with accelerate's disk offload, the same share of layers resident."""
    layers = AutoConfig.from_pretrained(job["model"]).num_hidden_layers
    places: dict[str, Any] = dict.fromkeys(
        ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"), "cpu"
    )
    for layer in range(layers):
        places[f"model.layers.{layer}"] = "cpu" if layer < layers * job["share"] else "disk"
    with tempfile.TemporaryDirectory(dir=Path(job["model"]).parent) as spill:
        model: Any = AutoModelForCausalLM.from_pretrained(
            job["model"], dtype=torch.bfloat16, device_map=places, offload_folder=spill
        )
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


def run_plan(job: dict[str, Any]) -> dict[str, Any]:
    """What `flexserve plan` says, of a process that has not done anything else."""
    return plan_model(**job["settings"])


def run_choice(job: dict[str, Any]) -> dict[str, Any]:
    """The batch that `generate --prompt-file` would take for so many prompts."""
    chosen = for_many(EngineConfig(**job["config"]), [len(PROMPTS[0])] * job["prompts"], job["tokens"])
    return {"max_requests_per_batch": chosen.max_requests_per_batch, "num_kv_blocks": chosen.num_kv_blocks}


RUNS = {"ours": run_ours, "accelerate": run_accelerate, "plan": run_plan, "choice": run_choice}


def forget_cached(folder: Path) -> None:
    """Drop the model's files from the page cache."""
    os.sync()
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(job: dict[str, Any], folder: Path, limit: int | None, timeout: float = 900.0) -> dict[str, Any]:
    """Run a job in a process of its own; with a limit in a control group. Adds `peak` (bytes, None if unknown).

    Threads that wait sleep (all jobs alike): where there are few cores, one that spins takes the reader's.
    RuntimeError when it fails, for example because it was killed at the limit.
    """
    forget_cached(folder)
    group = memory_cgroup.make(limit) if limit else None
    try:
        done = subprocess.run(
            [sys.executable, __file__, json.dumps(job)],
            preexec_fn=group.enter if group else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
        )
        if done.returncode:
            raise RuntimeError(f"{job['kind']} ended with {done.returncode}\n{done.stderr[-2000:]}")
        return {**json.loads(done.stdout.splitlines()[-1]), "peak": group.peak() if group else None}
    finally:
        if group:
            group.remove()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(RUNS[asked["kind"]](asked)))
