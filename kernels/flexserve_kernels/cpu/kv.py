"""kv_append into an int8 cache by the compiled kernel; the same bits as reference/kv.py.

Into a cache of floating numbers torch's own copy is as good.
"""

from __future__ import annotations

import ctypes
import struct

import torch
from torch import Tensor

from flexserve_kernels.cache import SCALE_BYTES
from flexserve_kernels.cpu.attention import DTYPES, dense_last
from flexserve_kernels.native import NativeLibrary

_CALL = struct.Struct("@5qPPqqqPqqqPP")  # FlexserveAppend


class NativeAppend:
    """Bound to a loaded library."""

    def __init__(self, library: NativeLibrary) -> None:
        self._function = library.function("flexserve_append_int8", ctypes.c_char_p, ctypes.c_void_p)
        self._parallel = library.parallel

    def __call__(self, k_cache: Tensor, v_cache: Tensor, k: Tensor, v: Tensor, slots: Tensor) -> None:
        """k [T, Hkv, D], v [T, Hkv, Dv] into contiguous int8 caches at slots [T] int64, all on the CPU.

        Raises ValueError where shapes, dtypes or slots do not fit.
        """
        (num_rows, num_heads, dim), v_dim, num_slots = k.shape, v.shape[-1], k_cache.shape[0]
        fits = k_cache.shape == (num_slots, num_heads, dim + SCALE_BYTES) and k_cache.is_contiguous()
        fits &= v_cache.shape == (num_slots, num_heads, v_dim + SCALE_BYTES) and v_cache.is_contiguous()
        fits &= v.shape[:2] == k.shape[:2] and slots.shape == (num_rows,) and slots.dtype == torch.int64
        if not fits or k.dtype not in DTYPES or v.dtype != k.dtype:
            raise ValueError(
                f"k {tuple(k.shape)} {k.dtype}, v {tuple(v.shape)} {v.dtype}, slots {tuple(slots.shape)} do not fit "
                f"int8 caches {tuple(k_cache.shape)} and {tuple(v_cache.shape)}."
            )
        k, v, slots = dense_last(k), dense_last(v), slots.contiguous()
        call = _CALL.pack(
            *(DTYPES[k.dtype], num_rows, num_heads, num_slots, torch.get_num_threads(), slots.data_ptr()),
            *(k.data_ptr(), k.stride(0), k.stride(1), dim, v.data_ptr(), v.stride(0), v.stride(1), v_dim),
            *(k_cache.data_ptr(), v_cache.data_ptr()),
        )
        if self._function(call, self._parallel):
            raise ValueError(f"a slot lies outside the cache of {num_slots}")
