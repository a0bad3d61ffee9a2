"""What chat and text completions answer alike: envelope, usage, speculation counters, log-probabilities.

`Answer` is the wire form of one call; chat.py and completions.py give it their choices. Counters carry
vLLM's names. Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from flexserve_core import (
    Chunk,
    Completion,
    EngineInfo,
    FinishReason,
    RequestResult,
    SpeculationStats,
    TokenLogprob,
)


def fingerprint(info: EngineInfo) -> str:
    """OpenAI's `system_fingerprint`: equal fingerprint, request and seed mean equal text."""
    what = (info.model, info.model_type, info.num_parameters, info.precision, info.device, info.version)
    return "fs_" + hashlib.sha256(repr(what).encode()).hexdigest()[:10]


def usage(results: Iterable[RequestResult]) -> dict[str, int]:
    """Token counts of a call; a prompt shared by n choices counts once."""
    results = list(results)
    prompt = sum(len(result.prompt_token_ids) for result in results)
    completion = sum(result.generated_tokens for result in results)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def metrics(results: Iterable[RequestResult]) -> dict[str, Any]:
    """`metrics.speculative_decoding` under vLLM's names, summed over the call's choices.

    Only steps that verified a draft count; `mean_acceptance_length` includes the LLM's own token.
    `acceptance_histogram[k]`: steps that accepted k tokens.
    """
    stats = [choice.speculation for result in results for choice in result.choices]
    steps = sum(one.draft_steps for one in stats)
    drafted = sum(one.drafted_tokens for one in stats)
    accepted = sum(one.accepted_tokens for one in stats)
    spec = {
        "mean_acceptance_length": 1 + accepted / steps if steps else None,
        "draft_acceptance_rate": accepted / drafted if drafted else None,
        "acceptance_histogram": _histogram(steps, stats),
        "num_spec_steps": steps,
        "num_accepted_draft_tokens": accepted,
        "num_draft_tokens": drafted,
    }
    return {"speculative_decoding": spec}


def _histogram(steps: int, stats: Sequence[SpeculationStats]) -> list[int]:
    """Steps that accepted at least d tokens, made into steps that accepted exactly d."""
    depth = max((len(one.accepted_per_depth) for one in stats), default=0)
    at_least = [steps] + [
        sum(one.accepted_per_depth[level] for one in stats if level < len(one.accepted_per_depth))
        for level in range(depth)
    ]
    return [count - deeper for count, deeper in zip(at_least, [*at_least[1:], 0], strict=True)]


def token_bytes(text: str) -> list[int] | None:
    """UTF-8 bytes of a token's text; None for a token that is a piece of a character."""
    return None if "\ufffd" in text else list(text.encode())


def finish(completion: Completion | None) -> dict[str, Any]:
    """`finish_reason`, and vLLM's `stop_reason`: the stop string or token id that ended the choice.

    OpenAI knows no time-out; to its clients the answer is cut, and `stop_reason` says by what."""
    if completion is None:
        return {"finish_reason": None}
    if completion.finish_reason is FinishReason.TIMEOUT:
        return {"finish_reason": FinishReason.LENGTH.value, "stop_reason": completion.finish_reason.value}
    return {"finish_reason": completion.finish_reason.value, "stop_reason": completion.stop_reason}


@dataclass(slots=True)
class Answer:
    """One call's wire form, whole or streamed. Subclasses give `kind` and the choices."""

    answer_id: str
    model: str
    system_fingerprint: str
    requests: Sequence[Any]
    choices_per_prompt: int
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def kind(self) -> str:
        raise NotImplementedError

    def whole_choice(self, index: int, result: RequestResult, completion: Completion) -> dict[str, Any]:
        raise NotImplementedError

    def opening_choices(self) -> list[dict[str, Any]]:
        """Choices of the events that open a stream, before any token."""
        raise NotImplementedError

    def chunk_choice(self, index: int, chunk: Chunk) -> dict[str, Any]:
        raise NotImplementedError

    def index_of(self, prompt_index: int, choice_index: int) -> int:
        return prompt_index * self.choices_per_prompt + choice_index

    def envelope(self, choices: list[dict[str, Any]], *, chunk: bool = False) -> dict[str, Any]:
        return {
            "id": self.answer_id,
            "object": f"{self.kind}.chunk" if chunk and self.kind == "chat.completion" else self.kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.system_fingerprint,
            "seed": self.requests[0].sampling.seed,
            "choices": choices,
        }

    def whole(self, results: Sequence[RequestResult]) -> dict[str, Any]:
        choices = [
            self.whole_choice(self.index_of(prompt_index, one.index), result, one)
            for prompt_index, result in enumerate(results)
            for one in result.choices
        ]
        return self.envelope(choices) | {"usage": usage(results), "metrics": metrics(results)}

    def usage_chunk(self, results: Sequence[RequestResult]) -> dict[str, Any]:
        return self.envelope([], chunk=True) | {"usage": usage(results), "metrics": metrics(results)}


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}"


def chat_logprobs(logprobs: Sequence[TokenLogprob] | None) -> dict[str, Any] | None:
    """OpenAI's form for chat."""
    if logprobs is None:
        return None
    return {"content": [_one_logprob(item) for item in logprobs], "refusal": None}


def _one_logprob(item: TokenLogprob) -> dict[str, Any]:
    top = [{"token": text, "logprob": value, "bytes": token_bytes(text)} for _, text, value in item.top]
    return {"token": item.text, "logprob": item.logprob, "bytes": token_bytes(item.text), "top_logprobs": top}


def prompt_logprobs(logprobs: Sequence[TokenLogprob | None] | None) -> list[dict[str, Any] | None] | None:
    """vLLM's form: per prompt token, the first None, token id → log-prob, rank and text; the prompt's own token too."""
    if logprobs is None:
        return None
    return [None if item is None else _by_id(item) for item in logprobs]


def _by_id(item: TokenLogprob) -> dict[str, Any]:
    found = {
        str(token): {"logprob": value, "rank": rank, "decoded_token": text}
        for rank, (token, text, value) in enumerate(item.top, start=1)
    }
    own = {"logprob": item.logprob, "rank": item.rank, "decoded_token": item.text}
    return {str(item.token_id): own} | found


def completion_logprobs(
    logprobs: Sequence[TokenLogprob] | None, offset: int, first: str | None = None
) -> dict[str, Any] | None:
    """OpenAI's form for text completions; `offset`: where the first token starts in the text.

    first: text of a token before these of which nothing is known, the first of an echoed prompt."""
    if logprobs is None:
        return None
    known: list[TokenLogprob | None] = [*([] if first is None else [None]), *logprobs]
    texts = [(first or "") if item is None else item.text for item in known]
    return {
        "tokens": texts,
        "token_logprobs": [item and item.logprob for item in known],
        # most likely first; pieces of characters may share a text, and then the likelier one stays
        "top_logprobs": [item and {text: value for _, text, value in reversed(item.top)} for item in known],
        "text_offset": list(accumulate(map(len, texts[:-1]), initial=offset)) if texts else [],
    }
