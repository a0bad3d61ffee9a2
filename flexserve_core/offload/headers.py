"""What a checkpoint consists of, read from config.json and the headers of its safetensors files alone.

A header is eight bytes of length and that much JSON; no weight is read. Headers are hostile until checked: lengths and
offsets are compared with the file. Knows nothing of placing or of running a model.
Source: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexserve_core.errors import ModelError, OffloadError

ITEM_BYTES = {
    **{"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2},
    **{"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1},
}
_MAX_HEADER = 100 * 2**20  # as the format's own library
_WHOLE = "model.safetensors"
_LAYER = re.compile(r"\.(\d+)\.")
_EMBEDDING = ("embed_tokens", "word_embeddings", "wte", "embed_in")
_HEAD = ("lm_head", "embed_out", "output_layer")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv")


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a checkpoint file; `offset` counts from the file's first byte."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    offset: int
    nbytes: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def layer(self) -> int | None:
        """Index of the decoder layer it belongs to."""
        found = _LAYER.search(self.name)
        return int(found[1]) if found else None

    @property
    def is_matrix(self) -> bool:
        """A linear layer's weight."""
        return len(self.shape) == 2 and (self.layer is not None or self.is_head)

    @property
    def is_scale(self) -> bool:
        """Of a quantised weight, in the form of bitsandbytes."""
        return self.name.endswith((".absmax", ".SCB"))

    @property
    def is_embedding(self) -> bool:
        return self.layer is None and len(self.shape) == 2 and any(part in self.name for part in _EMBEDDING)

    @property
    def is_head(self) -> bool:
        return self.layer is None and len(self.shape) == 2 and any(part in self.name for part in _HEAD)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model folder as its headers describe it."""

    name: str
    tensors: tuple[StoredTensor, ...]
    config: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def dtype(self) -> str:
        """The format's name of the dtype that most bytes are stored in."""
        amounts: dict[str, int] = {}
        for tensor in self.tensors:
            amounts[tensor.dtype] = amounts.get(tensor.dtype, 0) + tensor.nbytes
        return max(amounts, key=amounts.__getitem__)

    @property
    def quantised(self) -> str | None:
        """ "int8" or "int4" if its weights are stored so."""
        told = self.config.get("quantization_config")
        if not isinstance(told, Mapping):
            return None
        return "int8" if told.get("load_in_8bit") else "int4"

    @property
    def tied(self) -> bool:
        """The head uses the embedding's weight."""
        return not any(tensor.is_head for tensor in self.tensors)

    def number(self, *names: str) -> int:
        """The first of these keys that the configuration has; ModelError if none."""
        for name in names:
            value = self.config.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
        raise ModelError(
            self.name, f"its config.json states none of {', '.join(names)}", "Check the model folder."
        )

    @property
    def num_layers(self) -> int:
        return self.number(*_LAYERS)

    @property
    def hidden_size(self) -> int:
        return self.number(*_HIDDEN)

    @property
    def vocab_size(self) -> int:
        return self.number("vocab_size")

    def kv_bytes_per_token(self, item_bytes: int, scale_bytes: int = 0) -> int:
        """Of the KV cache over all layers: elements of `item_bytes`, and a scale for each head's row."""
        heads = self.number(*_HEADS)
        head_dim = self.config.get("head_dim") or self.hidden_size // heads
        attention = self.config.get("attn_config") or {}  # of MPT
        if self.config.get("multi_query") and not self.config.get("new_decoder_architecture"):
            kv_heads = 1
        else:
            kv_heads = next(
                (self.config[name] for name in _KV_HEADS if isinstance(self.config.get(name), int)),
                attention.get("kv_n_heads", heads) if isinstance(attention, dict) else heads,
            )
        return 2 * self.num_layers * kv_heads * (head_dim * item_bytes + scale_bytes)


def read_checkpoint(name: str, folder: Path) -> Checkpoint:
    """Config and headers of a local model folder. Raises ModelError, and OffloadError for a damaged file."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(name, f"no usable config.json ({error})", "Check the folder.") from error
    files = _weight_files(name, folder)
    config = {**config, **config.get("text_config", {})}
    return Checkpoint(name, tuple(tensor for file in files for tensor in read_header(file)), config)


def _weight_files(name: str, folder: Path) -> list[Path]:
    """Those that transformers reads: the one of the usual name, else what the index names, else all there are."""
    if (folder / _WHOLE).is_file():
        return [folder / _WHOLE]
    files = _indexed(folder / f"{_WHOLE}.index.json") or sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            name,
            f"no .safetensors file in {folder}",
            "Point to a model stored as safetensors (never pickle).",
        )
    return files


def _indexed(index: Path) -> list[Path]:
    if not index.is_file():
        return []
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [index.parent / Path(name).name for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OffloadError(index, "its list of files", problem=f"is malformed ({error})") from error
    for file in files:
        if not file.is_file():
            raise OffloadError(file, "it", problem="is missing, and the index names it")
    return files


def read_header(file: Path) -> list[StoredTensor]:
    """The tensors of one safetensors file, in order of their place. OffloadError for a truncated or malformed one."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER, size - 8):
            raise OffloadError(file, "its header", needed=length + 8, available=size)
        raw = opened.read(length)
    try:
        entries = json.loads(raw)
        entries.pop("__metadata__", None)
        tensors = [_tensor(file, name, entry, 8 + length) for name, entry in entries.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OffloadError(file, "its header", problem=f"is malformed ({error})") from error
    for tensor in tensors:
        if tensor.offset + tensor.nbytes > size:
            raise OffloadError(file, tensor.name, needed=tensor.offset + tensor.nbytes, available=size)
    return sorted(tensors, key=lambda tensor: tensor.offset)


def _tensor(file: Path, name: str, entry: Mapping[str, Any], start: int) -> StoredTensor:
    begin, end = entry["data_offsets"]
    tensor = StoredTensor(
        name, entry["dtype"], tuple(int(n) for n in entry["shape"]), file, start + begin, end - begin
    )
    if not 0 <= begin <= end or tensor.elements * ITEM_BYTES.get(tensor.dtype, 0) not in (tensor.nbytes, 0):
        raise ValueError(f"{name}: {tensor.nbytes} bytes for {tensor.shape} of {tensor.dtype}")
    return tensor
