"""What the kernel tests share: every attention implementation of this machine, and thread counts put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flexserve_kernels
import pytest
import torch
from flexserve_kernels.cpu.attention import NativeAttention
from flexserve_kernels.native import INSTRUCTION_SETS, load_from, usable_instruction_sets
from flexserve_kernels.reference.attention import tree_attention as reference_attention

PACKAGE = Path(flexserve_kernels.__file__).parent
USABLE = usable_instruction_sets()


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture
def keep_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest, keep_threads: None) -> int:
    torch.set_num_threads(request.param)
    return request.param


def native_attention(name: str) -> NativeAttention:
    if name not in USABLE:
        pytest.skip(f"this processor has no {name}")
    loaded = load_from(PACKAGE, (name,))
    if loaded.library is None:
        pytest.skip(f"_native_{name}: {loaded.reason}")
    return NativeAttention(loaded.library)


@pytest.fixture(params=INSTRUCTION_SETS)
def native(request: pytest.FixtureRequest) -> NativeAttention:
    return native_attention(request.param)


@pytest.fixture(params=["reference", *INSTRUCTION_SETS])
def attention(request: pytest.FixtureRequest):
    return reference_attention if request.param == "reference" else native_attention(request.param)
