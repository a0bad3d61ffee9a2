"""Which implementation of each op runs here, and why.

Knows the implementations by name only; `ops.py` calls them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexserve_kernels.environment import reference_forced


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """One op's implementation on this machine and the reason for it."""

    op: str
    chosen: str
    reason: str


def available() -> tuple[KernelChoice, ...]:
    """The choice for every op on CPU tensors, in alphabetical order."""
    ops = ("kv_append", "kv_move", "prepare_linear", "rowwise_activation", "tree_attention")
    reason = "FLEXSERVE_REFERENCE is set" if reference_forced() else "the only implementation"
    return tuple(KernelChoice(op, "torch reference", reason) for op in ops)
