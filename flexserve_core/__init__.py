"""FlexServe: serve a large language model from Python on the hardware you have.

`import flexserve_core as ff` gives FlexFlow Serve's API (init, LLM, SSM, GenerationConfig) and the engine underneath
(EngineConfig, build_server, EngineServer). Importing is cheap: torch and transformers load when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexserve_core.api.generation import GenerationConfig, GenerationResult
    from flexserve_core.api.llm import LLM, SSM
    from flexserve_core.api.runtime import RuntimeConfig, init
    from flexserve_core.config import EngineConfig
    from flexserve_core.engine.build import build_server
    from flexserve_core.engine.server import EngineServer
    from flexserve_core.errors import FlexServeError, InvalidRequestError
    from flexserve_core.types import Chunk, FinishReason, RequestResult, SamplingParams

_HOMES = {
    "Chunk": "flexserve_core.types",
    "EngineConfig": "flexserve_core.config",
    "EngineServer": "flexserve_core.engine.server",
    "FinishReason": "flexserve_core.types",
    "FlexServeError": "flexserve_core.errors",
    "GenerationConfig": "flexserve_core.api.generation",
    "GenerationResult": "flexserve_core.api.generation",
    "InvalidRequestError": "flexserve_core.errors",
    "LLM": "flexserve_core.api.llm",
    "RequestResult": "flexserve_core.types",
    "RuntimeConfig": "flexserve_core.api.runtime",
    "SSM": "flexserve_core.api.llm",
    "SamplingParams": "flexserve_core.types",
    "build_server": "flexserve_core.engine.build",
    "init": "flexserve_core.api.runtime",
}

__all__ = [
    "LLM",
    "SSM",
    "Chunk",
    "EngineConfig",
    "EngineServer",
    "FinishReason",
    "FlexServeError",
    "GenerationConfig",
    "GenerationResult",
    "InvalidRequestError",
    "RequestResult",
    "RuntimeConfig",
    "SamplingParams",
    "build_server",
    "init",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
