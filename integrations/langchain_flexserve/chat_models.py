"""`ChatFlexServe`: messages in, a message out, as LangChain's chat model.

Needs a model with a chat template. Tool calling is not offered: `bind_tools` is LangChain's own and raises
`NotImplementedError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams, LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_flexserve import structured
from langchain_flexserve.messages import to_dicts
from langchain_flexserve.options import STRICT, FlexServeOptions, metadata
from langchain_flexserve.transport import Call, End, Finished, Piece, ajoin, join


class ChatFlexServe(FlexServeOptions, BaseChatModel):
    """A chat model on a FlexServe engine, in this process or behind a URL.

    Example:
        ```python
        chat = ChatFlexServe(base_url="http://127.0.0.1:8000/v1", temperature=0)
        for chunk in chat.stream("Who are you?"):
            print(chunk.text, end="")
        ```
    """

    model_config = STRICT

    @property
    def _llm_type(self) -> str:
        return "flexserve-chat"

    def with_structured_output(
        self,
        schema: structured.Schema | None = None,
        *,
        method: structured.Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers as instances of a pydantic class, or as dictionaries of a JSON schema, TypedDict or function schema.

        The engine takes no token that the schema rules out. `function_calling` does the same as `json_schema`, as
        there is no tool to choose; `json_mode` holds the answer to any JSON object, so describe yours in the prompt.
        Objects get no further properties than the listed ones, unless the schema says so or strict is False. An answer
        that was cut short raises OutputParserException, or stands under "parsing_error" with include_raw."""
        if kwargs:
            raise ValueError(f"with_structured_output takes no {', '.join(sorted(kwargs))}")
        llm = self.bind(**structured.options(schema, method, strict))
        return structured.chain(llm, structured.parser(schema), include_raw)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "flexserve"
        params["ls_model_name"] = str(kwargs.get("model") or self._model_name)
        return params

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with closing(self._transport.open(self._chat_call(messages, stop, kwargs))) as answer:
            return _result(join(answer))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        async with aclosing(await self._transport.aopen(self._chat_call(messages, stop, kwargs))) as answer:
            return _result(await ajoin(answer))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with closing(self._transport.open(self._chat_call(messages, stop, kwargs))) as answer:
            for piece in answer:
                chunk = _chunk(piece)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(await self._transport.aopen(self._chat_call(messages, stop, kwargs))) as answer:
            async for piece in answer:
                chunk = _chunk(piece)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    def _chat_call(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> Call:
        return self._new_call(stop, kwargs, messages=to_dicts(messages))


def _chunk(piece: Piece) -> ChatGenerationChunk:
    message = AIMessageChunk(
        content=piece.text,
        usage_metadata=_usage(piece.end) if piece.end else None,
        chunk_position="last" if piece.end else None,
    )
    return ChatGenerationChunk(message=message, generation_info=metadata(piece) or None)


def _result(answer: Finished) -> ChatResult:
    about = metadata(answer)
    message = AIMessage(content=answer.text, response_metadata=about, usage_metadata=_usage(answer.end))
    return ChatResult(generations=[ChatGeneration(message=message, generation_info=about)])


def _usage(end: End) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=end.prompt_tokens,
        output_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )
