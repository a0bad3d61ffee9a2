"""The request bodies: OpenAI's fields, vLLM's names for the extras, and `/generate/`.

A body knows its own wire names and turns itself into the engine's sampling fields; values' limits are
checked by the engine alone (`EngineServer.make_request`). Knows nothing of routes and answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flexserve_apps.http.constraint import ResponseFormat, StructuredOutputs, chosen
from flexserve_apps.http.errors import invalid_field
from flexserve_apps.http.strict import Content, LogitBias, Prompt, StrictModel, Text, TextList

DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's default of /v1/completions
DEFAULT_GENERATE_TOKENS = 128
_NOT_TEXT = "This server completes plain text only."
_NO_TOOLS = "This server does not call tools; describe them in the prompt instead."
_NO_STORE = "This server stores nothing."
_RENAMED = "Use structured_outputs, with the fields json, regex, choice or grammar."
_REFUSED_EVERYWHERE = {
    "best_of": "Use n, and choose among the answers yourself.",
    "length_penalty": "Beam search is not implemented.",
    "guided_json": _RENAMED,
    "guided_regex": _RENAMED,
    "guided_choice": _RENAMED,
    "guided_grammar": _RENAMED,
    "metadata": _NO_STORE,
    "store": _NO_STORE,
    "service_tier": "There is one tier.",
}
_NEUTRAL_EVERYWHERE = {
    "best_of": (1,),
    "length_penalty": (1.0, 1),
    "store": (False,),
    "service_tier": ("auto", "default"),
}


class StreamOptions(StrictModel):
    """`stream_options`: whether a last chunk carries the token counts."""

    refused: ClassVar = {
        "include_obfuscation": "Streams are not padded.",
        "continuous_usage_stats": "Use include_usage.",
    }
    neutral: ClassVar = {"include_obfuscation": (False,), "continuous_usage_stats": (False,)}
    include_usage: bool = False


class SamplingFields(StrictModel):
    """What all three bodies share. None (JSON null) means the default: the engine's, unless stated."""

    refused: ClassVar = _REFUSED_EVERYWHERE
    neutral: ClassVar = _NEUTRAL_EVERYWHERE
    # engine field → the name in this body, where they differ
    wire_names: ClassVar[Mapping[str, str]] = {"timeout_s": "timeout"}

    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    response_format: ResponseFormat | None = None
    stop: TextList | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: LogitBias | None = None
    user: Annotated[Text, Field(max_length=128)] | None = (
        None  # written to the request log, as the caller's label
    )
    # vLLM's names
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    stop_token_ids: list[int] | None = None
    include_stop_str_in_output: bool | None = None
    ignore_eos: bool | None = None
    min_tokens: int | None = None
    skip_special_tokens: bool | None = None
    structured_outputs: StructuredOutputs | None = None
    # ours
    timeout: float | None = None  # seconds from the call's arrival; then it ends with what it has
    speculation: bool | None = None  # false: plain decoding of this request; same tokens, another speed

    def sampling(self) -> dict[str, Any]:
        """The fields that were set, under the engine's names, as keywords for `make_request`."""
        fields = {name: getattr(self, name) for name in _SAME_NAME}
        fields["top_k"] = 0 if self.top_k == -1 else self.top_k  # vLLM's "off" is -1 as well as 0
        fields["stop"] = None if self.stop is None else tuple(self.stop)
        fields["stop_token_ids"] = None if self.stop_token_ids is None else tuple(self.stop_token_ids)
        fields["logit_bias"] = None if self.logit_bias is None else tuple(self.logit_bias.items())
        fields["timeout_s"] = self.timeout
        asked = chosen(self.response_format, self.structured_outputs)
        fields["structured"] = None if asked is None else asked.constraint()
        fields |= self.length_fields()
        return {name: value for name, value in fields.items() if value is not None}

    def length_fields(self) -> dict[str, Any]:
        """The fields whose wire name or form differs from body to body."""
        raise NotImplementedError

    def wire_name(self, field: str) -> str:
        """The name under which the client knows an engine field."""
        whole, _, part = field.partition(".")
        asked = chosen(self.response_format, self.structured_outputs)
        if whole == "structured" and asked is not None:
            return asked.wire_name(part)
        return self.wire_names.get(field, field)


_SAME_NAME = (
    *(
        "temperature",
        "top_p",
        "n",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "min_p",
        "repetition_penalty",
    ),
    *("include_stop_str_in_output", "ignore_eos", "min_tokens", "skip_special_tokens", "speculation"),
)


class StreamingFields(SamplingFields):
    """The OpenAI bodies: they name a model and can stream. `model` may be left out, as there is but one."""

    model: Text | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    prompt_logprobs: int | None = None  # vLLM's name

    def sampling(self) -> dict[str, Any]:
        fields = super().sampling()
        if self.prompt_logprobs is not None:
            self._refuse_stream("prompt_logprobs", self.prompt_logprobs)
            fields["prompt_logprobs"] = self.prompt_logprobs
        return fields

    def _refuse_stream(self, field: str, value: object) -> None:
        if self.stream:
            raise invalid_field(
                field, value, "the prompt's log-probabilities come in a whole answer", "Leave out stream."
            )

    @property
    def wants_usage_chunk(self) -> bool:
        if self.stream_options is not None and not self.stream:
            given = self.stream_options.model_dump()
            raise invalid_field(
                "stream_options", given, "it goes with stream = true", "Set stream, or leave it out."
            )
        return self.stream_options is not None and self.stream_options.include_usage


