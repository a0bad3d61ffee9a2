"""The Triton kernels on a GPU: right, row-invariant, and how near the memory's speed, beside cuBLAS and bitsandbytes.

Two layer sizes, 1 to 64 rows; weights rotate over at least 1 GB, so that none stays in the L2 cache. Milliseconds are
medians between CUDA events; the copy bandwidth is measured in the same run. Without a CUDA device it says so and ends;
bitsandbytes is compared when it is installed. The last line of the output is one JSON document:
`{copy_gbps, shapes: {NxK: {kind: {rows: {ours_ms, peer_ms, share_of_copy}}}}, wrong, unequal_rows}`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

import torch
from torch import Tensor
from torch.nn.functional import linear as torch_linear
from tqdm import tqdm

SHAPES = ((11008, 4096), (28672, 8192))  # (N, K)
ROWS = (1, 4, 16, 32, 64)
ROTATE_BYTES = 1 << 30
Call = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Kind:
    """One kind of weight: our layers and the peer's over the same values, and the bytes one of ours reads."""

    name: str
    ours: Sequence[Call]
    peer_name: str
    peers: Sequence[Call]
    bytes_read: int


def median_ms(calls: Sequence[Call], x: Tensor, repeats: int = 60) -> float:
    """One call, the layers in rotation."""
    layers = cycle(calls)
    for _ in range(max(10, len(calls))):
        next(layers)(x)
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        next(layers)(x)
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def copy_gbps() -> float:
    """GB/s read plus written by a device-to-device copy of 1 GiB."""
    source = torch.empty(ROTATE_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * ROTATE_BYTES / median_ms([target.copy_], source, 20) / 1e6


def dense(n: int, k: int) -> Kind:
    """bf16 against cuBLAS."""
    from flexserve_kernels.gpu.linear import dense_linear

    count = max(2, ROTATE_BYTES // (2 * n * k))
    weights = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) for _ in range(count)]
    ours = [lambda x, w=w: dense_linear(x, w) for w in weights]
    return Kind("bf16", ours, "cuBLAS", [lambda x, w=w: torch_linear(x, w) for w in weights], 2 * n * k)


def nf4(n: int, k: int) -> Kind:
    """NF4 against bitsandbytes, on its quantiser's own codes."""
    from bitsandbytes.functional import dequantize_4bit, gemv_4bit, quantize_4bit
    from flexserve_kernels.gpu.linear import nf4_linear

    count = max(2, 2 * ROTATE_BYTES // (n * k))
    packed = [
        quantize_4bit(torch.randn(n, k, device="cuda", dtype=torch.bfloat16), quant_type="nf4")
        for _ in range(count)
    ]

    def peer(x: Tensor, codes: Tensor, state: object) -> Tensor:
        if x.shape[0] == 1:
            return gemv_4bit(x, codes.t(), state=state)  # bitsandbytes' own choice for one row
        return torch_linear(x, dequantize_4bit(codes, state).to(x.dtype))

    ours = [lambda x, c=c, s=s: nf4_linear(x, c.view(-1), s.absmax, s.code) for c, s in packed]
    peers = [lambda x, c=c, s=s: peer(x, c, s) for c, s in packed]
    return Kind("nf4", ours, "bitsandbytes", peers, n * k // 2 + n * k // 16)


def int8(n: int, k: int) -> Kind:
    """LLM.int8 against bitsandbytes' layer."""
    from bitsandbytes.nn import Linear8bitLt
    from flexserve_kernels.gpu.linear import int8_linear

    count = max(2, ROTATE_BYTES // (n * k))
    layers = []
    for _ in range(count):
        layer = Linear8bitLt(k, n, bias=False, has_fp16_weights=False, threshold=6.0)
        layers.append(layer.to(torch.bfloat16).cuda().eval())
    ours = [lambda x, w=layer.weight: int8_linear(x, w.CB, w.SCB) for layer in layers]
    return Kind("int8", ours, "bitsandbytes", layers, n * k)


def unequal(kind: Kind, k: int) -> int:
    """Rows of 65 that change a bit with their company."""
    from flexserve_kernels import unequal_rows

    return unequal_rows(kind.ours[0], torch.randn(65, k, device="cuda", dtype=torch.bfloat16))


def relative_error(kind: Kind, k: int) -> float:
    """Of our first layer to the peer's, both bf16, by the largest output."""
    x = torch.randn(16, k, device="cuda", dtype=torch.bfloat16)
    ours, peer = kind.ours[0](x).float(), kind.peers[0](x).float()
    return float((ours - peer).abs().max() / peer.abs().max())


def main() -> None:
    """Measure, print a table, end in one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=60, help="timed calls for each figure")
    repeats = parser.parse_args().repeats
    if not torch.cuda.is_available():
        print("No CUDA device: the kernels' tests run in Triton's interpreter (tests/kernels/gpu).")
        return
    kinds = [dense, *([nf4, int8] if importlib.util.find_spec("bitsandbytes") else [])]
    copy = copy_gbps()
    print(f"{torch.cuda.get_device_name()}: copy {copy:.0f} GB/s")
    wrong: list[str] = []
    broken = 0
    shapes: dict[str, dict[str, dict[int, dict[str, float]]]] = {}
    with torch.inference_mode():
        for (n, k), make in tqdm([(shape, make) for shape in SHAPES for make in kinds], unit="kind"):
            kind = make(n, k)
            broken += unequal(kind, k)
            if (error := relative_error(kind, k)) > 0.02:
                wrong.append(f"{kind.name} {n}x{k}: {error:.3g}")
            table: dict[int, dict[str, float]] = {}
            for rows in ROWS:
                x = torch.randn(rows, k, device="cuda", dtype=torch.bfloat16)
                ours, peer = median_ms(kind.ours, x, repeats), median_ms(kind.peers, x, repeats)
                share = kind.bytes_read / ours / 1e6 / copy
                table[rows] = {"ours_ms": ours, "peer_ms": peer, "share_of_copy": share}
                tqdm.write(
                    f"{n}x{k} {kind.name:5} {rows:3} rows: {ours:7.3f} ms, "
                    f"{kind.peer_name} {peer:7.3f} ms, {share:4.0%} of copy bandwidth"
                )
            shapes.setdefault(f"{n}x{k}", {})[kind.name] = table
    print(json.dumps({"copy_gbps": copy, "shapes": shapes, "wrong": wrong, "unequal_rows": broken}))


if __name__ == "__main__":
    main()
