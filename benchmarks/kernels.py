"""Times the linear layers beside bitsandbytes and torch: `python benchmarks/kernels.py [--rows 1,16] [--ops nf4]`.

One shape, 4096 → 11008 unless told otherwise, random weights, as many layers in rotation as fill a gigabyte, so that
weights come from memory. ours, bitsandbytes and torch take turns, call by call; medians. The floor is the time to read
the layer's bytes once at the rate at which this machine sums a gigabyte of fp32. bitsandbytes in .eval() under
inference_mode; LLM.int8 gets fp16, which it would convert to. torch's line is bf16 F.linear (fp32 for fp32). Where
others use the machine too, `OMP_NUM_THREADS=1 … --cpu-time` counts the process's own CPU time on one thread. The last
line is JSON: {op: {rows: {ours_ms, bnb_ms, torch_ms, floor_ms}}}.
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
    Nf4Weight,
    available,
    prepare_linear,
    prepare_quantised_linear,
    quantise_int8,
    quantise_nf4,
)
from torch import Tensor, nn

ROTATION_BYTES = 1e9
SECONDS = 1.0  # of one measurement, all contestants together
BYTES_A_WEIGHT = {"nf4": 0.5 + 4 / 64, "int8": 1.0, "bf16": 2.0, "fp32": 4.0}
Call = Callable[[], object]
Clock = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the linear layers beside bitsandbytes and torch.")
    parser.add_argument("--rows", default="1,4,16,32,64,512")
    parser.add_argument("--ops", default=",".join(BYTES_A_WEIGHT))
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
        results = {
            op: measure(op, (depth, columns), [int(rows) for rows in options.rows.split(",")], rate, clock)
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
        times = medians(calls, clock)
        results[str(rows)] = {f"{name}_ms": times.get(name) for name in ("ours", "bnb", "torch")} | {
            "floor_ms": floor
        }
        line = "  ".join(f"{name} {ms:7.2f}" for name, ms in times.items())
        print(
            f"{op:5} {rows:4} rows  {line} ms  floor {floor:.2f} ({floor / times['ours']:.0%} of ours)",
            flush=True,
        )
    layers.clear()
    gc.collect()
    return results


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
    memory = torch.ones(2**28)
    times = []
    for _ in range(6):
        started = clock()
        memory.sum()
        times.append(clock() - started)
    return memory.nbytes / min(times[1:])


if __name__ == "__main__":
    main()
