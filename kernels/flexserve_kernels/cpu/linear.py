"""Linear layers by the compiled kernels: the weight is packed once, the packed copy is all that is kept.

Rows are independent by construction (csrc/linear.cpp), at any number of rows and threads.
"""

from __future__ import annotations

import ctypes
import struct

import torch
from torch import Tensor, nn

from flexserve_kernels.native import NativeLibrary
from flexserve_kernels.weights import NF4_BLOCK, NF4_CODEBOOK, Nf4Weight

_CALL = struct.Struct("@5q6P")  # FlexserveLinear
_STRIP, _DEPTH = 32, 32  # as in csrc/linear.cpp
KINDS = {"fp32": 0, "bf16": 1, "nf4": 2}  # FlexserveLinearKind
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "nf4": torch.bfloat16}


def supports(library: NativeLibrary | None, kind: str) -> bool:
    """Whether the library computes this kind on this processor."""
    return (
        library is not None
        and kind in KINDS
        and bool(library.function("flexserve_linear_kinds")() >> KINDS[kind] & 1)
    )


class PackedLinear(nn.Module):
    """[..., K] → [..., N] like nn.Linear, in `dtype`. `packed` and `absmax` are the weight, moved about as a whole."""

    packed: Tensor
    absmax: Tensor | None
    bias: Tensor | None

    def __init__(
        self, kind: str, shape: tuple[int, int], bias: Tensor | None, library: NativeLibrary
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = shape
        self.dtype = _DTYPES[kind]
        self.method = f"packed {kind}, {'AMX tiles' if kind != 'fp32' else library.instruction_set}"
        self._kind = KINDS[kind]
        self._library = library
        self._function = library.function("flexserve_linear", ctypes.c_char_p, ctypes.c_void_p)
        self.bias = None if bias is None else nn.Buffer(bias.detach().float().contiguous())

    @classmethod
    def from_dense(
        cls, weight: Tensor, bias: Tensor | None, kind: str, library: NativeLibrary
    ) -> PackedLinear:
        """weight [N, K] on the CPU; kind "bf16" or "fp32"."""
        columns, depth = weight.shape
        layer = cls(kind, (columns, depth), bias, library)
        weight = weight.detach().to(layer.dtype).contiguous()
        packed = _on_cache_lines(
            _up(columns, _STRIP) * (depth if kind == "fp32" else _up(depth, _DEPTH)), layer.dtype
        )
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        pack = library.function("flexserve_linear_pack", integer, pointer, integer, integer, pointer)
        failed = pack(layer._kind, weight.data_ptr(), columns, depth, packed.data_ptr())
        assert not failed, "the kind was looked up"
        layer.packed, layer.absmax = nn.Buffer(packed), None
        return layer

    @classmethod
    def from_nf4(cls, weight: Nf4Weight, bias: Tensor | None, library: NativeLibrary) -> PackedLinear:
        """K a multiple of 64, so that no block of weights belongs to two rows."""
        columns, depth = weight.shape
        assert depth % NF4_BLOCK == 0
        layer = cls("nf4", weight.shape, bias, library)
        codes, absmax = weight.packed.contiguous(), weight.absmax.contiguous()
        packed = _on_cache_lines(_up(columns, _STRIP) * depth // 2, torch.uint8)
        scales = _on_cache_lines(_up(columns, _STRIP) * depth // NF4_BLOCK, torch.float32)
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        pack = library.function(
            "flexserve_linear_pack_nf4", pointer, pointer, integer, integer, pointer, pointer
        )
        failed = pack(
            codes.data_ptr(), absmax.data_ptr(), columns, depth, packed.data_ptr(), scales.data_ptr()
        )
        assert not failed, "the depth was checked"
        layer.packed, layer.absmax = nn.Buffer(packed), nn.Buffer(scales)
        return layer

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.method}"

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != self.dtype or x.shape[-1] != self.in_features:
            raise ValueError(
                f"x {tuple(x.shape)} {x.dtype}: expected [..., {self.in_features}] in {self.dtype} for this layer."
            )
        rows = x.reshape(-1, self.in_features).contiguous()
        out = torch.empty(rows.shape[0], self.out_features, dtype=self.dtype)
        call = _CALL.pack(
            *(self._kind, rows.shape[0], self.in_features, self.out_features, torch.get_num_threads()),
            *(rows.data_ptr(), self.packed.data_ptr(), _pointer(self.bias), _pointer(self.absmax)),
            *(_CODEBOOK.data_ptr(), out.data_ptr()),
        )
        failed = self._function(call, self._library.parallel)
        assert not failed, "the kind was looked up"
        return out.view(*x.shape[:-1], self.out_features)


_CODEBOOK = torch.tensor(NF4_CODEBOOK)


def _pointer(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _up(x: int, multiple: int) -> int:
    return -(-x // multiple) * multiple


def _on_cache_lines(count: int, dtype: torch.dtype) -> Tensor:
    memory = torch.empty(count + 64 // dtype.itemsize, dtype=dtype)
    start = -memory.data_ptr() % 64 // dtype.itemsize
    return memory[start : start + count]
