"""Whether the Triton kernels may run on a CUDA device, and the reason in words. Imports Triton only when asked."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache

import torch


@dataclass(frozen=True, slots=True)
class TritonResult:
    """usable: the kernels compiled and agreed with the torch reference on the device itself."""

    usable: bool
    reason: str


@lru_cache(maxsize=16)
def load_triton(device: torch.device) -> TritonResult:
    """Looked into once a device; the first call compiles, which takes some seconds."""
    if importlib.util.find_spec("triton") is None:
        return TritonResult(False, "Triton is not installed")
    from flexserve_kernels.gpu.selftest import failure

    problem = failure(device)
    if problem:
        return TritonResult(False, f"self-test on {device}: {problem}")
    return TritonResult(True, "compiled by Triton; agrees with the torch reference here")
