"""Linear layers by the compiled kernels: the weight is packed once, the packed copy is all that is kept.

Rows are independent by construction (csrc/linear.cpp, csrc/tiles.cpp, csrc/lanes.cpp), at any number of rows
and threads.
"""

from __future__ import annotations

import ctypes
import struct

import torch
from torch import Tensor, nn

from flexserve_kernels.cpu.packing import pack_columns, pack_lanes, pack_nf4_lanes, pack_nf4_tiles, pack_tiles
from flexserve_kernels.native import NativeLibrary
from flexserve_kernels.weights import NF4_CODEBOOK, OUTLIER_THRESHOLD, Int8Weight, Nf4Weight

_CALL = struct.Struct("@6q6Pd")  # FlexserveLinear
KINDS = {"fp32": 0, "bf16": 1, "nf4": 2, "int8": 3}  # FlexserveLinearKind
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "nf4": torch.bfloat16, "int8": torch.bfloat16}
_CODEBOOK = torch.tensor(NF4_CODEBOOK)


def takes_tiles(library: NativeLibrary, kind: str) -> bool:
    """Whether this processor, and its operating system, lend the library tile registers for this kind."""
    return bool(library.function("flexserve_linear_tiles")() >> KINDS[kind] & 1)


class PackedLinear(nn.Module):
    """[..., K] → [..., N] like nn.Linear, in `dtype`. The buffers `packed` and `scale` are the weight.

    scale: NF4's absmax by block, int8's scale by column, else None.
    """

    packed: Tensor
    scale: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        kind: str,
        shape: tuple[int, int],
        weight: tuple[Tensor, Tensor | None],
        bias: Tensor | None,
        library: NativeLibrary,
        tiles: bool,
        threshold: float = OUTLIER_THRESHOLD,
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = shape
        self.dtype = _DTYPES[kind]
        self.method = f"packed {kind}, {'AMX tiles' if tiles else 'vectors'}"
        self._kind, self._tiles = KINDS[kind], tiles
        self._threshold = threshold
        self._library = library
        self._function = library.function("flexserve_linear", ctypes.c_char_p, ctypes.c_void_p)
        packed, scale = weight
        self.packed = nn.Buffer(packed)
        self.scale = None if scale is None else nn.Buffer(scale)
        self.bias = None if bias is None else nn.Buffer(bias.detach().float().contiguous())

    @classmethod
    def from_dense(
        cls,
        weight: Tensor,
        bias: Tensor | None,
        kind: str,
        library: NativeLibrary,
        tiles: bool | None = None,
    ) -> PackedLinear:
        """weight [N, K] on the CPU; kind "bf16" or "fp32". tiles: None takes them where they are."""
        tiles = takes_tiles(library, kind) if tiles is None else tiles
        pack = pack_columns if kind == "fp32" else pack_tiles if tiles else pack_lanes
        packed = pack(weight.detach().to(_DTYPES[kind]))
        return cls(kind, (weight.shape[0], weight.shape[1]), (packed, None), bias, library, tiles)

    @classmethod
    def from_nf4(
        cls, weight: Nf4Weight, bias: Tensor | None, library: NativeLibrary, tiles: bool | None = None
    ) -> PackedLinear:
        """K a multiple of 64, so that no block of weights belongs to two rows."""
        tiles = takes_tiles(library, "nf4") if tiles is None else tiles
        packed = pack_nf4_tiles(weight) if tiles else pack_nf4_lanes(weight)
        return cls("nf4", weight.shape, packed, bias, library, tiles)

    @classmethod
    def from_int8(
        cls, weight: Int8Weight, bias: Tensor | None, library: NativeLibrary, tiles: bool | None = None
    ) -> PackedLinear:
        """LLM.int8 with outliers chosen by row."""
        tiles = takes_tiles(library, "int8") if tiles is None else tiles
        own = (pack_tiles(weight.data) if tiles else pack_lanes(weight.data), weight.scale.clone())
        return cls("int8", weight.shape, own, bias, library, tiles, weight.threshold)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.method}"

    def forward(self, x: Tensor) -> Tensor:
        shape, depth = x.shape, self.in_features
        if x.dtype != self.dtype or shape[-1] != depth:
            raise ValueError(
                f"x {tuple(shape)} {x.dtype}: expected [..., {depth}] in {self.dtype} for this layer."
            )
        x = x.contiguous()
        out = torch.empty((*shape[:-1], self.out_features), dtype=self.dtype)
        held = self._buffers  # nn.Module's search for attributes takes longer than a small product
        call = _CALL.pack(
            *(self._kind, self._tiles, x.numel() // depth, depth, self.out_features, torch.get_num_threads()),
            *(
                x.data_ptr(),
                _pointer(held["packed"]),
                _pointer(held.get("bias")),
                _pointer(held.get("scale")),
            ),
            *(_CODEBOOK.data_ptr(), out.data_ptr(), self._threshold),
        )
        failed = self._function(call, self._library.parallel)
        assert not failed, "the kind was looked up"
        return out


def _pointer(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()
