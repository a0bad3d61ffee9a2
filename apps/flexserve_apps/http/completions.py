"""POST /v1/completions: text (or token ids) in, its continuation out, one or many prompts a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from flexserve_apps.http.answers import (
    Answer,
    completion_logprobs,
    fingerprint,
    finish,
    new_id,
    prompt_logprobs,
)
from flexserve_apps.http.job import Job
from flexserve_apps.http.schemas import CompletionBody
from flexserve_apps.http.serving import check_model, engine_of, served_model, streamed, whole
from flexserve_core import Chunk, Completion, RequestResult
from flexserve_core import Request as EngineRequest

if TYPE_CHECKING:
    from flexserve_core import EngineServer

router = APIRouter(prefix="/v1", tags=["OpenAI"])


@dataclass(slots=True)
class CompletionAnswer(Answer):
    """OpenAI's `text_completion`; choice i·n + k is the k-th of prompt i."""

    echoes: tuple[str, ...] = ()  # the prompts' texts, when they are to stand before the completions
    first_tokens: tuple[str, ...] = ()  # of the prompts, when their log-probs are to be echoed
    prompt_logprobs: bool = False  # asked for under vLLM's name
    offsets: dict[int, int] = field(default_factory=dict)  # choice index → characters streamed so far

    @property
    def kind(self) -> str:
        return "text_completion"

    def _echoed(self, index: int) -> str:
        return self.echoes[index // self.choices_per_prompt] if self.echoes else ""

    def whole_choice(self, index: int, result: RequestResult, completion: Completion) -> dict[str, Any]:
        text = self._echoed(index) + completion.text
        logprobs = completion_logprobs(completion.logprobs, 0)
        if self.first_tokens and result.prompt_logprobs is not None:
            known = [item for item in result.prompt_logprobs if item is not None]
            first = self.first_tokens[index // self.choices_per_prompt]
            logprobs = completion_logprobs([*known, *(completion.logprobs or ())], 0, first)
        choice = {"index": index, "text": text, "logprobs": logprobs} | finish(completion)
        asked = self.prompt_logprobs and result.prompt_logprobs is not None
        return choice | ({"prompt_logprobs": prompt_logprobs(result.prompt_logprobs)} if asked else {})

    def opening_choices(self) -> list[dict[str, Any]]:
        if not self.echoes:
            return []
        count = len(self.requests) * self.choices_per_prompt
        return [
            {"index": index, "text": self._echoed(index), "logprobs": None, "finish_reason": None}
            for index in range(count)
        ]

    def chunk_choice(self, index: int, chunk: Chunk) -> dict[str, Any]:
        offset = self.offsets.get(index, 0)
        self.offsets[index] = offset + sum(len(item.text) for item in chunk.logprobs or ())
        logprobs = completion_logprobs(chunk.logprobs, offset)
        return {"index": index, "text": chunk.text, "logprobs": logprobs} | finish(chunk.completion)


@router.post("/completions")
async def completions(body: CompletionBody, http: Request) -> Response:
    """Continuations of one or many prompts, whole or as server-sent events."""
    server = engine_of(http)
    check_model(server, body.model)
    include_usage = body.wants_usage_chunk
    answer_id = new_id("cmpl")
    job = await Job.submit(server, answer_id, [_prompt_keywords(one) for one in body.prompt], body)
    answer = CompletionAnswer(
        answer_id,
        served_model(server),
        fingerprint(server.info),
        job.requests,
        job.requests[0].sampling.n,
        echoes=tuple(_text(server, one) for one in job.requests) if body.echo else (),
        first_tokens=_first_tokens(server, job.requests) if body.echoes_logprobs else (),
        prompt_logprobs=body.prompt_logprobs is not None,
    )
    return streamed(job, answer, include_usage) if body.stream else await whole(http, job, answer)


def _first_tokens(server: EngineServer, requests: Sequence[EngineRequest]) -> tuple[str, ...]:
    return tuple(
        server.tokenizer.decode(one.prompt_token_ids[:1], skip_special_tokens=False) for one in requests
    )


def _text(server: EngineServer, request: EngineRequest) -> str:
    return server.tokenizer.decode(request.prompt_token_ids) if request.prompt is None else request.prompt


def _prompt_keywords(prompt: str | list[int]) -> dict[str, Any]:
    return {"prompt": prompt} if isinstance(prompt, str) else {"prompt_token_ids": prompt}
