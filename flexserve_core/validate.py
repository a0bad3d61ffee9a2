"""Where all checking of requests happens: raw fields in, a `Request` out, or an InvalidRequestError naming the field.

Behind this door nothing checks user input again. Knows the limits of every field, nothing of engines or HTTP.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flexserve_core.errors import InvalidRequestError, PromptTooLongError
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.structure.constraint import as_structured
from flexserve_core.structure.grammar import Grammar, Grammars
from flexserve_core.types import Limits, Request, SamplingParams

_SAMPLING_FIELDS = tuple(field.name for field in dataclasses.fields(SamplingParams))
_LIST_FIELDS = ("stop", "stop_token_ids", "logit_bias")
_MAX_SEED = 2**63 - 1
_MAX_STOP_TOKENS = 64
_MAX_MESSAGES = 1024


def build_request(
    tokenizer: Tokenizer,
    limits: Limits,
    grammars: Grammars,
    *,
    prompt: str | None,
    prompt_token_ids: Sequence[int] | None,
    messages: Sequence[Mapping[str, Any]] | None,
    sampling: SamplingParams | None,
    request_id: str | None,
    fields: Mapping[str, Any],
) -> Request:
    """A validated request; exactly one of prompt, prompt_token_ids and messages is given. A constraint is compiled."""
    params = _sampling_from(sampling, fields)
    check_sampling(params, limits)
    ids = _prompt_ids(tokenizer, limits, prompt, prompt_token_ids, messages)
    if len(ids) >= limits.max_seq_length:
        raise PromptTooLongError(len(ids), limits.max_seq_length)
    room = limits.max_seq_length - len(ids)
    wanted = params.max_new_tokens
    return Request(
        request_id=_checked_id(request_id),
        prompt_token_ids=tuple(ids),
        prompt=prompt,
        grammar=_compiled(grammars, params),
        sampling=replace(
            params,
            seed=secrets.randbits(63) if params.seed is None else params.seed,
            max_new_tokens=room if wanted is None else min(wanted, room),
        ),
    )


def _compiled(grammars: Grammars, params: SamplingParams) -> Grammar | None:
    if params.structured is None:
        return None
    return grammars.compile(params.structured, copies=params.n * (1 + params.speculation))


def _sampling_from(sampling: SamplingParams | None, fields: Mapping[str, Any]) -> SamplingParams:
    for name in fields:
        if name not in _SAMPLING_FIELDS:
            near = difflib.get_close_matches(name, _SAMPLING_FIELDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known fields: {', '.join(_SAMPLING_FIELDS)}."
            raise InvalidRequestError(name, fields[name], "there is no such sampling field", hint)
    base = sampling or SamplingParams()
    odd = {name: getattr(base, name) for name in (*_LIST_FIELDS, "structured")}
    return replace(base, **_normalised({**odd, **fields}))


def _normalised(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Accept the shapes people write: one stop string, lists, a dict of biases."""
    plain = dict(fields)
    if isinstance(plain.get("stop"), str):
        plain["stop"] = (plain["stop"],)
    if isinstance(plain.get("logit_bias"), Mapping):
        plain["logit_bias"] = tuple(plain["logit_bias"].items())
    for name in _LIST_FIELDS:
        plain[name] = () if plain[name] is None else _as_tuple(name, plain[name])
    plain["structured"] = as_structured(plain["structured"])
    return plain


def _as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise InvalidRequestError(name, value, "it is a list", "Send a list.")
    return tuple(value)


def check_sampling(params: SamplingParams, limits: Limits) -> None:
    """InvalidRequestError for the first field that is out of range."""
    _number("temperature", params.temperature, 0.0, 100.0)
    _whole("top_k", params.top_k, 0, limits.vocab_size, "0 switches it off.")
    _number("top_p", params.top_p, 0.0, 1.0, low_excluded=True)
    _number("min_p", params.min_p, 0.0, 1.0)
    _number("repetition_penalty", params.repetition_penalty, 0.0, 100.0, low_excluded=True)
    _number("presence_penalty", params.presence_penalty, -2.0, 2.0)
    _number("frequency_penalty", params.frequency_penalty, -2.0, 2.0)
    if params.seed is not None:
        _whole("seed", params.seed, 0, _MAX_SEED)
    _whole("n", params.n, 1, limits.max_n)
    if params.max_new_tokens is not None:
        _whole("max_new_tokens", params.max_new_tokens, 1, 2**31)
    _whole("min_tokens", params.min_tokens, 0, limits.max_seq_length)
    if params.max_new_tokens is not None and params.min_tokens > params.max_new_tokens:
        raise InvalidRequestError(
            "min_tokens",
            params.min_tokens,
            f"it exceeds max_new_tokens = {params.max_new_tokens}",
            "Lower it.",
        )
    for name in ("logprobs", "prompt_logprobs"):
        if getattr(params, name) is not None:
            _whole(name, getattr(params, name), 0, min(limits.max_logprobs, limits.vocab_size))
    if params.timeout_s is not None:
        _number("timeout_s", params.timeout_s, 0.0, limits.max_timeout_s, low_excluded=True)
    for name in ("ignore_eos", "include_stop_str_in_output", "skip_special_tokens", "speculation"):
        if not isinstance(getattr(params, name), bool):
            raise InvalidRequestError(
                name, getattr(params, name), "it is true or false", "Send true or false."
            )
    _check_stops(params, limits)
    _check_bias(params, limits)
    _check_structured(params)


