"""OpenAI's wire format: the body of a call, and the events of its answer.

Knows nothing of connections. Source: OpenAI's API reference (chat and text completions, streaming), vLLM's
names for the extras (`top_k`, `min_p`, `repetition_penalty`, ...), which are those of `SamplingParams` too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_flexserve.transport import Call, End, Piece, ServiceError

_COUNTERS = {
    "draft_steps": "num_spec_steps",
    "drafted_tokens": "num_draft_tokens",
    "accepted_tokens": "num_accepted_draft_tokens",
}


def payload(call: Call, model: str) -> dict[str, Any]:
    """The JSON body of `call`."""
    fields = dict(call.sampling)
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if "max_new_tokens" in fields:
        body["max_tokens"] = fields.pop("max_new_tokens")
    if asked := fields.pop("structured", None):
        body |= _constraint(asked, chat=call.messages is not None)
    top = fields.pop("logprobs", None)
    if call.messages is None:
        body["prompt"] = call.prompt
        body |= {} if top is None else {"logprobs": top}
    else:
        body["messages"] = [dict(message) for message in call.messages]
        body |= {} if top is None else {"logprobs": True, "top_logprobs": top}
    return body | fields


def _constraint(asked: Mapping[str, Any], chat: bool) -> dict[str, Any]:
    """OpenAI's `response_format` where it can say it, as other services know that too; else vLLM's field."""
    schema = asked.get("json_schema")
    if chat and isinstance(schema, Mapping) and len(asked) == 1:
        form = {"name": "answer", "schema": dict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    if chat and dict(asked) == {"json_object": True}:
        return {"response_format": {"type": "json_object"}}
    renamed = {"json" if name == "json_schema" else name: value for name, value in asked.items()}
    return {"structured_outputs": renamed}


def first_model(content: bytes) -> str:
    """The model that a `/models` answer lists first; `ServiceError` when it lists none."""
    try:
        return str(json.loads(content)["data"][0]["id"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise ServiceError("the service lists no model; name one with model=") from None


def error_text(content: bytes | str) -> tuple[str, str | None]:
    """The message and the refused field of an error body; the body's start when it is not OpenAI's."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"]), error.get("param")
    except (ValueError, KeyError, TypeError):
        text = content.decode(errors="replace") if isinstance(content, bytes) else content
        return text[:200] or "no message", None


class EventParser:
    """Turns the lines of one event stream into pieces. `feed` each line, then `finish` for the end."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}

    def feed(self, line: str) -> Iterator[Piece]:
        """The pieces that this line brings: none or one."""
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if not data or data == "[DONE]":
            return
        try:
            event = json.loads(data)
        except ValueError:
            raise ServiceError(f"an event of the answer is not JSON: {data[:200]}") from None
        if event.get("error"):
            message, param = error_text(data)
            raise ServiceError(message, param=param)
        self._keep(event, ("id", "model", "usage", "seed", "metrics"))
        for choice in event.get("choices") or ():
            self._keep(choice, ("finish_reason", "stop_reason", "seed", "metrics"))
            text = choice.get("delta", choice).get("content" if "delta" in choice else "text") or ""
            logprobs = tuple(_logprobs(choice.get("logprobs") or {}))
            if text or logprobs:
                yield Piece(text=text, logprobs=logprobs)

    def finish(self) -> Piece:
        """The piece that carries the end; a `ServiceError` when the stream broke off before it."""
        if "finish_reason" not in self._seen:
            raise ServiceError("the answer broke off before its end")
        usage = self._seen.get("usage") or {}
        return Piece(
            end=End(
                finish_reason=self._seen["finish_reason"],
                prompt_tokens=usage.get("prompt_tokens", 0),
                completion_tokens=usage.get("completion_tokens", 0),
                model=self._seen.get("model", ""),
                request_id=self._seen.get("id"),
                seed=self._seen.get("seed"),
                stop_reason=self._seen.get("stop_reason"),
                speculation=_speculation(self._seen.get("metrics") or {}),
            )
        )

    def _keep(self, source: Mapping[str, Any], names: tuple[str, ...]) -> None:
        self._seen |= {name: source[name] for name in names if source.get(name) is not None}


def _speculation(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """vLLM's counters under the engine's names; None when the service sends none."""
    counters = metrics.get("speculative_decoding")
    return {ours: counters.get(theirs) for ours, theirs in _COUNTERS.items()} if counters else None


def _logprobs(logprobs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Either form (chat: `content`; completions: parallel lists) as chat's."""
    yield from logprobs.get("content") or ()
    tokens, values = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
    tops = logprobs.get("top_logprobs") or [{}] * len(tokens)
    for token, value, top in zip(tokens, values, tops, strict=True):
        ranked = [{"token": text, "logprob": logprob} for text, logprob in (top or {}).items()]
        yield {"token": token, "logprob": value, "top_logprobs": ranked}
