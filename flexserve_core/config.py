"""What a person can set about an engine, and nothing else.

Frozen: `engine.build` resolves "auto" values into an `EngineInfo` with a reason for each. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from flexserve_core.errors import ConfigurationError

POLICIES = ("adaptive", "fixed")
DTYPES = ("auto", "bfloat16", "float16", "float32")
GROWN_SIZES = ("100M", "300M", "1.1B")
QUANTIZATIONS = ("int8", "int4")
VERIFICATIONS = ("keyed", "mss")
KV_CACHE_DTYPES = ("auto", "int8")
OFFLOADS = ("none", "auto", "cpu", "disk")
DEMO_MODEL = "demo"
DEMO_SSM = "demo-ssm"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Settings of one engine; every field is checked at construction.

    `ssms=None` means: the demo model brings its own SSM, any other model none.
    """

    model: str = DEMO_MODEL
    grown: str | None = None  # size to grow the model to: the same function at a larger model's cost
    ssms: tuple[str, ...] | None = None
    dtype: str = "auto"
    ssm_dtype: str | None = None  # None: as the LLM
    quantization: str | None = None  # "int8" (LLM.int8), "int4" (NF4): of the LLM's linear layers
    ssm_quantization: str | None = None
    quantize_head: str | None = None  # "int8"; None: the LLM's head stays in full precision
    threads: int | None = None  # of the CPU, for the whole process; None: torch's own choice
    device: str = "auto"  # "auto", "cpu", "cuda", "cuda:N"
    speculation: bool = True
    text_drafters: tuple[str, ...] = ("prompt_lookup",)  # beside the SSMs; see speculation/registry.py
    text_drafter_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by drafter
    tree_shape: tuple[int, ...] | None = None  # fixed <k1, …, km>; None: best-first under max_tree_nodes
    beam_width: int | None = None  # SSMs draft by beam search of this width, max_tree_depth deep
    policy: str | None = None  # "adaptive", "fixed"; None: fixed when there is a tree_shape or a beam_width
    verification: str = "keyed"  # "mss": multi-step speculative sampling, whose text depends on the drafts
    max_tree_nodes: int = 24
    max_tree_depth: int = 8
    max_requests_per_batch: int = 16
    max_seq_length: int | None = None  # None: the model's own limit, at most 4096
    max_tokens_per_batch: int = 512
    ssm_max_tokens_per_batch: int | None = None  # rows of one SSM forward; None: as the LLM
    max_queued_requests: int = 256
    kv_block_size: int = 16
    kv_cache_dtype: str = (
        "auto"  # of the LLM's keys and values: "auto" is the model's own, "int8" half of that
    )
    num_kv_blocks: int | None = None  # None: for a full batch of the longest texts, as far as memory allows
    prefix_caching: bool = True  # texts that begin alike share the cache of their beginning
    offload: str = "none"  # "auto", "cpu", "disk": where weights may live that do not fit
    device_memory: int | None = None  # bytes on the GPU; None: most of what is free
    host_memory: int | None = None  # bytes of host memory for the whole process; None: most of what is free
    offload_dir: str | None = None  # for weights converted at load; None: the user's cache folder
    percent: tuple[float, ...] | None = None  # FlexGen's wG wC cG cC aG aC, placing by hand
    revision: str | None = None
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, DTYPES)
        if self.ssm_dtype is not None:
            check_choice("ssm_dtype", self.ssm_dtype, DTYPES)
        self._check_quantization()
        if self.grown is not None:
            check_choice("grown", self.grown, GROWN_SIZES)
        if self.policy is not None:
            check_choice("policy", self.policy, POLICIES)
        check_choice("verification", self.verification, VERIFICATIONS)
        if self.threads is not None:
            _check_range("threads", self.threads, 1, 4096)
        _check_range("max_requests_per_batch", self.max_requests_per_batch, 1, 1024)
        _check_range("max_tokens_per_batch", self.max_tokens_per_batch, 16, 65536)
        _check_range("max_queued_requests", self.max_queued_requests, 1, 100_000)
        _check_range("max_tree_nodes", self.max_tree_nodes, 1, 256)
        _check_range("max_tree_depth", self.max_tree_depth, 1, 32)
        _check_range("kv_block_size", self.kv_block_size, 1, 256)
        if self.num_kv_blocks is not None:
            _check_range("num_kv_blocks", self.num_kv_blocks, 1, 2**31)
        if self.ssm_max_tokens_per_batch is not None:
            _check_range("ssm_max_tokens_per_batch", self.ssm_max_tokens_per_batch, 16, 65536)
        if self.max_seq_length is not None:
            _check_range("max_seq_length", self.max_seq_length, 8, 1_048_576)
        for width in self.tree_shape or ():
            _check_range("tree_shape", width, 1, 64)
        if self.beam_width is not None:
            _check_range("beam_width", self.beam_width, 1, 64)
            if self.tree_shape is not None:
                raise ConfigurationError(
                    "beam_width",
                    self.beam_width,
                    "tree_shape gives the shape already",
                    "Leave one of them out.",
                )
        check_choice("kv_cache_dtype", self.kv_cache_dtype, KV_CACHE_DTYPES)
        self._check_offload()

    def _check_quantization(self) -> None:
        for name, allowed in (
            ("quantization", QUANTIZATIONS),
            ("ssm_quantization", QUANTIZATIONS),
            ("quantize_head", ("int8",)),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            check_choice(name, value, allowed)
            dtype = self.dtype if name != "ssm_quantization" else self.ssm_dtype or self.dtype
            if dtype not in ("auto", "bfloat16"):
                raise ConfigurationError(
                    name,
                    value,
                    f"quantised weights are multiplied in bfloat16, not in {dtype}",
                    "Leave out dtype.",
                )

    def _check_offload(self) -> None:
        check_choice("offload", self.offload, OFFLOADS)
        if self.offload != "none" and self.grown is not None:
            raise ConfigurationError(
                "grown",
                self.grown,
                "a grown model's weights are made in memory",
                "Leave out offload, or grown.",
            )
        for name in ("device_memory", "host_memory"):
            if getattr(self, name) is not None:
                _check_range(name, getattr(self, name), 1, 2**60)
        for name in ("device_memory", "host_memory", "offload_dir", "percent"):
            if self.offload == "none" and getattr(self, name) is not None:
                raise ConfigurationError(
                    name,
                    getattr(self, name),
                    "with offload = 'none' the whole model is kept in memory",
                    "Set offload to auto (--offload auto).",
                )


def check_choice(name: str, value: object, allowed: Collection[str]) -> None:
    """Raises ConfigurationError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ConfigurationError(name, value, f"it is one of {', '.join(allowed)}", "Choose one of these.")


def _check_range(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigurationError(
            name, value, f"it is a whole number from {low} to {high}", "Choose one in between."
        )
