"""Which implementation of each op runs here, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from flexserve_kernels.accelerator import load_triton
from flexserve_kernels.cpu.linear import KINDS, takes_tiles
from flexserve_kernels.environment import reference_forced
from flexserve_kernels.native import NativeLibrary, load_native

REFERENCE = "torch reference"


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """One op's implementation on this machine and the reason for it."""

    op: str
    chosen: str
    reason: str


def native_library() -> NativeLibrary | None:
    """The compiled CPU kernels, unless there are none or the reference is asked for."""
    return None if reference_forced() else load_native().library


def linear_library(device: torch.device, kind: str) -> NativeLibrary | None:
    """What computes a linear layer of this kind there; None for torch."""
    return native_library() if device.type == "cpu" and kind in KINDS else None


def triton_runs(device: torch.device) -> bool:
    """The Triton kernels run on this device and nobody asked for the reference."""
    return device.type == "cuda" and not reference_forced() and load_triton(device).usable


def available(device: torch.device | str = "cpu") -> tuple[KernelChoice, ...]:
    """The choice for every op on tensors of this device, by name."""
    device = torch.device(device)
    if device.type == "cpu":
        return _on_cpu()
    reason = f"there are no kernels for {device.type}"
    if device.type == "cuda":
        reason = "FLEXSERVE_REFERENCE is set" if reference_forced() else load_triton(device).reason
    chosen = "Triton" if triton_runs(device) else REFERENCE
    return (
        KernelChoice("kv_append", REFERENCE, "one index_copy_ per tensor"),
        KernelChoice("kv_move", chosen, reason),
        KernelChoice("prepare_linear", REFERENCE, "torch's matmul in blocks of fixed shape"),
        KernelChoice("rms_norm", REFERENCE, "the model's own module"),
        KernelChoice("rowwise_activation", REFERENCE, "torch's elementwise op, row by row"),
        KernelChoice("tree_attention", chosen, reason),
    )


def _on_cpu() -> tuple[KernelChoice, ...]:
    compiled, reason = "C++", "FLEXSERVE_REFERENCE is set"
    if not reference_forced():
        reason = load_native().reason
    if native_library() is None:
        compiled = REFERENCE
    return (
        KernelChoice("kv_append", REFERENCE, "one index_copy_ per tensor"),
        KernelChoice("kv_move", REFERENCE, "one index_copy_ per tensor"),
        _linear_on_cpu(compiled, reason),
        KernelChoice("rms_norm", compiled, reason),
        KernelChoice("rowwise_activation", compiled, reason),
        KernelChoice("tree_attention", compiled, _attention_reason(reason)),
    )


def _attention_reason(reason: str) -> str:
    library = native_library()
    tiles = library is not None and takes_tiles(library, "bf16")
    return f"bf16 in AMX tiles, else vectors; {reason}" if tiles else reason


def _linear_on_cpu(compiled: str, reason: str) -> KernelChoice:
    library = native_library()
    if library is None:
        return KernelChoice("prepare_linear", REFERENCE, "torch's matmul in blocks of fixed shape")
    tiles = [kind for kind in KINDS if takes_tiles(library, kind)]
    lanes = [kind for kind in KINDS if kind not in tiles]
    parts = [
        f"{', '.join(kinds)} {where}"
        for kinds, where in ((tiles, "in AMX tiles"), (lanes, "in vectors"))
        if kinds
    ]
    return KernelChoice("prepare_linear", compiled, f"packed weights: {'; '.join(parts)}; {reason}")
