"""Models larger than memory: step time against the disk's own, speculation under offload, transformers with accelerate.

A grown copy of the demo model (the same function at a larger model's cost; its weights are repetitive, which no part
here uses) is written to a temporary folder, and every measurement runs in a process of its own, in a memory control
group whose limit is the bound and a tenth, where one can be made. A third of the weights fits; nothing is cached
beforehand. Run from the repository root; `accelerate` is needed for the comparison, `bitsandbytes` for int4. The last
line of the output is one JSON document. `--size 300M` takes a minute or two and is dominated by what a process costs;
the figures are meant for 3 GB and more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from transformers import AutoConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.grow import write_grown
from benchmarks.offload_jobs import measure
from flexserve_core import DEMO_MODEL, parse_size, resolve
from flexserve_core.models.grow import Growth
from flexserve_core.offload.bandwidth import direct_read_rate

WIDE, NARROW = (8, 96.5e6), (4, 25.2e6)  # copies of the demo model's units, and bytes of a layer then
KV_COPIES = 4
SHARE = 1 / 3
PERCENT = (100 * SHARE, 0, 100, 0, 100, 0)
CONTEXT, SHORT = 256, 32  # tokens of a text; of one of many
NEW_TOKENS = 8  # of each of many
MANY = 300  # prompts, for the batch that the plan would take
MARGIN = 1.1
SPARE = 64 * 2**20


def write_model(folder: Path, size: int) -> int:
    """The grown demo model in bf16, about that many bytes; returns its bytes."""
    layers = AutoConfig.from_pretrained(resolve(DEMO_MODEL).location).num_hidden_layers
    copies, layer_bytes = WIDE if size >= 1e9 else NARROW
    return write_grown(DEMO_MODEL, Growth(copies, KV_COPIES, max(layers, round(size / layer_bytes))), folder)


def read_rate(folder: Path) -> float:
    """Bytes per second of direct reads over all of the model's files."""
    files = sorted(folder.glob("*.safetensors"))
    seconds = sum(f.stat().st_size / direct_read_rate(f)[0] for f in files)
    return sum(f.stat().st_size for f in files) / seconds


