"""`with_structured_output` and the `structured` option: valid answers both ways to the engine, cut ones told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Literal

import jsonschema
import pytest
from langchain_core.exceptions import OutputParserException
from langchain_flexserve import ChatFlexServe, FlexServeLLM, ServiceError
from langchain_flexserve.structured import options
from langchain_flexserve.transport import Call
from langchain_flexserve.wire import payload
from pydantic import BaseModel, Field

from flexserve_core import InvalidRequestError


class Toy(BaseModel):
    """A toy."""

    colour: Literal["red", "grün"]
    size: int = Field(ge=1, le=9)


class Box(BaseModel):
    """A box of toys."""

    toys: list[Toy] = Field(min_length=1, max_length=2)
    label: Literal["mine", "yours"] | None = None


@pytest.fixture(params=["in process", "by url"])
def chat(request: pytest.FixtureRequest, engine: Any) -> Callable[..., ChatFlexServe]:
    where: dict[str, Any] = {"server": engine}
    if request.param == "by url":
        where = {"base_url": request.getfixturevalue("service_url")}
    return lambda **fields: ChatFlexServe(**where, **{"temperature": 0, "max_tokens": 120, **fields})


def test_a_pydantic_class_gives_instances(chat: Callable[..., ChatFlexServe]) -> None:
    for seed in range(3):
        box = chat(temperature=1, seed=seed).with_structured_output(Box).invoke("Pack a box.")
        assert isinstance(box, Box)


async def test_dictionaries_whole_streamed_and_async(chat: Callable[..., ChatFlexServe]) -> None:
    schema = Box.model_json_schema()
    structured = chat().with_structured_output(schema)
    whole = structured.invoke("Pack a box.")
    jsonschema.validate(whole, schema)
    assert await structured.ainvoke("Pack a box.") == whole
    *_, last = structured.stream("Pack a box.")
    assert last == whole
    assert structured.batch(["Pack a box."] * 2) == [whole] * 2


def test_speculation_changes_nothing(chat: Callable[..., ChatFlexServe]) -> None:
    found = [
        chat(temperature=1, seed=5, speculation=switch).with_structured_output(Box).invoke("Pack a box.")
        for switch in (True, False)
    ]
    assert found[0] == found[1]


def test_a_cut_answer_is_an_error_and_no_half(chat: Callable[..., ChatFlexServe]) -> None:
    with pytest.raises(OutputParserException, match="cut by max_tokens"):
        chat(max_tokens=4).with_structured_output(Box).invoke("Pack a box.")
    told = chat(max_tokens=4).with_structured_output(Box, include_raw=True).invoke("Pack a box.")
    assert isinstance(told, dict)
    assert told["parsed"] is None
    assert isinstance(told["parsing_error"], OutputParserException)
    assert told["raw"].response_metadata["finish_reason"] == "length"
    well = chat().with_structured_output(Box, include_raw=True).invoke("Pack a box.")
    assert isinstance(well, dict)
    assert isinstance(well["parsed"], Box)
    assert well["parsing_error"] is None


def test_a_schema_that_cannot_be_used_is_refused(chat: Callable[..., ChatFlexServe]) -> None:
    structured = chat().with_structured_output({"title": "T", "type": "array", "uniqueItems": True})
    with pytest.raises((InvalidRequestError, ServiceError), match=r"json_schema.*uniqueItems"):
        structured.invoke("Go.")


def test_the_option_holds_for_both_classes(chat: Callable[..., ChatFlexServe], engine: Any) -> None:
    regex = {"regex": "[0-9]{3}-é"}
    assert re.fullmatch("[0-9]{3}-é", chat(structured=regex).invoke("A number?").text)
    assert re.fullmatch("[0-9]{3}-é", FlexServeLLM(server=engine, structured=regex).invoke("A number:"))
    choice = {"choice": ["ja", "nein"]}
    assert chat(structured=regex).invoke("Well?", structured=choice).text in ("ja", "nein")


def test_objects_are_closed_unless_they_say_otherwise() -> None:
    inner = {"type": "object", "properties": {"properties": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"a": {"anyOf": [inner, {"type": "null"}]}, "b": {"type": "array", "items": inner}},
        "additionalProperties": {"$ref": "#/$defs/c"},
        "$defs": {"c": inner, "open": {**inner, "additionalProperties": True}, "any": {"type": "object"}},
    }
    closed = {**inner, "additionalProperties": False}
    assert options(schema, "json_schema", None)["structured"] == {
        "json_schema": {
            "type": "object",
            "properties": {
                "a": {"anyOf": [closed, {"type": "null"}]},
                "b": {"type": "array", "items": closed},
            },
            "additionalProperties": {"$ref": "#/$defs/c"},
            "$defs": {
                "c": closed,
                "open": {**inner, "additionalProperties": True},
                "any": {"type": "object"},
            },
        }
    }
    assert options(schema, "json_schema", False)["structured"] == {"json_schema": schema}


def test_what_is_asked_of_the_engine() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    for method in ("json_schema", "function_calling"):
        asked = options(function, method, None)["structured"]["json_schema"]
        assert asked["type"] == "object"
        assert asked["additionalProperties"] is False
    assert options(None, "json_mode", None)["structured"] == {"json_object": True}
    assert options(Toy, "json_mode", None)["structured"] == {"json_object": True}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"schema": Toy, "method": "magic"}, "magic"),
        ({"schema": None}, "needs a schema"),
        ({"schema": Toy, "tools": []}, "takes no tools"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, Any], word: str) -> None:
    chat = ChatFlexServe(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match=word):
        chat.with_structured_output(**arguments)


def test_on_the_wire_openais_words_where_there_are_any() -> None:
    turn = ({"role": "user", "content": "x"},)
    schema = {"type": "object"}

    def body(structured: dict[str, Any], **source: Any) -> dict[str, Any]:
        found = payload(Call(sampling={"structured": structured}, **source), "m")
        return {name: found[name] for name in ("response_format", "structured_outputs") if name in found}

    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assert body({"json_schema": schema}, messages=turn) == {"response_format": form}
    assert body({"json_object": True}, messages=turn) == {"response_format": {"type": "json_object"}}
    assert body({"json_schema": json.dumps(schema)}, messages=turn) == {
        "structured_outputs": {"json": json.dumps(schema)}
    }
    assert body({"json_schema": schema}, prompt="x") == {"structured_outputs": {"json": schema}}
    assert body({"choice": ["a"]}, messages=turn) == {"structured_outputs": {"choice": ["a"]}}
