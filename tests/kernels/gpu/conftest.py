"""Runs the Triton kernels in Triton's interpreter where there is no GPU; one thread, one device."""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

HAS_TRITON = importlib.util.find_spec("triton") is not None
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when a kernel's module is imported


@pytest.fixture(autouse=True)
def _needs_triton() -> None:
    if not HAS_TRITON:
        pytest.skip("Triton is not installed")
