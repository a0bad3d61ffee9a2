"""Quantised weights as bitsandbytes and transformers store them in safetensors: read, and written.

NF4: `X.weight` (two numbers a byte), `X.weight.absmax`, `X.weight.quant_map`, and a JSON text as bytes under
`X.weight.quant_state.bitsandbytes__nf4`; with double quantisation absmax is itself 8 bits, with `nested_absmax`,
`nested_quant_map` and an offset. LLM.int8: `X.weight` (int8), `X.SCB` (fp32 a row), `X.weight_format`. Needs no
bitsandbytes. Source: bitsandbytes, `functional.QuantState` and `nn.Linear8bitLt`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from flexserve_kernels import NF4_BLOCK, NF4_CODEBOOK, Int8Weight, Nf4Weight, QuantisedWeight
from torch import Tensor

from flexserve_core.errors import ModelError
from flexserve_core.models.checkpoint import DeferredTensor

_STATE = ".quant_state.bitsandbytes__"
_SCALE = ".SCB"
_FURTHER = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB", ".weight_format")


def quantised_kind(name: str, config: Any) -> str | None:
    """ "int8" or "int4" when a model's configuration says so; ModelError when its checkpoint has another format."""
    told = getattr(config, "quantization_config", None)
    if told is None:
        return None
    told = told if isinstance(told, Mapping) else told.to_dict()
    method = told.get("quant_method")
    if method != "bitsandbytes":
        raise ModelError(
            name,
            f"its weights are quantised by {method!r}",
            "Serve its full-precision original with --quantize int4, or a bitsandbytes checkpoint.",
        )
    return "int8" if told.get("load_in_8bit") or told.get("_load_in_8bit") else "int4"


def split_stored(
    name: str, tensors: Mapping[str, DeferredTensor]
) -> tuple[dict[str, DeferredTensor], dict[str, Callable[[], QuantisedWeight]]]:
    """(every parameter, those of them that are quantised); the first hold nothing where the second do."""
    stored: dict[str, Callable[[], QuantisedWeight]] = {}
    for key in tensors:
        if _STATE in key:
            weight = key.partition(_STATE)[0]
            stored[weight] = partial(_read_nf4, name, weight, key, tensors)
        elif key.endswith(_SCALE):
            weight = key.removesuffix(_SCALE) + ".weight"
            stored[weight] = partial(_read_int8, weight, key, tensors)
    plain = {
        key: DeferredTensor(partial(torch.empty, 0)) if key in stored else tensor
        for key, tensor in tensors.items()
        if _STATE not in key and not key.endswith(_FURTHER)
    }
    return plain, stored


def _read_nf4(
    name: str, weight: str, state_key: str, tensors: Mapping[str, DeferredTensor]
) -> QuantisedWeight:
    state = json.loads(bytes(tensors[state_key][...].tolist()))
    if state["quant_type"] != "nf4" or state["blocksize"] != NF4_BLOCK:
        raise ModelError(
            name,
            f"{weight} is {state['quant_type']} in blocks of {state['blocksize']}, and nf4 in blocks of {NF4_BLOCK} is "
            "what runs here",
            "Quantise its original again: flexserve quantize MODEL --int4 -o DIR.",
        )
    absmax = tensors[f"{weight}.absmax"][...]
    if "nested_blocksize" in state:  # double quantisation
        codes = tensors[f"{weight}.nested_quant_map"][...][absmax.int()]
        scale = tensors[f"{weight}.nested_absmax"][...].repeat_interleave(state["nested_blocksize"])
        absmax = codes * scale[: codes.numel()] + state["nested_offset"]
    rows, columns = state["shape"]
    return Nf4Weight(
        tensors[weight][...].flatten().clone(), absmax.float().flatten().clone(), (rows, columns)
    )


def _read_int8(weight: str, scale_key: str, tensors: Mapping[str, DeferredTensor]) -> QuantisedWeight:
    return Int8Weight(tensors[weight][...].clone(), tensors[scale_key][...].float().flatten().clone())


def stored_form(key: str, weight: QuantisedWeight, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of one quantised weight. key: `X.weight`; dtype: what it was before."""
    if isinstance(weight, Int8Weight):
        return {
            key: weight.data,
            key.removesuffix(".weight") + _SCALE: weight.scale,
            f"{key}_format": torch.tensor(0, dtype=torch.uint8),  # by rows
        }
    state = {
        "quant_type": "nf4",
        "blocksize": NF4_BLOCK,
        "dtype": str(dtype).removeprefix("torch."),
        "shape": list(weight.shape),
    }
    return {
        key: weight.packed.reshape(-1, 1),
        f"{key}.absmax": weight.absmax,
        f"{key}.quant_map": torch.tensor(NF4_CODEBOOK),
        f"{key}{_STATE}nf4": torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8),
    }


def stored_config(kind: str) -> dict[str, Any]:
    """`quantization_config` of a config.json. kind: "int8" or "int4"."""
    eight = {"load_in_8bit": True, "load_in_4bit": False, "llm_int8_threshold": 6.0}
    four = {
        "load_in_8bit": False,
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": False,
        "bnb_4bit_compute_dtype": "bfloat16",
        "bnb_4bit_quant_storage": "uint8",
    }
    return {"quant_method": "bitsandbytes", **(eight if kind == "int8" else four)}
