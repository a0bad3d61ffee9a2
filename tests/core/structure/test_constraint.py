"""What is accepted as a constraint, and how the rest is refused: by field, value, limit and remedy."""

from __future__ import annotations

import json

import pytest

from flexserve_core.errors import InvalidRequestError
from flexserve_core.structure import constraint as limits
from flexserve_core.structure.constraint import as_structured
from flexserve_core.types import StructuredOutput

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def test_nothing_asks_for_nothing():
    assert as_structured(None) is None


@pytest.mark.parametrize("given", [PERSON, json.dumps(PERSON), StructuredOutput(json_schema=PERSON)])
def test_a_schema_comes_as_an_object_or_as_text(given):
    asked = given if isinstance(given, StructuredOutput) else {"json_schema": given}
    found = as_structured(asked)
    assert found is not None
    assert isinstance(found.json_schema, str)
    assert json.loads(found.json_schema) == PERSON
    assert as_structured(found) == found, "checking again changes nothing"
    hash(found)


def test_each_constraint_becomes_its_field():
    assert as_structured({"regex": "a+"}) == StructuredOutput(regex="a+")
    assert as_structured({"choice": ["a", "诗"]}) == StructuredOutput(choice=("a", "诗"))
    assert as_structured({"json_object": True}) == StructuredOutput(json_object=True)
    assert as_structured({"grammar": 'start: "a"'}) == StructuredOutput(grammar='start: "a"')
    # what asks for nothing is no second constraint
    assert as_structured({"regex": "a", "choice": None, "json_object": False}) == StructuredOutput(regex="a")


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


REFUSED = {
    "no object": (["regex"], "structured"),
    "empty": ({}, "structured"),
    "two": ({"regex": "a", "choice": ["b"]}, "structured"),
    "unknown": ({"guided_regex": "a"}, "structured.guided_regex"),
    "schema is a list": ({"json_schema": [1]}, "structured.json_schema"),
    "schema is a number": ({"json_schema": 7}, "structured.json_schema"),
    "schema is no JSON": ({"json_schema": "{"}, "structured.json_schema"),
    "schema is JSON nested beyond Python": ({"json_schema": "[" * 20_000}, "structured.json_schema"),
    "schema is not JSON": ({"json_schema": {"a": {1, 2}}}, "structured.json_schema"),
    "schema holds NaN": ({"json_schema": {"minimum": float("nan")}}, "structured.json_schema"),
    "schema is long": ({"json_schema": {"title": "x" * limits.MAX_CHARS}}, "structured.json_schema"),
    "schema is deep": ({"json_schema": nested(limits.MAX_DEPTH)}, "structured.json_schema"),
    "schema sets the compiler": ({"json_schema": {"x-guidance": {}}}, "structured.json_schema"),
    "many references": (
        {"json_schema": {"anyOf": [{"$ref": "#/$defs/a"}] * (limits.MAX_REFERENCES + 1), "$defs": {"a": {}}}},
        "structured.json_schema",
    ),
    "large multiple": (
        {"json_schema": {"allOf": [{"multipleOf": 101}, {"multipleOf": 103}]}},
        "structured.json_schema",
    ),
    "fine multiple": ({"json_schema": {"multipleOf": 1.00001}}, "structured.json_schema"),
    "negative multiple": ({"json_schema": {"items": {"multipleOf": -3}}}, "structured.json_schema"),
    "half a pair": ({"json_schema": {"const": "\ud800"}}, "structured.json_schema"),
    "json_object is text": ({"json_object": "yes"}, "structured.json_object"),
    "regex is no text": ({"regex": 1}, "structured.regex"),
    "regex is empty": ({"regex": ""}, "structured.regex"),
    "regex is long": ({"regex": "a" * (limits.MAX_REGEX_CHARS + 1)}, "structured.regex"),
    "regex with half a pair": ({"regex": "\udc00"}, "structured.regex"),
    "grammar within grammar": ({"grammar": 'start: %json {"multipleOf": 1e9}'}, "structured.grammar"),
    "grammar sets the compiler": ({"grammar": 'start: "a"\n%llguidance {}'}, "structured.grammar"),
    "a rule's temperature": ({"grammar": "start: x\nx[lazy, temperature=0.7]: /a/"}, "structured.grammar"),
    "many rules": (
        {"grammar": "start: a0\n" + "\n".join(f'a{i}: "x"' for i in range(300))},
        "structured.grammar",
    ),
    "choice is text": ({"choice": "ab"}, "structured.choice"),
    "an empty choice": ({"choice": ["a", ""]}, "structured.choice"),
    "choice holds a number": ({"choice": ["a", 1]}, "structured.choice"),
    "many choices": ({"choice": [str(i) for i in range(limits.MAX_CHOICES + 1)]}, "structured.choice"),
    "long choices": ({"choice": ["x" * limits.MAX_CHARS, "y"]}, "structured.choice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_naming_the_field(case):
    given, field = REFUSED[case]
    with pytest.raises(InvalidRequestError) as caught:
        as_structured(given)
    assert caught.value.field == field
    assert caught.value.limit
    assert caught.value.remedy
    assert len(str(caught.value)) < 800, "an error never repeats a large input"


def test_limits_are_reached_before_they_refuse():
    assert as_structured({"json_schema": nested(limits.MAX_DEPTH - 1)})
    assert as_structured({"regex": "a" * limits.MAX_REGEX_CHARS})
    assert as_structured({"json_schema": {"multipleOf": 0.25}})
    assert as_structured({"choice": [str(i) for i in range(limits.MAX_CHOICES)]})
