"""What exactly was loaded: SHA-256 over a model folder's files. Knows nothing of engines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from huggingface_hub import snapshot_download

from flexserve_core.models.catalog import ModelSource

_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Digests:
    """Hexadecimal SHA-256; equal digests mean equal weights, configuration and tokenizer."""

    model: str
    tokenizer: str


@lru_cache(maxsize=8)
def digests_of(source: ModelSource) -> Digests:
    """Read the whole checkpoint once: seconds per ten gigabytes. For a hub model, its cached snapshot."""
    folder = Path(
        source.location if source.is_local else snapshot_download(source.location, local_files_only=True)
    )
    weights = [
        folder / "config.json",
        folder / "generation_config.json",
        *sorted(folder.glob("*.safetensors")),
    ]
    words = [
        *sorted(folder.glob("tokenizer*")),
        *sorted(folder.glob("*.model")),
        folder / "special_tokens_map.json",
    ]
    return Digests(_sha256(weights), _sha256(words))


def _sha256(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(f"{path.name}:{path.stat().st_size}:".encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
    return digest.hexdigest()
