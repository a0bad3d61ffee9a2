"""Which dtype and device a model runs in, and why. Knows nothing of models."""

from __future__ import annotations

import torch

from flexserve_core.errors import ConfigurationError
from flexserve_core.types import Choice

_KINDS = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


def kernel_kind(dtype: torch.dtype) -> str:
    """The kernels' name of a dtype."""
    return _KINDS[dtype]


def pick_device(wanted: str) -> tuple[torch.device, Choice]:
    """The compute device; ConfigurationError for one that is not there."""
    cuda = torch.cuda.is_available()
    if wanted == "auto":
        reason = "a CUDA device was found" if cuda else "no CUDA device was found"
        device = torch.device("cuda", 0) if cuda else torch.device("cpu")
        return device, Choice(what="device", chosen=str(device), reason=reason)
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ConfigurationError(
            "device", wanted, "it is auto, cpu, cuda or cuda:N", "Choose one of these."
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigurationError("device", wanted, "it is auto, cpu, cuda or cuda:N", "Choose one of these.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            "device",
            wanted,
            f"this machine has {torch.cuda.device_count()} CUDA devices",
            "Use device=auto or cpu.",
        )
    return device, Choice(what="device", chosen=str(device), reason="asked for")


def pick_dtype(wanted: str, device: torch.device, quantised: bool = False) -> tuple[torch.dtype, Choice]:
    """The dtype of activations, and of weights that are not quantised."""
    if quantised:
        reason = "quantised weights are multiplied in bf16"
        return torch.bfloat16, Choice(what="dtype", chosen="bfloat16", reason=reason)
    if wanted != "auto":
        return _DTYPES[wanted], Choice(what="dtype", chosen=wanted, reason="asked for")
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        chosen = "bfloat16" if native else "float16"
        reason = "the GPU computes bf16 natively" if native else "the GPU has no native bf16"
    elif torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        chosen, reason = "bfloat16", "the CPU computes bf16 natively (AVX-512 BF16 or AMX)"
    else:
        chosen, reason = "float32", "the CPU has no native bf16"
    return _DTYPES[chosen], Choice(what="dtype", chosen=chosen, reason=reason)
