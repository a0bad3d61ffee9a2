"""From the name a person types to the place a model is loaded from.

`demo`, `demo-ssm` and `demo-ssm-2` are folders inside the package; anything else is a local folder or a Hugging
Face id. Knows nothing of weights or tokenizers.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from huggingface_hub import constants

from flexserve_core.config import DEMO_MODEL, DEMO_SSM
from flexserve_core.errors import ModelError

_ASSETS = Path(__file__).resolve().parent.parent / "assets"
_EMBEDDED = (DEMO_MODEL, DEMO_SSM, "demo-ssm-2")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """`location` is what transformers' from_pretrained takes.

    `offline`: look at local files only. Without it an unreachable hub costs half a minute of retries.
    """

    name: str
    location: str
    is_local: bool
    offline: bool = True


def _hub_resolves() -> bool:
    """Whether the hub's name can be looked up; with a proxy the proxy does that."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    try:
        socket.getaddrinfo(urlparse(constants.ENDPOINT).hostname, 443)
    except OSError:
        return False
    return True


def embedded_models() -> tuple[str, ...]:
    """Names of the models that come with the package."""
    return tuple(sorted(path.parent.name for path in _ASSETS.glob("*/config.json")))


def resolve(name: str) -> ModelSource:
    """Find a model by embedded name, folder or Hugging Face id; ModelError when it can be none of them."""
    if name in embedded_models():
        return ModelSource(name, str(_ASSETS / name), is_local=True)
    if name in _EMBEDDED:
        raise ModelError(name, "this installation lacks the embedded models", "Install FlexServe again.")
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                name,
                "the folder holds no config.json, so it is not a Hugging Face model folder",
                "Point to the folder that holds config.json, tokenizer.json and *.safetensors.",
            )
        return ModelSource(name, str(path), is_local=True)
    if path.exists():
        raise ModelError(name, "it is a file, not a folder", "Point to the folder of a Hugging Face model.")
    if not _HUB_ID.fullmatch(name) or name.startswith((".", "/", "~")):
        raise ModelError(
            name,
            "there is no such folder, and it does not look like a Hugging Face id (owner/name)",
            f"Embedded models: {', '.join(embedded_models()) or 'none'}.",
        )
    return ModelSource(name, name, is_local=False, offline=not _hub_resolves())
