"""What the kernel tests share: every attention implementation of this machine, and thread counts put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import flexserve_kernels
import pytest
import torch
from flexserve_kernels import Int8Weight, Nf4Weight
from flexserve_kernels.cpu.attention import NativeAttention
from flexserve_kernels.cpu.linear import PackedLinear, takes_tiles
from flexserve_kernels.native import INSTRUCTION_SETS, NativeLibrary, load_from, usable_instruction_sets
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


def compiled(name: str) -> NativeLibrary:
    if name not in USABLE:
        pytest.skip(f"this processor has no {name}")
    loaded = load_from(PACKAGE, (name,))
    if loaded.library is None:
        pytest.skip(f"_native_{name}: {loaded.reason}")
    return loaded.library


def native_attention(name: str) -> NativeAttention:
    return NativeAttention(compiled(name))


@dataclass(frozen=True)
class Packing:
    """A compiled library and where it multiplies: tile registers or vector lanes."""

    library: NativeLibrary
    tiles: bool

    def dense(self, weight: torch.Tensor, bias: torch.Tensor | None, kind: str) -> PackedLinear:
        return PackedLinear.from_dense(weight, bias, kind, self.library, self.tiles and kind != "fp32")

    def quantised(self, weight: Nf4Weight | Int8Weight, bias: torch.Tensor | None = None) -> PackedLinear:
        pack = PackedLinear.from_nf4 if isinstance(weight, Nf4Weight) else PackedLinear.from_int8
        return pack(weight, bias, self.library, self.tiles)


@pytest.fixture(params=["amx tiles", *INSTRUCTION_SETS])
def packing(request: pytest.FixtureRequest) -> Packing:
    library = compiled(request.param.split()[0])
    tiles = "tiles" in request.param
    if tiles and not takes_tiles(library, "bf16"):
        pytest.skip("the operating system lends no tile registers")
    return Packing(library, tiles)


@pytest.fixture(params=INSTRUCTION_SETS)
def native(request: pytest.FixtureRequest) -> NativeAttention:
    return native_attention(request.param)


@pytest.fixture(params=["reference", *INSTRUCTION_SETS])
def attention(request: pytest.FixtureRequest):
    return reference_attention if request.param == "reference" else native_attention(request.param)
