"""Activations by the compiled kernel, where it has the function; whatever else falls back to the reference.

Which function a module is, is found by trying it: the many classes for the same GELU need no list here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flexserve_kernels.native import NativeLibrary
from flexserve_kernels.reference.activation import RowwiseActivation

_DTYPES = {torch.float32: 0, torch.bfloat16: 1}  # FlexserveDtype


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


_FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (F.silu, _gelu_tanh, F.gelu)  # by `kind`


class NativeActivation(RowwiseActivation):
    """The wrapped module's function by the compiled kernel; `kind` numbers the function as csrc does."""

    def __init__(self, module: nn.Module, kind: int, library: NativeLibrary) -> None:
        super().__init__(module)
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        argtypes = (integer, integer, pointer, pointer, integer, integer, pointer)
        self._function = library.function("flexserve_activation", *argtypes)
        self._kind = kind
        self._parallel = library.parallel

    def forward(self, x: Tensor) -> Tensor:
        dtype = _DTYPES.get(x.dtype)
        if dtype is None or x.device.type != "cpu":
            return super().forward(x)
        x = x.contiguous()
        out = torch.empty_like(x)
        threads = torch.get_num_threads()
        pointers = (x.data_ptr(), out.data_ptr())
        failed = self._function(self._kind, dtype, *pointers, x.numel(), threads, self._parallel)
        assert not failed, "kind and dtype were looked up"
        return out


@torch.inference_mode()
def kind_of(module: nn.Module) -> int | None:
    """Which of the compiled functions the module computes, None for another one."""
    probe = torch.linspace(-8, 8, 1024)
    result = module(probe.clone())
    for kind, function in enumerate(_FUNCTIONS):
        if torch.allclose(result, function(probe), rtol=1e-5, atol=1e-6):
            return kind
    return None
