"""Which implementation of each op runs here, and why."""

from __future__ import annotations

from dataclasses import dataclass

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


def available() -> tuple[KernelChoice, ...]:
    """The choice for every op on CPU tensors, by name; on other devices the torch reference runs."""
    compiled, reason = "C++", "FLEXSERVE_REFERENCE is set"
    if not reference_forced():
        reason = load_native().reason
    if native_library() is None:
        compiled = REFERENCE
    return (
        KernelChoice("kv_append", REFERENCE, "one index_copy_ per tensor"),
        KernelChoice("kv_move", REFERENCE, "one index_copy_ per tensor"),
        KernelChoice("prepare_linear", REFERENCE, "torch's matmul in blocks of fixed shape"),
        KernelChoice("rowwise_activation", compiled, reason),
        KernelChoice("tree_attention", compiled, reason),
    )
