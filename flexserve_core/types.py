"""The nouns that cross rooms: frozen dataclasses, no behaviour beyond derived properties.

Knows nothing of models, devices, HTTP or threads. Field names follow vLLM/OpenAI where they mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from flexserve_core.structure.grammar import Grammar


class FinishReason(str, Enum):
    """Why a completion ended; the values are OpenAI's where it has one."""

    STOP = "stop"  # EOS, a stop token or a stop string
    LENGTH = "length"  # max_new_tokens or max_seq_length
    TIMEOUT = "timeout"  # the request's own timeout_s; over HTTP it reads "length"
    ABORT = "abort"  # the caller closed the stream
    ERROR = "error"  # the engine failed on this request


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredOutput:
    """What the text of a completion must match: exactly one field is set. `structure/constraint.py` has the limits.

    The whole completion matches; one that ends early (length, a stop string, an abort) is the beginning of a match."""

    json_schema: str | Mapping[str, Any] | None = None  # JSON text once it is validated
    json_object: bool = False  # any JSON object
    regex: str | None = None  # syntax of Rust's regex crate: no look-around, no back-references
    grammar: str | None = None  # Lark, or EBNF as llama.cpp writes it (`::=`)
    choice: tuple[str, ...] = ()  # one of these texts


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How one request's tokens are chosen. `validate.py` holds the limits of every field."""

    temperature: float = 1.0  # 0 means greedy
    top_k: int = 0  # 0 means off
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0  # over prompt and completion, as transformers
    presence_penalty: float = 0.0  # over the completion, as OpenAI
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()  # (token id, bias) pairs
    seed: int | None = None  # drawn and returned when None
    n: int = 1
    max_new_tokens: int | None = None  # None: as many as fit into max_seq_length
    min_tokens: int = 0  # neither EOS nor a stop ends the completion before
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    include_stop_str_in_output: bool = False
    skip_special_tokens: bool = True
    logprobs: int | None = None  # None: off; k: also the k most likely tokens at each position
    prompt_logprobs: int | None = None  # the same for the prompt's tokens
    timeout_s: float | None = None  # after submission; then the request ends with what it has
    speculation: bool = True  # False: plain decoding for this request (same tokens, other speed)
    structured: StructuredOutput | None = None

    @property
    def greedy(self) -> bool:
        return self.temperature == 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A validated request: nothing behind this point checks user input again."""

    request_id: str
    prompt_token_ids: tuple[int, ...]
    sampling: SamplingParams  # seed and max_new_tokens are filled in
    prompt: str | None = None  # the text, when the request came as text
    grammar: Grammar | None = field(
        default=None, compare=False, repr=False
    )  # of sampling.structured, compiled


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Natural-log probability of a token under the model's unwarped distribution."""

    token_id: int
    text: str
    logprob: float
    top: tuple[tuple[int, str, float], ...] = ()  # (token id, text, log-prob), most likely first
    rank: int = 0  # 1 for the most likely token


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationStats:
    """Counters of one completion (or, summed, of many)."""

    llm_steps: int = 0  # LLM forwards that produced at least one token of this completion
    generated_tokens: int = 0
    draft_steps: int = 0  # those of them that verified a tree
    drafted_tokens: int = 0  # tree nodes verified
    accepted_tokens: int = 0  # tree nodes on the emitted path
    accepted_per_depth: tuple[int, ...] = ()  # [d]: how often the node at depth d + 1 was accepted

    @property
    def tokens_per_step(self) -> float:
        return self.generated_tokens / self.llm_steps if self.llm_steps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds on the monotonic clock, relative to the moment the request was submitted."""

    queued_s: float = 0.0  # until the scheduler admitted it
    first_token_s: float = 0.0  # until its first token
    total_s: float = 0.0

    def decode_tokens_per_s(self, generated_tokens: int) -> float:
        """Tokens per second after the first token; 0.0 when there was only one."""
        decode_s = self.total_s - self.first_token_s
        return (generated_tokens - 1) / decode_s if generated_tokens > 1 and decode_s > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One finished choice of a request."""

    index: int
    text: str
    token_ids: tuple[int, ...]  # EOS or stop token included when it ended there
    finish_reason: FinishReason
    stop_reason: int | str | None = None  # the stop token id or stop string that ended it
    logprobs: tuple[TokenLogprob, ...] | None = None
    cached_prompt_tokens: int = 0  # of the prompt, found in the prefix cache
    preemptions: int = 0  # times it was computed again because memory was short
    speculation: SpeculationStats = field(default_factory=SpeculationStats)
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResult:
    """All choices of a finished request."""

    request_id: str
    prompt: str | None
    prompt_token_ids: tuple[int, ...]
    seed: int
    choices: tuple[Completion, ...]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    prompt_logprobs: tuple[TokenLogprob | None, ...] | None = None  # per prompt token, the first None
    error: str | None = None  # set when finish_reason is ERROR

    @property
    def generated_tokens(self) -> int:
        return sum(len(choice.token_ids) for choice in self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What one engine step added to one choice of one request.

    `text` may be empty (bytes of an unfinished character, or text held back for a stop string).
    The chunk that ends the choice carries `completion`; the last chunk of the request carries `result`.
    """

    request_id: str
    index: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...] | None = None
    completion: Completion | None = None
    result: RequestResult | None = None

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.completion.finish_reason if self.completion else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the running engine can take; front ends and validation read it."""

    vocab_size: int
    max_seq_length: int  # tokens, prompt and completion together
    max_requests_per_batch: int
    max_tokens_per_batch: int
    max_n: int = 8
    max_stop_strings: int = 4
    max_stop_string_chars: int = 256
    max_logit_bias: int = 1024
    max_logprobs: int = 20
    max_timeout_s: float = 86_400.0
    max_prompt_chars: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An automatic choice and the reason for it, as `flexserve info` shows it."""

    what: str  # e.g. "attention", "linear", "dtype"
    chosen: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofItem:
    """One line of the load-time proof of row invariance."""

    what: str
    holds: bool
    detail: str


SETTINGS = ("grown", "quantization", "quantize_head", "kv_cache_dtype")  # of EngineInfo and EngineConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What runs here and why."""

    model: str
    model_type: str
    device: str
    dtype: str
    num_parameters: int
    ssms: tuple[str, ...]
    speculation: str  # one line in words, "off" when off
    choices: tuple[Choice, ...]
    proof: tuple[ProofItem, ...]
    limits: Limits
    version: str
    has_chat_template: bool
    torch: str = ""  # version of torch
    threads: int = 0  # torch threads at load
    grown: str | None = None  # the size the model was grown to, if it was
    quantization: str | None = None  # of the linear layers' weights
    quantize_head: str | None = None
    kv_cache_dtype: str | None = None  # None: as the model computes

    @property
    def settings(self) -> dict[str, str | None]:
        """What decides about tokens beside the model, its dtype and the request."""
        return {name: getattr(self, name) for name in SETTINGS}

    @property
    def precision(self) -> str:
        """In words: "bfloat16, int4 weights"."""
        parts = {"weights": self.quantization, "head": self.quantize_head, "cache": self.kv_cache_dtype}
        return ", ".join([self.dtype, *(f"{kind} {what}" for what, kind in parts.items() if kind)])

    @property
    def title(self) -> str:
        """The model in words for people: a grown one is labelled as such."""
        if self.grown is None:
            return self.model
        return f"{self.model} grown to {self.grown} (repeated weights, the same answers)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """State of the server thread."""

    status: Literal["ok", "starting", "stopped", "failed"]
    running: int
    waiting: int
    restarts: int
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One engine step, as FLEXSERVE_TRACE writes it (one JSON object a line) and observers see it."""

    step: int
    time_s: float  # monotonic clock at the end of the step
    request_ids: tuple[str, ...]  # requests that shared the step's LLM forward
    rows: int  # rows of the LLM forward
    prompt_tokens: int  # rows that were prompt
    drafted_tokens: int
    accepted_tokens: int
    emitted_tokens: int
    accepted_per_depth: tuple[int, ...]
    preemptions: int  # sequences that had to give their memory to older ones before this step
    running: int
    waiting: int
    kv_blocks_used: int
    kv_blocks_total: int
    draft_s: float
    forward_s: float
    verify_s: float
    total_s: float
