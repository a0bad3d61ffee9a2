"""RMSNorm by the compiled kernel.

Which of the usual forms a module computes is found by trying it: many families' classes differ in name only.
Source: Root Mean Square Layer Normalization (Zhang and Sennrich, 2019).
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from flexserve_kernels.native import NativeLibrary

_CALL = struct.Struct("@5q3Pd")  # FlexserveRmsNorm
_DTYPES = {torch.float32: 0, torch.bfloat16: 1}  # FlexserveDtype
_EPSILONS = ("variance_epsilon", "eps", "epsilon")


@dataclass(frozen=True, slots=True)
class NormForm:
    """x / rms(x) times weight + offset; rounds_first: rounded to x's dtype before the product, and the product too."""

    rounds_first: bool
    offset: float


_FORMS = (NormForm(True, 0.0), NormForm(False, 0.0), NormForm(False, 1.0))


class NativeRmsNorm(nn.Module):
    """[..., K] → [..., K] in the weight's dtype, row by row."""

    scale: Tensor

    def __init__(self, weight: Tensor, epsilon: float, form: NormForm, library: NativeLibrary) -> None:
        super().__init__()
        self.dtype = weight.dtype
        self.scale = nn.Buffer(weight.detach().float() + form.offset)
        self._epsilon = epsilon
        self._rounds_first = form.rounds_first
        self._function = library.function("flexserve_rms_norm", ctypes.c_char_p, ctypes.c_void_p)
        self._parallel = library.parallel

    def extra_repr(self) -> str:
        return f"{self.scale.numel()}, eps={self._epsilon}"

    def forward(self, x: Tensor) -> Tensor:
        depth = self.scale.numel()
        if x.dtype != self.dtype or x.shape[-1] != depth:
            raise ValueError(f"x {tuple(x.shape)} {x.dtype}: expected [..., {depth}] in {self.dtype}.")
        x = x.contiguous()
        out = torch.empty_like(x)
        call = _CALL.pack(
            *(_DTYPES[x.dtype], x.numel() // depth, depth, torch.get_num_threads(), self._rounds_first),
            *(x.data_ptr(), self.scale.data_ptr(), out.data_ptr(), self._epsilon),
        )
        failed = self._function(call, self._parallel)
        assert not failed, "the dtype was looked up"
        return out


@torch.inference_mode()
def native_rms_norm(module: nn.Module, library: NativeLibrary) -> NativeRmsNorm | None:
    """The module's function by the kernel; None for a module that computes something else, or in another dtype."""
    weight = getattr(module, "weight", None)
    epsilon = next((e for name in _EPSILONS if isinstance(e := getattr(module, name, None), float)), None)
    if not isinstance(weight, Tensor) or weight.dim() != 1 or weight.dtype not in _DTYPES or epsilon is None:
        return None
    generator = torch.Generator().manual_seed(1)
    probe = torch.randn(8, weight.numel(), generator=generator).to(weight.dtype)
    probe *= torch.logspace(-3, 2, 8, dtype=weight.dtype)[:, None]  # the small ones show the epsilon
    result = module(probe.clone())
    for form in _FORMS:
        if isinstance(result, Tensor) and torch.equal(result, _reference(probe, weight, epsilon, form)):
            return NativeRmsNorm(weight, epsilon, form, library)
    return None


def _reference(x: Tensor, weight: Tensor, epsilon: float, form: NormForm) -> Tensor:
    """As transformers writes it, to the bit."""
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    if form.rounds_first:
        return weight * wide.to(x.dtype)
    return (wide * (weight.float() + form.offset)).to(x.dtype)
