"""Times the kernels beside bitsandbytes and torch: `python benchmarks/kernels.py [--rows 1,16] [--ops nf4]`.

One shape, 4096 → 11008 unless told otherwise, random weights, as many layers in rotation as fill a gigabyte, so that
weights come from memory. ours, bitsandbytes and torch take turns, call by call; medians. The floor is the time to read
the layer's bytes once at the rate at which this machine sums a gigabyte of fp32 in pages like those of our weights.
bitsandbytes in .eval() under inference_mode; LLM.int8 gets fp16, which it would convert to. torch's line is bf16
F.linear (fp32 for fp32).
`attention`: the rows are a token tree, six deep, behind 1,000 tokens; 32 heads over 4, 64 wide, in bf16, 64 caches in
rotation; torch's line is scaled_dot_product_attention with the tree's mask over the same keys, already gathered.
`attention8`: ours over an int8 cache, torch's as before.
Where others use the machine too, `OMP_NUM_THREADS=1 … --cpu-time` counts the process's own CPU time on one thread. The
last line is JSON: {op: {rows: {ours_ms, bnb_ms, torch_ms, floor_ms}}}.
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from flexserve_kernels import (
    AttentionPlan,
    Nf4Weight,
    available,
    prepare_linear,
    prepare_quantised_linear,
    quantise_int8,
    quantise_nf4,
    tree_attention,
)
from flexserve_kernels.cache import pack_cache_rows
from flexserve_kernels.cpu.packing import empty_on_cache_lines
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

ROTATION_BYTES = 1e9
SECONDS = 1.0  # of one measurement, all contestants together
ATTENTION = ("attention", "attention8")
BYTES_A_WEIGHT = {"nf4": 0.5 + 4 / 64, "int8": 1.0, "bf16": 2.0, "fp32": 4.0}
HEADS, KV_HEADS, HEAD_DIM, CONTEXT, TREE_DEPTH, CACHES = 32, 4, 64, 1000, 6, 64
Call = Callable[[], object]
Clock = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the kernels beside bitsandbytes and torch.")
    parser.add_argument("--rows", default="1,4,16,32,64,512")
    parser.add_argument("--ops", default=",".join((*BYTES_A_WEIGHT, *ATTENTION)))
    parser.add_argument("--shape", default="4096,11008", help="K,N")
    parser.add_argument(
        "--cpu-time", action="store_true", help="one thread, its CPU time instead of the wall's"
    )
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    if options.cpu_time:
        torch.set_num_threads(1)
    depth, columns = map(int, options.shape.split(","))
    with torch.inference_mode():
        rate = read_rate(clock)
        print(
            f"{torch.get_num_threads()} threads, {rate / 1e9:.1f} GB/s; {depth} → {columns}; {clock.__name__}"
        )
        print(next(choice for choice in available() if choice.op == "prepare_linear").reason)
        counts = [int(rows) for rows in options.rows.split(",")]
        results = {
            op: measure_attention(op, counts, rate, clock)
            if op in ATTENTION
            else measure(op, (depth, columns), counts, rate, clock)
            for op in options.ops.split(",")
        }
    print(json.dumps(results))


def measure(
    op: str, shape: tuple[int, int], row_counts: list[int], rate: float, clock: Clock
) -> dict[str, dict[str, float | None]]:
    """One op at every number of rows. shape: (K, N); rate: bytes per second of reading memory."""
    depth, columns = shape
    floor = depth * columns * BYTES_A_WEIGHT[op] / rate * 1e3
    dtype = torch.float32 if op == "fp32" else torch.bfloat16
    weight = torch.randn(columns, depth, dtype=dtype) / depth**0.5
    layers = {"ours": our_layers(op, weight), "torch": torch_layers(weight)}
    if op in ("nf4", "int8"):
        layers["bnb"] = bitsandbytes_layers(op, weight)
    results = {}
    for rows in row_counts:
        x = torch.randn(rows, depth, dtype=dtype)
        calls = {
            name: rotation(own, x.half() if (op, name) == ("int8", "bnb") else x)
            for name, own in layers.items()
        }
        results[str(rows)] = reported(op, rows, medians(calls, clock), floor)
    layers.clear()
    gc.collect()
    return results


def reported(op: str, rows: int, times: dict[str, float], floor: float) -> dict[str, float | None]:
    """Prints one line; milliseconds by contestant, None for one that did not take part."""
    line = "  ".join(f"{name} {ms:7.2f}" for name, ms in times.items())
    share = floor / times["ours"]
    print(f"{op:10} {rows:4} rows  {line} ms  floor {floor:.2f} ({share:.0%} of ours)", flush=True)
    return {f"{name}_ms": times.get(name) for name in ("ours", "bnb", "torch")} | {"floor_ms": floor}


def measure_attention(
    op: str, row_counts: list[int], rate: float, clock: Clock
) -> dict[str, dict[str, float | None]]:
    """A tree's attention at every number of rows."""
    results = {}
    in_cache = pack_cache_rows if op == "attention8" else torch.clone
    for rows in row_counts:
        length = CONTEXT + rows
        caches = [random_cache(length) for _ in range(CACHES)]
        q = torch.randn(rows, HEADS, HEAD_DIM, dtype=torch.bfloat16)
        plan, mask = tree_of(rows)
        ours = [tuple(in_cache(tensor) for tensor in cache) for cache in caches]
        turns = {"ours": itertools.cycle(ours), "torch": itertools.cycle(caches)}
        calls: dict[str, Call] = {
            "ours": lambda q=q, plan=plan, turn=turns["ours"]: tree_attention(
                q, *next(turn), plan, scale=HEAD_DIM**-0.5
            ),
            "torch": lambda q=q, mask=mask, turn=turns["torch"]: dense_attention(q, *next(turn), mask),
        }
        floor = length * sum(tensor[0].nbytes for tensor in ours[0]) / rate * 1e3
        results[str(rows)] = reported(op, rows, medians(calls, clock), floor)
    return results


