"""Weights in the order in which the compiled linear layers read them (csrc/linear.cpp, csrc/tiles.cpp, csrc/lanes.cpp).

Strips of columns, front to back in depth; what lies beyond the weight's own size is zero. A tile is 16 columns by
64 bytes of depth; lanes take blocks of 64 numbers. Packing happens once, by torch; the result starts on a cache line.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from flexserve_kernels.weights import NF4_BLOCK, Nf4Weight

STRIP, _TILE_COLUMNS, _LINE = 32, 16, 64  # the last in bytes
_LANE_STRIP, _LANE_BLOCK = 8, 64
_HUGE_PAGE, _MADV_HUGEPAGE = 2**21, 14  # of Linux on x86 and most others
_NF4_ZERO = 7  # the code that stands for 0.0


def pack_columns(weight: Tensor) -> Tensor:
    """fp32 [N, K] to [N/32, K, 32]: neighbours are columns."""
    padded = _padded(weight, STRIP, 1)
    return _on_cache_lines(padded.view(-1, STRIP, padded.shape[1]).permute(0, 2, 1))


def pack_tiles(weight: Tensor) -> Tensor:
    """bf16 or int8 [N, K] to [N/32, K/depth, 2, 16, depth], where `depth` numbers are 64 bytes."""
    depth = _LINE // weight.dtype.itemsize
    padded = _padded(weight, STRIP, depth)
    strips, steps = padded.shape[0] // STRIP, padded.shape[1] // depth
    return _on_cache_lines(padded.view(strips, 2, _TILE_COLUMNS, steps, depth).permute(0, 3, 1, 2, 4))


def pack_lanes(weight: Tensor) -> Tensor:
    """bf16 or int8 [N, K] to [N/8, K/64, 8, 64]: neighbours are in depth."""
    padded = _padded(weight, _LANE_STRIP, _LANE_BLOCK)
    return _on_cache_lines(
        padded.view(-1, _LANE_STRIP, padded.shape[1] // _LANE_BLOCK, _LANE_BLOCK).transpose(1, 2)
    )


def pack_nf4_lanes(weight: Nf4Weight) -> tuple[Tensor, Tensor]:
    """(codes uint8 [N/8, K/64, 8, 32], absmax fp32 [N/8, K/64, 8]); K a multiple of 64.

    Byte j of a block: k = j in the low half, k = 32 + j in the high half.
    """
    columns, depth = weight.shape
    assert depth % NF4_BLOCK == 0, "no block of weights may belong to two rows"
    blocks = depth // NF4_BLOCK
    codes = _padded(weight.codes(), _LANE_STRIP, 1, value=_NF4_ZERO)
    codes = codes.view(-1, _LANE_STRIP, blocks, 2, NF4_BLOCK // 2)
    both = codes[..., 0, :] | codes[..., 1, :] << 4  # [strips, column, blocks, j]
    absmax = _padded(weight.absmax.view(columns, blocks), _LANE_STRIP, 1).view(-1, _LANE_STRIP, blocks)
    return _on_cache_lines(both.transpose(1, 2)), _on_cache_lines(absmax.transpose(1, 2))


def pack_nf4_tiles(weight: Nf4Weight) -> tuple[Tensor, Tensor]:
    """(codes uint8 [N/32, K/64, 16, 32, 2], absmax fp32 [N/32, K/64, 32]); K a multiple of 64.

    Byte [pair, j, c] is column 2·pair + c: k = j in the low half, k = 32 + j in the high half.
    """
    columns, depth = weight.shape
    assert depth % NF4_BLOCK == 0, "no block of weights may belong to two rows"
    blocks = depth // NF4_BLOCK
    codes = _padded(weight.codes(), STRIP, 1, value=_NF4_ZERO).view(
        -1, STRIP // 2, 2, blocks, 2, NF4_BLOCK // 2
    )
    both = codes[..., 0, :] | codes[..., 1, :] << 4  # [strips, pair, c, blocks, j]
    absmax = _padded(weight.absmax.view(columns, blocks), STRIP, 1).view(-1, STRIP, blocks)
    return _on_cache_lines(both.permute(0, 3, 1, 4, 2)), _on_cache_lines(absmax.permute(0, 2, 1))


def _padded(weight: Tensor, columns: int, depth: int, value: int = 0) -> Tensor:
    lacking = (0, -weight.shape[1] % depth, 0, -weight.shape[0] % columns)
    return F.pad(weight, lacking, value=value) if any(lacking) else weight.contiguous()


def _on_cache_lines(values: Tensor) -> Tensor:
    """A dense copy whose memory starts on a cache line."""
    return empty_on_cache_lines(values.shape, values.dtype).copy_(values)


def empty_on_cache_lines(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Uninitialised memory that starts on a cache line, in huge pages where the system gives them."""
    count = torch.Size(shape).numel()
    memory = torch.empty(count + _LINE // dtype.itemsize, dtype=dtype)
    _advise_huge_pages(memory)
    start = -memory.data_ptr() % _LINE // dtype.itemsize
    return memory[start : start + count].view(shape)


def _advise_huge_pages(memory: Tensor) -> None:
    """Weights are read once a step from end to end: with small pages every 4 KB cost a look into the page tables.

    Only huge pages that lie within this memory are asked for, so it does not grow. A refusal costs speed alone.
    """
    first = -(-memory.data_ptr() // _HUGE_PAGE) * _HUGE_PAGE
    size = (memory.data_ptr() + memory.nbytes) // _HUGE_PAGE * _HUGE_PAGE - first
    if size > 0 and sys.platform == "linux":
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _MADV_HUGEPAGE)
