"""Where the small trained models lie that exactness is also tested on, when somebody has put them there.

The folder is named by FLEXSERVE_SHARED, else it is `shared` beside the repository. Knows nothing of their content.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ModelPair:
    """A verifier and a small model with the same tokenizer."""

    llm: str
    ssm: str


SHARED_PAIRS = (
    ModelPair("stories260K", "llama2xs-279K"),
    ModelPair("babyllama-tok361-as105", "babyllama-tok105"),
)


def shared_folder() -> Path:
    return Path(os.environ.get("FLEXSERVE_SHARED") or _REPOSITORY.parent / "shared")


def shared_model(name: str) -> Path | None:
    """Folder of a shared model; None where there is none."""
    folder = shared_folder() / "models" / name
    return folder if (folder / "config.json").is_file() else None
