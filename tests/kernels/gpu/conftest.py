"""The Triton kernels' tests; where there is no GPU they run in Triton's interpreter, which tests/conftest.py chose."""

from __future__ import annotations

import importlib.util

import pytest
import torch

HAS_TRITON = importlib.util.find_spec("triton") is not None
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def _needs_triton() -> None:
    if not HAS_TRITON:
        pytest.skip("Triton is not installed")
