"""Writes a quantised copy of a model folder that FlexServe and transformers load, one tensor at a time.

Needs room for the quantised model in memory, not for the original. Knows nothing of engines.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.bitsandbytes_format import quantised_kind, stored_config, stored_form
from flexserve_core.models.catalog import resolve
from flexserve_core.models.checkpoint import checkpoint_folder, open_checkpoint
from flexserve_core.models.quantise import Quantisation, linear_names, quantise, require_quantiser

_DTYPE = torch.bfloat16  # of what is not quantised
_NOT_COPIED = (".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".gguf")


def quantise_checkpoint(name: str, kind: str, target: Path) -> int:
    """Write `target` from the model `name`; returns the bytes of its weights. Raises ModelError, ConfigurationError."""
    require_quantiser(Quantisation(kind))
    folder = checkpoint_folder(resolve(name))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError(
            "output", str(target), "it exists and is not an empty folder", "Name another."
        )
    config = AutoConfig.from_pretrained(folder)
    if quantised_kind(name, config) is not None:
        raise ModelError(name, "it is quantised already", "Quantise its original.")
    tensors = _quantised_tensors(name, kind, folder, config)
    target.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    for path in folder.iterdir():
        if path.is_file() and not path.name.endswith(_NOT_COPIED) and path.name != "README.md":
            shutil.copyfile(path, target / path.name)
    written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    written.pop("torch_dtype", None)
    written["dtype"] = str(_DTYPE).removeprefix("torch.")
    written["quantization_config"] = stored_config(kind)
    (target / "config.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return sum(tensor.nbytes for tensor in tensors.values())


def _quantised_tensors(name: str, kind: str, folder: Path, config: object) -> dict[str, Tensor]:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    linears = {f"{path}.weight": model.get_submodule(path) for path in linear_names(model)}
    found: dict[str, Tensor] = {}
    for key, deferred in open_checkpoint(name, folder).items():
        tensor = deferred[...]
        if tensor.is_floating_point():
            tensor = tensor.to(_DTYPE)  # first, as transformers does when it quantises
        if key not in linears:
            found[key] = tensor
            continue
        transposed = type(linears.pop(key)) is Conv1D
        found |= stored_form(key, quantise(kind, tensor.t() if transposed else tensor), tensor.dtype)
    if linears:
        raise ModelError(
            name,
            f"its checkpoint names weights differently ({next(iter(linears))} is not there)",
            "Load and save it with transformers once.",
        )
    return found