def _check_structured(params: SamplingParams) -> None:
    """What would make a text go on where its constraint lets it end, or nowhere else."""
    if params.structured is None:
        return
    for name in ("ignore_eos", "min_tokens"):
        if getattr(params, name):
            limit = "a structured output ends where its constraint says"
            raise InvalidRequestError(name, getattr(params, name), limit, "Leave out one of the two.")


def _check_stops(params: SamplingParams, limits: Limits) -> None:
    if len(params.stop) > limits.max_stop_strings:
        raise InvalidRequestError(
            "stop",
            list(params.stop),
            f"at most {limits.max_stop_strings} stop strings are allowed",
            "Send fewer.",
        )
    for stop in params.stop:
        if not isinstance(stop, str) or not 0 < len(stop) <= limits.max_stop_string_chars:
            raise InvalidRequestError(
                "stop",
                stop,
                f"a stop string has 1 to {limits.max_stop_string_chars} characters",
                "Change or drop it.",
            )
    if len(params.stop_token_ids) > _MAX_STOP_TOKENS:
        raise InvalidRequestError(
            "stop_token_ids",
            len(params.stop_token_ids),
            f"at most {_MAX_STOP_TOKENS} are allowed",
            "Send fewer.",
        )
    for token in params.stop_token_ids:
        _whole("stop_token_ids", token, 0, limits.vocab_size - 1)


def _check_bias(params: SamplingParams, limits: Limits) -> None:
    if len(params.logit_bias) > limits.max_logit_bias:
        raise InvalidRequestError(
            "logit_bias",
            len(params.logit_bias),
            f"at most {limits.max_logit_bias} entries are allowed",
            "Send fewer.",
        )
    for entry in params.logit_bias:
        if not isinstance(entry, tuple) or len(entry) != 2:
            raise InvalidRequestError(
                "logit_bias", entry, "an entry is a (token id, bias) pair", "Send pairs."
            )
        token, bias = entry
        _whole("logit_bias", token, 0, limits.vocab_size - 1, "Use token ids of this model.")
        _number("logit_bias", bias, -100.0, 100.0)


def _number(field: str, value: Any, low: float, high: float, low_excluded: bool = False) -> None:
    ok = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if ok and low <= value <= high and not (low_excluded and value == low):
        return
    lowest = f"above {low:g}" if low_excluded else f"at least {low:g}"
    raise InvalidRequestError(
        field, value, f"it is a number, {lowest} and at most {high:g}", "Choose one in range."
    )


def _whole(field: str, value: Any, low: int, high: int, hint: str = "Choose one in range.") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidRequestError(field, value, f"it is a whole number from {low} to {high}", hint)


def _checked_id(request_id: str | None) -> str:
    if request_id is None:
        return uuid.uuid4().hex
    if not isinstance(request_id, str) or not 0 < len(request_id) <= 128:
        raise InvalidRequestError(
            "request_id", request_id, "it is a text of 1 to 128 characters", "Shorten it."
        )
    return request_id


def _prompt_ids(
    tokenizer: Tokenizer,
    limits: Limits,
    prompt: str | None,
    prompt_token_ids: Sequence[int] | None,
    messages: Sequence[Mapping[str, Any]] | None,
) -> list[int]:
    given = [
        name
        for name, value in (
            ("prompt", prompt),
            ("prompt_token_ids", prompt_token_ids),
            ("messages", messages),
        )
        if value is not None
    ]
    if len(given) != 1:
        raise InvalidRequestError(
            "prompt",
            " and ".join(given) or "nothing",
            "exactly one of prompt, prompt_token_ids, messages",
            "Send one.",
        )
    if messages is not None:
        _check_messages(messages, limits)
        ids = tokenizer.encode_chat(messages)
    elif prompt is not None:
        _check_text("prompt", prompt, limits.max_prompt_chars)
        ids = tokenizer.encode(prompt)
    else:
        assert prompt_token_ids is not None
        ids = list(_as_tuple("prompt_token_ids", prompt_token_ids))
        for token in ids[: limits.max_seq_length]:  # a longer prompt is refused anyway
            _whole("prompt_token_ids", token, 0, limits.vocab_size - 1, "Use token ids of this model.")
    if not ids:
        raise InvalidRequestError(given[0], "", "it holds no token", "Send at least one token of text.")
    return ids


def _check_text(field: str, value: Any, max_chars: int) -> None:
    if not isinstance(value, str):
        raise InvalidRequestError(field, value, "it is a text", "Send a string.")
    if len(value) > max_chars:
        raise InvalidRequestError(field, value, f"it has at most {max_chars} characters", "Shorten it.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            field, value, "it holds half a surrogate pair", "Send valid Unicode."
        ) from error


def _check_messages(messages: Any, limits: Limits) -> None:
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidRequestError("messages", messages, "it is a list of messages", "Send a list.")
    if not 0 < len(messages) <= _MAX_MESSAGES:
        raise InvalidRequestError(
            "messages",
            f"{len(messages)} messages",
            f"there are 1 to {_MAX_MESSAGES} of them",
            "Send at least one.",
        )
    total = 0
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise InvalidRequestError(
                f"messages[{index}]", message, "it is an object", "Send role and content."
            )
        for key in ("role", "content"):
            _check_text(f"messages[{index}].{key}", message.get(key), limits.max_prompt_chars)
        total += len(message["content"])
    if total > limits.max_prompt_chars:
        raise InvalidRequestError(
            "messages", f"{total} characters", f"together at most {limits.max_prompt_chars}", "Shorten them."
        )
