"""`with_structured_output`: a schema for the engine to hold the answer to, and a parser for what comes back.

Every text the engine finishes matches the schema; one that was cut (`max_tokens`, a stop string) is an error, never a
repaired half. Knows nothing of transports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type
_MAPS = ("properties", "patternProperties", "$defs", "definitions")  # of names to schemas
_LISTS = ("anyOf", "oneOf", "prefixItems")  # not allOf: its parts hold for one object together


def options(schema: Schema | None, method: Method, strict: bool | None) -> dict[str, Any]:
    """The call's options that make it an answer of this form."""
    if method not in ("json_schema", "function_calling", "json_mode"):
        raise ValueError(f"method = {method!r}: use 'json_schema', 'function_calling' or 'json_mode'")
    if schema is None and method != "json_mode":
        raise ValueError(f"method = {method!r} needs a schema")
    told = {"kwargs": {"method": method, "strict": strict}, "schema": _described(schema)}
    if method == "json_mode":
        return {"structured": {"json_object": True}, "ls_structured_output_format": told}
    found = _json_schema(schema)
    asked = found if strict is False else _closed(found)
    return {"structured": {"json_schema": asked}, "ls_structured_output_format": told}


def parser(schema: Schema | None) -> JsonOutputParser:
    """Instances of a pydantic class, dictionaries for every other kind of schema."""
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return _Instances(pydantic_object=schema)
    return _Dictionaries()


def chain(llm: Runnable[Any, Any], parse: JsonOutputParser, include_raw: bool) -> Runnable[Any, Any]:
    """include_raw: {"raw", "parsed", "parsing_error"}, and a failed parse is no exception."""
    if not include_raw:
        return llm | parse
    well = RunnablePassthrough.assign(parsed=itemgetter("raw") | parse, parsing_error=lambda _: None)
    badly = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | well.with_fallbacks([badly], exception_key="parsing_error")


def _json_schema(schema: Any) -> dict[str, Any]:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    if isinstance(schema, dict) and not schema.keys() & {"function", "parameters"}:
        return dict(schema)
    return convert_to_json_schema(schema)


def _described(schema: Any) -> dict[str, Any]:
    """For traces, which want LangChain's own form of it; a schema without a title has none."""
    try:
        return convert_to_json_schema(schema)
    except ValueError:
        return dict(schema or {})


def _closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` wherever an object's properties are listed and nothing is said."""
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, Mapping):
            found[name] = {key: _closed(one) for key, one in value.items()}
        elif name in _LISTS and isinstance(value, list):
            found[name] = [_closed(one) for one in value]
        else:
            found[name] = _closed(value) if name in ("items", "additionalProperties") else value
    if "properties" in found and "allOf" not in found:
        found.setdefault("additionalProperties", False)
    return found


class _Whole:
    """A parser that takes beginnings only while an answer is streamed; LangChain's own repairs them."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        text = result[0].text
        if not partial:
            try:
                json.loads(text)
            except ValueError as error:
                message = f"The answer is no whole JSON value ({error}); was it cut by max_tokens? {text}"
                raise OutputParserException(message, llm_output=text) from error
        return super().parse_result(result, partial=partial)  # type: ignore[misc]


class _Dictionaries(_Whole, JsonOutputParser):
    """See `_Whole`."""


class _Instances(_Whole, PydanticOutputParser):
    """See `_Whole`."""
