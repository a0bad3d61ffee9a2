"""Quantised weights of a linear layer in bitsandbytes' formats: NF4 and LLM.int8.

They are made by bitsandbytes' own quantisers, so that a checkpoint means the same here and there; reading them needs
torch alone. Knows nothing of models or of how a kernel likes its weights packed.

Sources: QLoRA (Dettmers et al., 2023) for NF4; LLM.int8() (Dettmers et al., 2022).
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor

NF4_BLOCK = 64  # weights that share an absmax
OUTLIER_THRESHOLD = 6.0  # LLM.int8: an activation of this size or more is multiplied in 16 bits

# The quantiles of the normal distribution that NF4's 16 codes stand for (QLoRA, appendix E).
NF4_CODEBOOK = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Nf4Weight:
    """A weight [N, K] in 4 bits a number; blocks of 64 run over the flattened weight, across rows if K says so.

    packed: uint8 [⌈N·K / 2⌉], the earlier number in the high half of its byte. absmax: fp32 [⌈N·K / 64⌉], already
    un-nested where it was quantised itself. Raises ValueError where the sizes contradict each other.
    """

    kind: ClassVar[str] = "nf4"

    packed: Tensor
    absmax: Tensor
    shape: tuple[int, int]
    blocksize: int = NF4_BLOCK

    def __post_init__(self) -> None:
        numbers = self.shape[0] * self.shape[1]
        if self.blocksize != NF4_BLOCK:
            raise ValueError(
                f"blocksize = {self.blocksize}: only {NF4_BLOCK} is supported; quantise again with it."
            )
        _check("packed", self.packed, torch.uint8, -(-numbers // 2))
        _check("absmax", self.absmax, torch.float32, -(-numbers // NF4_BLOCK))

    @property
    def device(self) -> torch.device:
        return self.packed.device

    def codes(self) -> Tensor:
        """uint8 [N, K]: one code 0..15 each."""
        both = self.packed.reshape(-1)
        flat = torch.stack([both >> 4, both & 15], dim=1).reshape(-1)
        return flat[: self.shape[0] * self.shape[1]].reshape(self.shape)

    def dequantise(self, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """[N, K]: codebook times absmax in fp32, rounded to dtype, as bitsandbytes' dequantize_4bit."""
        codebook = torch.tensor(NF4_CODEBOOK, device=self.packed.device)
        values = codebook[self.codes().reshape(-1).int()]
        scales = self.absmax.reshape(-1).repeat_interleave(NF4_BLOCK)[: values.numel()]
        return (values * scales).to(dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Int8Weight:
    """A weight [N, K] in 8 bits a number, scaled by row: weight = data * scale / 127.

    data: int8 [N, K]. scale: fp32 [N] (bitsandbytes' SCB). Activations of `threshold` or more are multiplied in
    16 bits. Raises ValueError where the sizes contradict each other.
    """

    kind: ClassVar[str] = "int8"

    data: Tensor
    scale: Tensor
    threshold: float = OUTLIER_THRESHOLD

    def __post_init__(self) -> None:
        if self.data.dim() != 2:
            raise ValueError(f"data has the shape {tuple(self.data.shape)}: it must be [N, K].")
        _check("data", self.data, torch.int8, self.data.numel())
        _check("scale", self.scale, torch.float32, self.data.shape[0])
        if not self.threshold > 0:
            raise ValueError(
                f"threshold = {self.threshold}: it must be above 0; bitsandbytes' default is 6.0."
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape[0], self.data.shape[1]

    @property
    def device(self) -> torch.device:
        return self.data.device

    def dequantise(self, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """[N, K]: data * scale / 127 in fp32, rounded to dtype."""
        return (self.data * (self.scale.reshape(-1, 1) * (1 / 127))).to(dtype)


QuantisedWeight = Nf4Weight | Int8Weight


def join_rows(weights: Sequence[QuantisedWeight]) -> QuantisedWeight | None:
    """The rows of all weights [N_i, K] below each other, [Σ N_i, K]; None where the weights cannot be one.

    That is so for different kinds, widths or thresholds, and where a block of NF4 would reach across a seam.
    """
    first = weights[0]
    if len({(weight.kind, weight.shape[1], _threshold(weight)) for weight in weights}) != 1:
        return None
    tensors: dict[str, Any] = {
        field.name: torch.cat([getattr(weight, field.name) for weight in weights])
        for field in fields(first)
        if isinstance(getattr(first, field.name), Tensor)
    }
    if isinstance(first, Int8Weight):
        return replace(first, **tensors)
    rows = [weight.shape[0] for weight in weights]
    if any(count * first.shape[1] % NF4_BLOCK for count in rows[:-1]):
        return None
    return replace(first, **tensors, shape=(sum(rows), first.shape[1]))


def _threshold(weight: QuantisedWeight) -> float | None:
    return weight.threshold if isinstance(weight, Int8Weight) else None


def quantise_nf4(weight: Tensor) -> Nf4Weight:
    """weight [N, K] in any floating dtype, by bitsandbytes' quantize_4bit with fp32 absmax."""
    functional = _bitsandbytes()
    packed, state = functional.quantize_4bit(
        weight.detach().contiguous(), blocksize=NF4_BLOCK, quant_type="nf4"
    )
    return Nf4Weight(packed.reshape(-1), state.absmax.float().reshape(-1), (weight.shape[0], weight.shape[1]))


def quantise_int8(weight: Tensor) -> Int8Weight:
    """weight [N, K] in any floating dtype, rounded to fp16 first, by bitsandbytes' int8_vectorwise_quant."""
    functional = _bitsandbytes()
    data, scale, _ = functional.int8_vectorwise_quant(weight.detach().to(torch.float16).contiguous())
    return Int8Weight(data, scale.float().reshape(-1))


def _bitsandbytes() -> ModuleType:
    try:
        return importlib.import_module("bitsandbytes.functional")
    except ImportError as error:
        raise ImportError(
            f"quantising weights needs bitsandbytes, which does not import ({error}): pip install bitsandbytes"
        ) from error


def _check(name: str, tensor: Tensor, dtype: torch.dtype, count: int) -> None:
    if tensor.dtype != dtype or tensor.numel() != count:
        raise ValueError(f"{name} holds {tensor.numel()} {tensor.dtype}: it must hold {count} {dtype}.")
