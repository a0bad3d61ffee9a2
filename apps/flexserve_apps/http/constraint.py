"""Structured output on the wire: OpenAI's `response_format` and vLLM's `structured_outputs`, one constraint in the end.

What a schema, a regex or a grammar may hold is the engine's to check. Knows nothing of routes.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from flexserve_apps.http.errors import invalid_field
from flexserve_apps.http.strict import StrictModel, Text
from flexserve_core import StructuredOutput

_ONE_LINE = "JSON comes on one line, with a space or none behind commas and colons."


class JsonSchemaFormat(StrictModel):
    """`response_format.json_schema`. `strict` or not, the schema is kept to as it is written."""

    name: Text
    description: Text | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(StrictModel):
    """OpenAI's `response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None

    def constraint(self) -> StructuredOutput | None:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise invalid_field(
                "response_format.json_schema",
                None if self.json_schema is None else "an object",
                f"type is {self.type!r}",
                "It goes with type = 'json_schema', and is required there.",
            )
        if self.type == "text":
            return None
        if self.json_schema is None or self.json_schema.schema_ is None:  # without a schema: any object
            return StructuredOutput(json_object=True)
        return StructuredOutput(json_schema=self.json_schema.schema_)

    def wire_name(self, field: str) -> str:
        return "response_format.json_schema.schema" if field == "json_schema" else "response_format"


class StructuredOutputs(StrictModel):
    """vLLM's `structured_outputs`; one of its fields is given."""

    refused: ClassVar = {
        "structural_tag": "Use grammar.",
        "whitespace_pattern": _ONE_LINE,
        "disable_any_whitespace": _ONE_LINE,
        "disable_additional_properties": "Write additionalProperties: false into the schema.",
        "disable_fallback": "There is one backend, and no other to fall back to.",
    }
    neutral: ClassVar = {
        "disable_any_whitespace": (False, True),
        "disable_additional_properties": (False,),
        "disable_fallback": (False, True),
    }
    json_: dict[str, Any] | str | None = Field(None, alias="json")
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None

    def constraint(self) -> StructuredOutput | None:
        return StructuredOutput(
            json_schema=self.json_,
            regex=self.regex,
            choice=() if self.choice is None else tuple(self.choice),
            grammar=self.grammar,
            json_object=bool(self.json_object),
        )

    def wire_name(self, field: str) -> str:
        return ".".join(
            ["structured_outputs", *([] if not field else [field.replace("json_schema", "json")])]
        )


def chosen(
    response_format: ResponseFormat | None, structured_outputs: StructuredOutputs | None
) -> ResponseFormat | StructuredOutputs | None:
    """The one of a body's two fields that asks for something."""
    if response_format is None or response_format.type == "text":
        return structured_outputs or response_format
    if structured_outputs is not None:
        raise invalid_field(
            "structured_outputs", "an object", "response_format asks for a format too", "Send one of them."
        )
    return response_format
