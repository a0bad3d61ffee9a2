"""`FlexServeLLM`: text in, text out, as LangChain's completion model.

A list of prompts is submitted as a whole before the first answer is read, so all of them share the engine's
batch. Closing a stream aborts its request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult

from langchain_flexserve.options import STRICT, FlexServeOptions, metadata
from langchain_flexserve.transport import Answer, AsyncAnswer, Finished, Piece, ajoin, join


class FlexServeLLM(FlexServeOptions, BaseLLM):
    """A completion model on a FlexServe engine, in this process or behind a URL.

    Example:
        ```python
        llm = FlexServeLLM(server=engine, temperature=0, max_tokens=64)
        llm.invoke("Here are some travel tips for Tokyo:\\n")
        llm.batch(["17 + 25 =", "A story about a cat:"])
        ```
    """

    model_config = STRICT

    @property
    def _llm_type(self) -> str:
        return "flexserve"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "flexserve"
        params["ls_model_name"] = str(kwargs.get("model") or self._model_name)
        return params

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        calls = [self._new_call(stop, kwargs, prompt=prompt) for prompt in prompts]
        with ExitStack() as stack:
            answers = [stack.enter_context(closing(self._transport.open(call))) for call in calls]
            listener = run_manager if self.streaming else None
            return _result([join(_reported(answer, listener)) for answer in answers])

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        calls = [self._new_call(stop, kwargs, prompt=prompt) for prompt in prompts]
        async with AsyncExitStack() as stack:
            answers = []
            for call in calls:
                answers.append(await stack.enter_async_context(aclosing(await self._transport.aopen(call))))
            listener = run_manager if self.streaming else None
            return _result([await ajoin(_areported(answer, listener)) for answer in answers])

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with closing(self._transport.open(self._new_call(stop, kwargs, prompt=prompt))) as answer:
            for piece in _reported(answer, run_manager):
                yield _chunk(piece)

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        async with aclosing(
            await self._transport.aopen(self._new_call(stop, kwargs, prompt=prompt))
        ) as answer:
            async for piece in _areported(answer, run_manager):
                yield _chunk(piece)


def _reported(answer: Answer, listener: CallbackManagerForLLMRun | None) -> Iterator[Piece]:
    for piece in answer:
        if listener:
            listener.on_llm_new_token(piece.text, chunk=_chunk(piece))
        yield piece


async def _areported(
    answer: AsyncAnswer, listener: AsyncCallbackManagerForLLMRun | None
) -> AsyncIterator[Piece]:
    async for piece in answer:
        if listener:
            await listener.on_llm_new_token(piece.text, chunk=_chunk(piece))
        yield piece


def _chunk(piece: Piece) -> GenerationChunk:
    return GenerationChunk(text=piece.text, generation_info=metadata(piece) or None)


def _result(answers: Sequence[Finished]) -> LLMResult:
    """All answers, with the sum of their tokens under LangChain's usual names."""
    prompt_tokens = sum(answer.end.prompt_tokens for answer in answers)
    completion_tokens = sum(answer.end.completion_tokens for answer in answers)
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    names = {answer.end.model for answer in answers}
    return LLMResult(
        generations=[[Generation(text=answer.text, generation_info=metadata(answer))] for answer in answers],
        llm_output={"token_usage": usage, "model_name": ", ".join(sorted(names))},
    )
