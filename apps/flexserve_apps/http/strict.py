"""A pydantic base that never ignores a field, and the value types that request bodies share.

A field is implemented or refused: a typing error gets the nearest valid name, a known OpenAI field that
this server does not implement gets the reason (its neutral values, such as `tools: null`, pass). Knows
nothing of the engine; limits of values are the engine's to check.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from typing_extensions import LiteralString

MAX_PROMPTS = 128  # of one completions call; each is a request of its own in the engine


class StrictModel(BaseModel):
    """Every field is typed strictly; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())
    refused: ClassVar[Mapping[str, str]] = {}  # known fields that are not implemented, and why
    neutral: ClassVar[
        Mapping[str, tuple[Any, ...]]
    ] = {}  # their values, beyond the empty ones, that ask for nothing

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if cls._implements(name, value)}

    @classmethod
    def _implements(cls, name: str, value: Any) -> bool:
        names = [field.alias or own for own, field in cls.model_fields.items()]
        if name in names:
            return True
        if name not in cls.refused:
            raise _field_error("unknown_field", name, f"unknown field. {_nearest(name, names)}")
        if (
            value is None
            or value == []
            or value == {}
            or any(_same(value, one) for one in cls.neutral.get(name, ()))
        ):
            return False
        raise _field_error("unsupported_field", name, f"not supported. {cls.refused[name]}")


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and value == other


def _nearest(name: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Valid fields: {', '.join(sorted(valid))}."


def _field_error(kind: str, field: str, message: str) -> PydanticCustomError:
    """The message and name are made printable; braces would be taken for a template's."""
    text = printable(message).replace("{", "(").replace("}", ")")
    return PydanticCustomError(
        cast("LiteralString", kind), cast("LiteralString", text), {"field": printable(field)}
    )


def printable(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _encodable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"it holds a lone surrogate at character {error.start}, which is no valid Unicode"
        ) from None
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _int_keys(value: Any) -> Any:
    """JSON's object keys are strings; token ids are whole numbers."""
    if not isinstance(value, dict):
        return value
    return {
        int(key) if isinstance(key, str) and key.isdecimal() else key: bias for key, bias in value.items()
    }


def _join_parts(value: Any) -> Any:
    """A message's content: text, or a list of text parts, which are joined by newlines."""
    if not isinstance(value, list):
        return value
    for index, part in enumerate(value):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str) or len(part) != 2:
            raise ValueError(f'part {index} is not {{"type": "text", "text": "…"}}; only text is understood')
    return "\n".join(part["text"] for part in value)


def _parse_prompt(value: Any) -> list[str] | list[list[int]]:
    """A string, token ids, or a list of either, as a list of prompts."""
    prompts = [value] if isinstance(value, str) or _is_ids(value) else value
    if not isinstance(prompts, list) or not prompts:
        raise ValueError("it is a string, a list of token ids, or a non-empty list of either")
    if len(prompts) > MAX_PROMPTS:
        raise ValueError(f"it holds {len(prompts)} prompts, and one call takes at most {MAX_PROMPTS}")
    if not (all(isinstance(one, str) for one in prompts) or all(_is_ids(one) for one in prompts)):
        raise ValueError("it is a string, a list of token ids, or a list of either, not a mixture")
    for one in prompts:
        if isinstance(one, str):
            _encodable(one)
    return prompts


def _is_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


Text = Annotated[str, AfterValidator(_encodable)]
TextList = Annotated[list[Text], BeforeValidator(_as_list)]
LogitBias = Annotated[dict[int, float], BeforeValidator(_int_keys)]
Content = Annotated[Text, BeforeValidator(_join_parts)]
_STRINGS = {"type": "array", "items": {"type": "string"}}
_IDS = {"type": "array", "items": {"type": "integer"}}
_PROMPT_SCHEMA = {"anyOf": [{"type": "string"}, _STRINGS, _IDS, {"type": "array", "items": _IDS}]}
Prompt = Annotated[Any, AfterValidator(_parse_prompt), WithJsonSchema(_PROMPT_SCHEMA)]
