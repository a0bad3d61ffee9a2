"""FlexServe: serve a large language model from Python on the hardware you have.

`import flexserve_core as ff` gives FlexFlow Serve's API (init, LLM, SSM, GenerationConfig) and the engine underneath
(EngineConfig, build_server, EngineServer). This is the one door: apps and integrations import from here only. Importing
is cheap: torch and transformers load when something that needs them is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexserve_core.api.generation import GenerationConfig, GenerationResult
    from flexserve_core.api.llm import LLM, SSM
    from flexserve_core.api.runtime import RuntimeConfig, init
    from flexserve_core.config import DEMO_MODEL, DEMO_SSM, EngineConfig
    from flexserve_core.engine.build import build_server, flexserve_version
    from flexserve_core.engine.server import EngineObserver, EngineServer
    from flexserve_core.engine.stats import EngineStats
    from flexserve_core.engine.stream import RequestStream
    from flexserve_core.errors import (
        ConfigurationError,
        EngineFailedError,
        EngineStoppedError,
        FlexServeError,
        InvalidRequestError,
        ModelError,
        OffloadError,
        PromptTooLongError,
        QueueFullError,
        StructuredOutputError,
        TokenizerMismatchError,
    )
    from flexserve_core.models.catalog import embedded_models, resolve
    from flexserve_core.models.quantised_checkpoint import quantise_checkpoint
    from flexserve_core.offload.offline import for_many
    from flexserve_core.offload.report import plan_model
    from flexserve_core.offload.sizes import parse_size
    from flexserve_core.receipt import Receipt, make_receipt
    from flexserve_core.replay import Replay, replay_receipt
    from flexserve_core.sampling.mss import Drawn, draw
    from flexserve_core.sampling.warp import Candidates
    from flexserve_core.speculation.drafter import Drafter, DraftView
    from flexserve_core.speculation.registry import register_drafter
    from flexserve_core.speculation.speculative_config import engine_fields
    from flexserve_core.speculation.tree import TokenTree, TreeBuilder
    from flexserve_core.tuning.tree_bench import TreeReport, bench_tree
    from flexserve_core.tuning.tune import Tuning, serve_options, tune
    from flexserve_core.tuning.workload import DEFAULT_PROMPTS
    from flexserve_core.types import (
        Choice,
        Chunk,
        Completion,
        EngineInfo,
        FinishReason,
        Health,
        Limits,
        ProofItem,
        Request,
        RequestResult,
        SamplingParams,
        SpeculationStats,
        StepRecord,
        StructuredOutput,
        Timings,
        TokenLogprob,
    )

_HOMES = {
    "flexserve_core.tuning.tree_bench": (
        "TreeReport",
        "bench_tree",
    ),
    "flexserve_core.tuning.tune": (
        "Tuning",
        "serve_options",
        "tune",
    ),
    "flexserve_core.tuning.workload": ("DEFAULT_PROMPTS",),
    "flexserve_core.api.generation": (
        "GenerationConfig",
        "GenerationResult",
    ),
    "flexserve_core.api.llm": (
        "LLM",
        "SSM",
    ),
    "flexserve_core.api.runtime": (
        "RuntimeConfig",
        "init",
        "register_drafter",
    ),
    "flexserve_core.config": (
        "DEMO_MODEL",
        "DEMO_SSM",
        "DraftView",
        "Drafter",
        "EngineConfig",
    ),
    "flexserve_core.engine.build": (
        "build_server",
        "flexserve_version",
    ),
    "flexserve_core.engine.server": (
        "EngineObserver",
        "EngineServer",
    ),
    "flexserve_core.engine.stats": ("EngineStats",),
    "flexserve_core.engine.stream": ("RequestStream",),
    "flexserve_core.errors": (
        "ConfigurationError",
        "EngineFailedError",
        "EngineStoppedError",
        "FlexServeError",
        "InvalidRequestError",
        "ModelError",
        "OffloadError",
        "PromptTooLongError",
        "QueueFullError",
        "StructuredOutputError",
        "TokenizerMismatchError",
    ),
    "flexserve_core.models.catalog": (
        "embedded_models",
        "resolve",
    ),
    "flexserve_core.models.quantised_checkpoint": ("quantise_checkpoint",),
    "flexserve_core.offload.offline": ("for_many",),
    "flexserve_core.offload.report": ("plan_model",),
    "flexserve_core.offload.sizes": ("parse_size",),
    "flexserve_core.receipt": ("Receipt", "make_receipt"),
    "flexserve_core.replay": ("Replay", "replay_receipt"),
    "flexserve_core.sampling.mss": ("Drawn", "draw"),
    "flexserve_core.sampling.warp": ("Candidates",),
    "flexserve_core.speculation.drafter": ("DraftView", "Drafter"),
    "flexserve_core.speculation.registry": ("register_drafter",),
    "flexserve_core.speculation.speculative_config": ("engine_fields",),
    "flexserve_core.speculation.tree": ("TokenTree", "TreeBuilder"),
    "flexserve_core.types": (
        "Choice",
        "Chunk",
        "Completion",
        "EngineInfo",
        "FinishReason",
        "Health",
        "Limits",
        "ProofItem",
        "Request",
        "RequestResult",
        "SamplingParams",
        "SpeculationStats",
        "StepRecord",
        "StructuredOutput",
        "Timings",
        "TokenLogprob",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_PROMPTS",
    "DEMO_MODEL",
    "DEMO_SSM",
    "LLM",
    "SSM",
    "Candidates",
    "Choice",
    "Chunk",
    "Completion",
    "ConfigurationError",
    "DraftView",
    "Drafter",
    "Drawn",
    "EngineConfig",
    "EngineFailedError",
    "EngineInfo",
    "EngineObserver",
    "EngineServer",
    "EngineStats",
    "EngineStoppedError",
    "FinishReason",
    "FlexServeError",
    "GenerationConfig",
    "GenerationResult",
    "Health",
    "InvalidRequestError",
    "Limits",
    "ModelError",
    "OffloadError",
    "PromptTooLongError",
    "ProofItem",
    "QueueFullError",
    "Receipt",
    "Replay",
    "Request",
    "RequestResult",
    "RequestStream",
    "RuntimeConfig",
    "SamplingParams",
    "SpeculationStats",
    "StepRecord",
    "StructuredOutput",
    "StructuredOutputError",
    "Timings",
    "TokenLogprob",
    "TokenTree",
    "TokenizerMismatchError",
    "TreeBuilder",
    "TreeReport",
    "Tuning",
    "bench_tree",
    "build_server",
    "draw",
    "embedded_models",
    "engine_fields",
    "flexserve_version",
    "for_many",
    "init",
    "make_receipt",
    "parse_size",
    "plan_model",
    "quantise_checkpoint",
    "register_drafter",
    "replay_receipt",
    "resolve",
    "serve_options",
    "tune",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
