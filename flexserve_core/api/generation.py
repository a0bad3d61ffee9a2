"""The ancestor's GenerationConfig and GenerationResult, with all fields of a request. Knows nothing of engines."""

from __future__ import annotations

from dataclasses import dataclass, field

from flexserve_core.types import (
    FinishReason,
    RequestResult,
    SamplingParams,
    SpeculationStats,
    StructuredOutput,
    Timings,
    TokenLogprob,
)


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """How tokens are chosen. do_sample=False is greedy whatever the temperature, as in the ancestor.

    The first four fields are FlexFlow Serve's; unlike there, topk is honoured. The others are a request's own.
    """

    do_sample: bool = False
    temperature: float = 0.9
    topp: float = 0.8
    topk: int = 1  # the ancestor's default; with do_sample it means the likeliest token, 0 switches it off
    min_p: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] | list[str] | str = ()
    stop_token_ids: tuple[int, ...] | list[int] = ()
    max_new_tokens: int | None = None
    min_tokens: int = 0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] = field(default_factory=dict)
    n: int = 1
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    timeout_s: float | None = None  # transformers calls it max_time
    ignore_eos: bool = False
    include_stop_str_in_output: bool = False
    skip_special_tokens: bool = True
    speculation: bool = True
    structured: StructuredOutput | None = None  # what the text must match

    def to_sampling(self) -> SamplingParams:
        """The engine's form; limits are checked when a request is made from it."""
        return SamplingParams(
            temperature=self.temperature if self.do_sample else 0.0,
            top_p=self.topp if self.do_sample else 1.0,
            top_k=self.topk if self.do_sample else 0,
            min_p=self.min_p if self.do_sample else 0.0,
            seed=self.seed,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop),
            stop_token_ids=tuple(self.stop_token_ids),
            max_new_tokens=self.max_new_tokens,
            min_tokens=self.min_tokens,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            logit_bias=tuple(self.logit_bias.items()),
            n=self.n,
            logprobs=self.logprobs,
            prompt_logprobs=self.prompt_logprobs,
            timeout_s=self.timeout_s,
            ignore_eos=self.ignore_eos,
            include_stop_str_in_output=self.include_stop_str_in_output,
            skip_special_tokens=self.skip_special_tokens,
            speculation=self.speculation,
            structured=self.structured,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """What one prompt became. With n > 1 the fields speak of the first choice; `choices` holds all texts."""

    text: str  # the completion only
    output_text: bytes  # prompt and completion, UTF-8, as in the ancestor
    output_tokens: tuple[int, ...]  # the completion only, EOS included when it ended there
    input_text: str | None
    input_tokens: tuple[int, ...]
    finish_reason: FinishReason
    seed: int
    timings: Timings
    speculation: SpeculationStats
    logprobs: tuple[TokenLogprob, ...] | None
    choices: tuple[str, ...]
    prompt_logprobs: tuple[TokenLogprob | None, ...] | None = None

    @classmethod
    def from_result(cls, result: RequestResult, prompt_text: str | None) -> GenerationResult:
        """prompt_text: what `output_text` begins with; None (a chat) leaves the prompt out, as the ancestor does."""
        first = result.choices[0]
        return cls(
            text=first.text,
            output_text=((prompt_text or "") + first.text).encode("utf-8", errors="replace"),
            output_tokens=first.token_ids,
            input_text=prompt_text,
            input_tokens=result.prompt_token_ids,
            finish_reason=first.finish_reason,
            seed=result.seed,
            timings=first.timings,
            speculation=first.speculation,
            logprobs=first.logprobs,
            choices=tuple(choice.text for choice in result.choices),
            prompt_logprobs=result.prompt_logprobs,
        )
