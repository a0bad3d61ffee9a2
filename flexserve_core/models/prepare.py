"""Turns a transformers model into one whose rows do not depend on each other: swaps linears and activations.

nn.Linear, GPT-2's Conv1D and the linear classes of adapted families become the kernels' row-invariant linear;
activation modules become row-wise. A model with parts that cannot be treated so is refused with the reason. Knows
nothing of caches or requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from flexserve_kernels import (
    join_linears,
    prepare_linear,
    prepare_quantised_linear,
    rms_norm,
    rowwise_activation,
)
from torch import nn
from transformers.activations import ACT2CLS
from transformers.pytorch_utils import Conv1D

from flexserve_core.errors import ModelError
from flexserve_core.models.families.family import Family
from flexserve_core.models.families.registry import FAMILIES, family_of
from flexserve_core.models.precision import kernel_kind
from flexserve_core.models.quantise import held_weight, hold_quantised, take_weight

_SAME_INPUT = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
_BATCH_DEPENDENT_ROPE = ("dynamic", "longrope")
_ACTIVATIONS = (
    nn.GELU,
    *{entry[0] if isinstance(entry, tuple) else entry for entry in ACT2CLS.values()},
)


def refuse_unsupported(name: str, config: Any) -> None:
    """ModelError for configurations whose rows depend on the rest of the batch."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kinds = {rope.get("rope_type")} | {
        part.get("rope_type") for part in rope.values() if isinstance(part, dict)
    }
    for kind in kinds & set(_BATCH_DEPENDENT_ROPE):
        raise ModelError(
            name,
            f"its rotary type {kind!r} depends on the longest sequence of the whole batch, so a request's tokens would "
            "depend on its neighbours",
            "Set rope_type to default or linear in its config.json, if the shorter context is enough for you.",
        )
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(name, "it is an encoder-decoder model", "FlexServe serves decoder-only models.")
    family = family_of(config)
    if family is not None and (reason := family.refusal(config)):
        raise ModelError(name, reason, "Change its config.json, or serve another model.")


def unsupported_attention(name: str, config: Any, problem: str) -> ModelError:
    """The refusal of a model whose attention the engine cannot take over."""
    return ModelError(
        name,
        f"architecture {config.model_type!r} cannot run in this engine ({problem})",
        "Serve a model whose transformers code uses AttentionInterface (llama, opt, gpt_bigcode, qwen, …) or one of "
        f"the adapted families ({', '.join(FAMILIES)}).",
    )


def prepare(
    name: str,
    model: nn.Module,
    dtype: torch.dtype,
    swapped: Callable[[str, nn.Module], None] | None = None,
    quantised_head: str | None = None,
    device: torch.device | None = None,
) -> None:
    """Swap modules in place. swapped: is told the path of every new module, and the module, at once.

    quantised_head: "int8" for the head, whatever the other layers are. device: where the model will compute, if not
    where its weights are now."""
    if quantised_head is not None:
        hold_quantised(model.get_output_embeddings(), quantised_head)  # pyright: ignore[reportCallIssue]
    _refuse_packed_experts(name, model)
    kind = kernel_kind(dtype)
    device = device or next(model.parameters()).device
    family = family_of(model.config)
    alone = swapped is not None  # whoever keeps the weights elsewhere keeps layer by layer
    # only parents: a list that held the layers themselves would keep every replaced weight until the end
    for path, parent in [(path, m) for path, m in model.named_modules() if next(m.children(), None)]:
        if not alone:
            _join(parent, kind)
        for child_name, child in list(parent.named_children()):
            if alone:
                _round_bias(child, dtype)
            try:
                replacement = _replacement(child, family, kind, device)
            except ValueError as error:  # an activation over several numbers at once
                raise ModelError(
                    name, f"its {child_name} cannot be made row-invariant ({error})", "Serve another model."
                ) from error
            if replacement is not None:
                setattr(parent, child_name, replacement)
                if swapped is not None:
                    swapped(f"{path}.{child_name}".lstrip("."), replacement)


def _round_bias(module: nn.Module, dtype: torch.dtype) -> None:
    """Kept elsewhere, a model comes as it is stored: loading it in `dtype` rounds biases, which layers then widen."""
    bias = module._parameters.get("bias")
    if bias is not None:
        bias.data = bias.data.to(dtype)


def _join(parent: nn.Module, kind: str) -> None:
    """Put the siblings that read the same input into one layer, where all are plain and alike."""
    for names in _SAME_INPUT:
        layers: list[Any] = [getattr(parent, name, None) for name in names]
        if not all(type(layer) is nn.Linear for layer in layers):
            continue
        held = [held_weight(layer) for layer in layers]
        weights: list[Any] = [layer.weight for layer in layers] if not any(held) else held
        if not all(weight is not None for weight in weights):
            continue
        parts = join_linears(weights, [layer.bias for layer in layers], kind)
        for name, part in zip(names, parts or (), strict=False):
            setattr(parent, name, part)


def prepare_norms(model: nn.Module) -> None:
    """RMSNorms by the kernel, in place; after their weights have the dtype and the device that they will keep."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child).__name__.endswith("RMSNorm"):
                setattr(parent, name, rms_norm(child))


def _replacement(
    module: nn.Module, family: Family | None, kind: str, device: torch.device
) -> nn.Module | None:
    quantised = take_weight(module)
    if quantised is not None:
        bias: Any = module.bias
        return prepare_quantised_linear(quantised, bias, device)
    if family is not None and type(module) in family.linears:
        return family.linears[type(module)](module, kind, device)
    if isinstance(module, nn.Linear) and type(module).forward is nn.Linear.forward:
        return prepare_linear(module.weight, module.bias, kind=kind, device=device)
    if type(module) is Conv1D:  # GPT-2's linear, stored [K, N]
        return prepare_linear(module.weight.t().contiguous(), module.bias, kind=kind, device=device)
    own_activations = family.activations if family is not None else ()
    if isinstance(module, (*_ACTIVATIONS, *own_activations)):
        return rowwise_activation(module)
    return None


def _refuse_packed_experts(name: str, model: nn.Module) -> None:
    """Experts kept as one 3-D parameter are multiplied in groups whose size depends on the batch."""
    for path, parameter in model.named_parameters():
        if parameter.ndim == 3 and "expert" in path:
            raise ModelError(
                name,
                f"its experts are one packed tensor ({path}), which cannot be computed row by row yet",
                "Serve a dense model.",
            )
