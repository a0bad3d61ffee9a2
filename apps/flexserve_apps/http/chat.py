"""POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from flexserve_apps.http.answers import Answer, chat_logprobs, fingerprint, finish, new_id, prompt_logprobs
from flexserve_apps.http.job import Job
from flexserve_apps.http.schemas import ChatBody
from flexserve_apps.http.serving import check_model, engine_of, served_model, streamed, whole
from flexserve_core import Chunk, Completion, RequestResult

router = APIRouter(prefix="/v1", tags=["OpenAI"])


@dataclass(slots=True)
class ChatAnswer(Answer):
    """OpenAI's `chat.completion` and `chat.completion.chunk`."""

    @property
    def kind(self) -> str:
        return "chat.completion"

    def whole_choice(self, index: int, result: RequestResult, completion: Completion) -> dict[str, Any]:
        message = {"role": "assistant", "content": completion.text}
        logprobs = chat_logprobs(completion.logprobs)
        return {"index": index, "message": message, "logprobs": logprobs} | finish(completion)

    def whole(self, results: Sequence[RequestResult]) -> dict[str, Any]:
        answer = Answer.whole(self, results)
        known = results[0].prompt_logprobs
        return answer if known is None else answer | {"prompt_logprobs": prompt_logprobs(known)}

    def opening_choices(self) -> list[dict[str, Any]]:
        delta = {"role": "assistant", "content": ""}
        return [
            {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
            for index in range(self.choices_per_prompt)
        ]

    def chunk_choice(self, index: int, chunk: Chunk) -> dict[str, Any]:
        delta = {"content": chunk.text} if chunk.text else {}
        return {"index": index, "delta": delta, "logprobs": chat_logprobs(chunk.logprobs)} | finish(
            chunk.completion
        )


@router.post("/chat/completions")
async def chat_completions(body: ChatBody, http: Request) -> Response:
    """A conversation's next turn, whole or as server-sent events."""
    server = engine_of(http)
    check_model(server, body.model)
    include_usage = body.wants_usage_chunk
    answer_id = new_id("chatcmpl")
    prompt = {"messages": [message.as_engine() for message in body.messages]}
    job = await Job.submit(server, answer_id, [prompt], body)
    print_as = fingerprint(server.info)
    answer = ChatAnswer(answer_id, served_model(server), print_as, job.requests, job.requests[0].sampling.n)
    return streamed(job, answer, include_usage) if body.stream else await whole(http, job, answer)
