"""The tensors of a local checkpoint by name, each read from its safetensors file when it is asked for.

A deferred tensor looks to transformers like the slice objects that it reads checkpoints with. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import EllipsisType

import torch
from huggingface_hub import snapshot_download
from safetensors import safe_open
from torch import Tensor

from flexserve_core.errors import ModelError
from flexserve_core.models.catalog import ModelSource

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class DeferredTensor:
    """A tensor that exists from `deferred[...]` on, made by `make`."""

    make: Callable[[], Tensor]

    def __getitem__(self, everything: EllipsisType) -> Tensor:
        return self.make()


def checkpoint_folder(source: ModelSource) -> Path:
    """The folder of a model's files; one on the hub is fetched, if it is not there yet."""
    if source.is_local:
        return Path(source.location)
    wanted = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
    return Path(snapshot_download(source.location, allow_patterns=wanted, local_files_only=source.offline))


def open_checkpoint(name: str, folder: str | Path) -> dict[str, DeferredTensor]:
    """Every tensor of the folder's safetensors files; ModelError when there are none."""
    found: dict[str, DeferredTensor] = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found |= {key: DeferredTensor(partial(_read, path, key)) for key in file.keys()}  # noqa: SIM118
    if not found:
        raise ModelError(name, "there are no *.safetensors in its folder", "Save the model as safetensors.")
    return found


def stored_dtype(folder: str | Path) -> torch.dtype | None:
    """What most numbers of its safetensors files are stored in, whatever config.json says; None: nothing usual."""
    amounts: Counter[str] = Counter()
    for path in Path(folder).glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118
                tensor = file.get_slice(key)
                amounts[tensor.get_dtype()] += math.prod(tensor.get_shape())
    return _DTYPES.get(max(amounts, key=amounts.__getitem__, default=""))


def _read(path: Path, key: str) -> Tensor:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor(key)