class Comparison:
    """All measurements over one model; `found` is what the JSON line says."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options, self.model = folder, options, str(folder)
        wanted = self.planned(ssm="demo-ssm", measure_again=True)
        self.bound = int(wanted["memory"]["compute"]["needed"] + SPARE)
        self.common = {"model": self.model, "max_seq_length": CONTEXT, "max_requests_per_batch": 1}
        if options.dir:
            self.common["offload_dir"] = options.dir
        self.found: dict[str, Any] = {"model_bytes": wanted["weights_bytes"], "bound_bytes": self.bound}
        note(
            f"a third of {wanted['weights_bytes'] / 1e9:.2f} GB stays: the bound is {self.bound / 1e9:.2f} GB"
        )

    @property
    def limit(self) -> int:
        return int(self.bound * MARGIN)

    def ours(self, config: dict[str, Any], limited: bool = True, **job: Any) -> dict[str, Any]:
        job = {"kind": "ours", "tokens": self.options.tokens, "config": {**self.common, **config}, **job}
        return measure(job, self.folder, self.limit if limited else None)

    def planned(self, **settings: Any) -> dict[str, Any]:
        settings |= {
            "name": self.model,
            "context": CONTEXT,
            "percent": PERCENT,
            "offload_dir": self.options.dir,
        }
        return measure({"kind": "plan", "settings": settings}, self.folder, None)

    def bf16(self) -> None:
        """Resident, offloaded, offloaded with speculation; the disk's own rate before and after."""
        offload = {"offload": "disk", "host_memory": self.bound, "percent": PERCENT}
        resident = self.ours(_without("offload_dir") | {"speculation": False}, limited=False)
        note(f"resident: {resident['step_s']:.3f} s a step")
        rates = [read_rate(self.folder)]
        alone = self.ours({**offload, "speculation": False})
        rates.append(read_rate(self.folder))
        note(f"offloaded, plain: {alone['step_s']:.3f} s a step; {alone['weights']}")
        drafted = {"ssms": ["demo-ssm"], "text_drafters": [], "max_tree_nodes": self.options.tree}
        tree = self.ours({**offload, **drafted})
        note(f"offloaded, speculative: {tree['step_s']:.3f} s a step, {tree['tokens_per_s']:.2f} tokens/s")
        planned = self.planned()
        peaks = [run["peak"] for run in (alone, tree) if run["peak"]]
        floor = alone["bytes_per_step"] / statistics.mean(rates)
        self.found |= {
            "bytes_per_step": alone["bytes_per_step"],
            "direct_read_gbps": statistics.mean(rates) / 1e9,
            "step_s": alone["step_s"],
            "step_over_io_floor": alone["step_s"] / floor,
            "resident_step_s": resident["step_s"],
            "speculative_step_s": tree["step_s"],
            "tokens_per_step": tree["tokens_per_step"],
            "tokens_per_s": alone["tokens_per_s"],
            "speculative_tokens_per_s": tree["tokens_per_s"],
            "speculation_speedup": tree["tokens_per_s"] / alone["tokens_per_s"],
            "peak_over_bound": max(peaks) / self.bound if peaks else None,
            "planned_step_s": planned["step_s"],
            "plan_error": abs(planned["step_s"] - alone["step_s"]) / alone["step_s"],
            "token_mismatches": mismatches(resident, alone) + mismatches(resident, tree),
        }

    def int4(self) -> None:
        """The same resident fraction in 4 bits; what quantising takes is not limited."""
        quantised = {"quantization": "int4", "speculation": False}
        resident = self.ours(_without("offload_dir") | quantised, limited=False)
        moving = self.ours({**quantised, "offload": "disk", "percent": PERCENT}, limited=False)
        note(f"int4, offloaded: {moving['step_s']:.3f} s a step; resident {resident['step_s']:.3f} s")
        self.found |= {
            "int4_step_ratio": self.found["step_s"] / moving["step_s"],
            "int4_step_s": moving["step_s"],
            "int4_resident_step_s": resident["step_s"],
            "int4_bytes_per_step": moving["bytes_per_step"],
        }
        self.found["token_mismatches"] += mismatches(resident, moving)

    def accelerate(self) -> None:
        """Under the same limit; without one where it does not live with that."""
        job = {"kind": "accelerate", "model": self.model, "tokens": self.options.peer_tokens, "share": SHARE}
        try:
            peer, limited = measure(job, self.folder, self.limit), True
        except RuntimeError as error:
            note(
                f"accelerate does not live within the limit ({str(error).splitlines()[0]}); once more without"
            )
            peer, limited = measure(job, self.folder, None), False
        note(f"accelerate: {peer['tokens_per_s']:.3f} tokens/s")
        self.found |= {
            "vs_accelerate": self.found["speculative_tokens_per_s"] / peer["tokens_per_s"],
            "vs_accelerate_plain": self.found["tokens_per_s"] / peer["tokens_per_s"],
            "accelerate_tokens_per_s": peer["tokens_per_s"],
            "accelerate_bytes_per_token": peer["bytes_per_step"],
            "accelerate_within_limit": limited,
        }

    def batches(self) -> None:
        """Tokens a second by batch, also with the one that `generate --prompt-file` would take.

        The bound holds weights and cache together: what a larger batch's cache takes is read in its place.
        """
        offload = {"offload": "disk", "host_memory": self.bound, "speculation": False}
        config = {**self.common, **offload, "ssms": [], "max_seq_length": SHORT}
        job = {"kind": "choice", "config": config, "prompts": MANY, "tokens": NEW_TOKENS}
        chosen = measure(job, self.folder, self.limit)
        rows = []
        note(f"{'batch':>6} {'tokens/s':>9} {'s a step':>9} {'GB a step':>10}")
        for batch in sorted({*self.options.batches, chosen["max_requests_per_batch"]}):
            many = {"max_requests_per_batch": batch, "max_queued_requests": batch}
            many["num_kv_blocks"] = batch * chosen["num_kv_blocks"] // chosen["max_requests_per_batch"] + 2
            try:
                run = self.ours({**config, **many}, tokens=NEW_TOKENS, copies=batch)
            except RuntimeError as error:
                lines = str(error).split("\n")
                note(f"{batch:>6} does not fit: {lines[0]}: {''.join(lines[-2:]).strip()}")
                continue
            rows.append({"batch": batch, "running": run["running"], "tokens_per_s": run["tokens_per_s"]})
            rows[-1] |= {"step_s": run["step_s"], "bytes_per_step": run["bytes_per_step"]}
            moved = run["bytes_per_step"] / 1e9
            note(f"{batch:>6} {run['tokens_per_s']:>9.2f} {run['step_s']:>9.3f} {moved:>10.3f}")
        self.found |= {"batches": rows, "planned_batch": chosen["max_requests_per_batch"]}


def _without(*names: str) -> dict[str, Any]:
    """Fields that say nothing about a model that stays in memory."""
    return dict.fromkeys(names)


def mismatches(one: dict[str, Any], other: dict[str, Any]) -> int:
    """Tokens that differ, by place."""
    pairs = zip(one["tokens"], other["tokens"], strict=True)
    return sum(a != b for left, right in pairs for a, b in zip(left, right, strict=True))


def compare(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for; what was left out is null."""
    comparison = Comparison(folder, options)
    comparison.found |= dict.fromkeys(("vs_accelerate", "int4_step_ratio"))
    comparison.bf16()
    if not options.no_int4:
        comparison.int4()
    if not options.no_accelerate:
        comparison.accelerate()
    if options.batches:
        comparison.batches()
    return comparison.found


def note(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="3GB", help="of the model in bf16, like 300M or 3GB")
    parser.add_argument("--tokens", type=int, default=16, help="new tokens of each of the two prompts")
    parser.add_argument("--peer-tokens", type=int, default=3, help="new tokens for accelerate")
    parser.add_argument("--tree", type=int, default=32, help="nodes of a tree at most")
    parser.add_argument(
        "--batches",
        type=int,
        nargs="*",
        default=[1, 8, 64, 256],
        help="batch sizes for the table; none: no table",
    )
    parser.add_argument("--no-accelerate", action="store_true")
    parser.add_argument("--no-int4", action="store_true")
    parser.add_argument(
        "--dir", default=None, help="folder (on the disk to measure) for the model and the store"
    )
    parser.add_argument("--model", default=None, help="an already written model of this benchmark")
    options = parser.parse_args()
    if options.model:
        print(json.dumps(compare(Path(options.model), options)))
        return
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="flexserve-bench-") as folder:
        size = write_model(Path(folder) / "model", parse_size("size", options.size) or 0)
        note(f"{size / 1e9:.2f} GB written")
        print(json.dumps(compare(Path(folder) / "model", options)))


if __name__ == "__main__":
    main()
