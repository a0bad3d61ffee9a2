"""POST /v1/completions: text (or token ids) in, its continuation out, one or many prompts a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from flexserve_apps.http.answers import Answer, completion_logprobs, fingerprint, finish, new_id
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
    offsets: dict[int, int] = field(default_factory=dict)  # choice index → characters streamed so far

    @property
    def kind(self) -> str:
        return "text_completion"

    def _echoed(self, index: int) -> str:
        return self.echoes[index // self.choices_per_prompt] if self.echoes else ""

    def whole_choice(self, index: int, result: RequestResult, completion: Completion) -> dict[str, Any]:
        text = self._echoed(index) + completion.text
        logprobs = completion_logprobs(completion.logprobs, 0)
        return {"index": index, "text": text, "logprobs": logprobs} | finish(completion)

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
    )
    return streamed(job, answer, include_usage) if body.stream else await whole(http, job, answer)


def _text(server: EngineServer, request: EngineRequest) -> str:
    return server.tokenizer.decode(request.prompt_token_ids) if request.prompt is None else request.prompt


def _prompt_keywords(prompt: str | list[int]) -> dict[str, Any]:
    return {"prompt": prompt} if isinstance(prompt, str) else {"prompt_token_ids": prompt}