class Message(StrictModel):
    """One turn of a conversation."""

    refused: ClassVar = {
        "name": "Roles alone tell the speakers apart.",
        "tool_calls": _NO_TOOLS,
        "tool_call_id": _NO_TOOLS,
        "function_call": _NO_TOOLS,
        "audio": _NOT_TEXT,
        "refusal": "Send the text of the turn as its content.",
        "annotations": _NOT_TEXT,
    }
    role: Literal["system", "developer", "user", "assistant"]
    content: Content

    def as_engine(self) -> dict[str, str]:
        """OpenAI renamed `system` to `developer`; chat templates know the old name."""
        return {"role": "system" if self.role == "developer" else self.role, "content": self.content}


class ChatBody(StreamingFields):
    """POST /v1/chat/completions."""

    refused: ClassVar = _REFUSED_EVERYWHERE | {
        "tools": _NO_TOOLS,
        "tool_choice": _NO_TOOLS,
        "parallel_tool_calls": _NO_TOOLS,
        "functions": _NO_TOOLS,
        "function_call": _NO_TOOLS,
        "modalities": _NOT_TEXT,
        "audio": _NOT_TEXT,
        "prediction": "The engine drafts by itself.",
        "web_search_options": "This server reaches no network.",
        "reasoning_effort": "The model has no effort setting.",
        "verbosity": "Ask for the length you want in a message.",
        "chat_template": "Templates come with the model only.",
        "chat_template_kwargs": "Templates come with the model only.",
        "echo": "It belongs to /v1/completions.",
        "prompt": "It belongs to /v1/completions; send messages here.",
    }
    neutral: ClassVar = _NEUTRAL_EVERYWHERE | {
        "tool_choice": ("none", "auto"),
        "function_call": ("none", "auto"),
        "parallel_tool_calls": (True, False),
        "modalities": (["text"],),
    }
    messages: list[Message]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    def length_fields(self) -> dict[str, Any]:
        both = (self.max_tokens, self.max_completion_tokens)
        if None not in both and self.max_tokens != self.max_completion_tokens:
            raise invalid_field(
                "max_tokens", self.max_tokens, f"max_completion_tokens is {both[1]}", "Send one of them."
            )
        if self.top_logprobs is not None and not self.logprobs:
            raise invalid_field(
                "top_logprobs", self.top_logprobs, "it goes with logprobs = true", "Set logprobs too."
            )
        most = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        return {"max_new_tokens": most, "logprobs": (self.top_logprobs or 0) if self.logprobs else None}

    def wire_name(self, field: str) -> str:
        if field == "max_new_tokens":
            return "max_tokens" if self.max_completion_tokens is None else "max_completion_tokens"
        return {"logprobs": "top_logprobs", "prompt": "messages"}.get(field, super().wire_name(field))


class CompletionBody(StreamingFields):
    """POST /v1/completions."""

    refused: ClassVar = _REFUSED_EVERYWHERE | {
        "suffix": "The model continues text; it does not fill gaps.",
        "messages": "It belongs to /v1/chat/completions; send a prompt here.",
    }
    wire_names: ClassVar = {
        **SamplingFields.wire_names,
        "max_new_tokens": "max_tokens",
        "prompt_token_ids": "prompt",
    }
    prompt: Prompt
    max_tokens: int | None = None
    logprobs: int | None = None
    echo: bool | None = None

    def length_fields(self) -> dict[str, Any]:
        most = DEFAULT_COMPLETION_TOKENS if self.max_tokens is None else self.max_tokens
        fields = {"max_new_tokens": most, "logprobs": self.logprobs}
        if self.echoes_logprobs:
            self._refuse_stream("echo", True)
            fields["prompt_logprobs"] = self.logprobs
        return fields

    @property
    def echoes_logprobs(self) -> bool:
        """The prompt's text comes back, so its tokens' log-probs do."""
        return bool(self.echo) and self.logprobs is not None


class GenerateBody(SamplingFields):
    """POST /generate/: one prompt, one text; greedy unless told otherwise."""

    refused: ClassVar = _REFUSED_EVERYWHERE | {
        "stream": "Use /v1/completions to stream.",
        "prompt_logprobs": "Use /v1/completions for log-probabilities.",
    }
    neutral: ClassVar = _NEUTRAL_EVERYWHERE | {"stream": (False,)}
    prompt: Text
    max_new_tokens: int | None = None
    n: Literal[1] | None = None

    def length_fields(self) -> dict[str, Any]:
        most = DEFAULT_GENERATE_TOKENS if self.max_new_tokens is None else self.max_new_tokens
        return {"max_new_tokens": most, "temperature": 0.0 if self.temperature is None else self.temperature}