def random_cache(length: int) -> tuple[Tensor, Tensor]:
    """Keys and values [length, Hkv, D]."""
    shape = (length, KV_HEADS, HEAD_DIM)
    return torch.randn(shape, dtype=torch.bfloat16), torch.randn(shape, dtype=torch.bfloat16)


def tree_of(rows: int) -> tuple[AttentionPlan, Tensor]:
    """A chain of TREE_DEPTH - 1 nodes, and all others as leaves below its end; the plan and the mask [rows, keys]."""
    depths = torch.arange(rows).clamp(max=TREE_DEPTH - 1)
    tails = torch.arange(TREE_DEPTH).repeat(rows, 1)
    tails[torch.arange(rows), depths] = torch.arange(rows)
    mask = torch.zeros(rows, CONTEXT + rows, dtype=torch.bool)
    mask[:, :CONTEXT] = True
    for row, depth in enumerate(depths.tolist()):
        mask[row, CONTEXT + tails[row, : depth + 1]] = True
    plan = AttentionPlan(
        slots=CONTEXT + torch.arange(rows),
        positions=CONTEXT + depths,
        group=torch.zeros(rows, dtype=torch.int64),
        trunk_slots=torch.arange(CONTEXT)[None],
        trunk_length=torch.tensor([CONTEXT]),
        tail_slots=CONTEXT + tails.clamp(max=rows - 1),
    )
    return plan, mask


def dense_attention(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """[1, Hq, rows, D] over keys and values [S, Hkv, D]."""
    heads = (x.transpose(0, 1)[None] for x in (q, keys, values))
    return scaled_dot_product_attention(*heads, attn_mask=mask, enable_gqa=True)


def copies(num_bytes: int) -> int:
    return max(2, round(ROTATION_BYTES / num_bytes))


def our_layers(op: str, weight: Tensor) -> list[nn.Module]:
    count = copies(round(weight.numel() * BYTES_A_WEIGHT[op]))
    if op == "nf4":
        quantised = quantise_nf4(weight)
        assert isinstance(quantised, Nf4Weight)
        return [prepare_quantised_linear(quantised) for _ in range(count)]
    if op == "int8":
        eight = quantise_int8(weight)
        return [prepare_quantised_linear(eight) for _ in range(count)]
    return [prepare_linear(weight, kind=op) for _ in range(count)]


def torch_layers(weight: Tensor) -> list[nn.Module]:
    layers = []
    for _ in range(copies(weight.nbytes)):
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        layer.weight = nn.Parameter(weight.clone(), requires_grad=False)
        layers.append(layer.eval())
    return layers


def bitsandbytes_layers(op: str, weight: Tensor) -> list[nn.Module]:
    """Quantised once and copied; every copy is warmed, for NF4 is repacked by the first call."""
    bnb: Any = importlib.import_module("bitsandbytes")  # a peer, not a dependency

    columns, depth = weight.shape
    if op == "nf4":
        layer = bnb.nn.Linear4bit(depth, columns, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4")
        layer.weight = bnb.nn.Params4bit(weight.clone(), requires_grad=False, quant_type="nf4", blocksize=64)
    else:
        layer = bnb.nn.Linear8bitLt(depth, columns, bias=False, has_fp16_weights=False, threshold=6.0)
        layer.weight = bnb.nn.Int8Params(weight.clone(), requires_grad=False, has_fp16_weights=False)
    layer = layer.to("cpu").eval()
    layers = [copy.deepcopy(layer) for _ in range(copies(round(weight.numel() * BYTES_A_WEIGHT[op])))]
    x = torch.randn(1, depth, dtype=torch.bfloat16 if op == "nf4" else torch.float16)
    for each in layers:
        each(x)
    return layers


def rotation(layers: list[nn.Module], x: Tensor) -> Call:
    """A call of the next layer."""
    turn = itertools.cycle(layers)
    return lambda: next(turn)(x)


def medians(calls: dict[str, Call], clock: Clock) -> dict[str, float]:
    """Milliseconds a call, the contestants taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in (*calls.values(), *calls.values()):
        call()
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or min(map(len, times.values())) < 5:
        for name, call in calls.items():
            started = clock()
            call()
            times[name].append((clock() - started) * 1e3)
    return {name: statistics.median(own) for name, own in times.items()}


def read_rate(clock: Clock) -> float:
    """Bytes per second of summing a gigabyte of fp32; the best of five."""
    memory = empty_on_cache_lines((2**28,), torch.float32).fill_(1.0)
    times = []
    for _ in range(6):
        started = clock()
        memory.sum()
        times.append(clock() - started)
    return memory.nbytes / min(times[1:])


if __name__ == "__main__":
    main()
