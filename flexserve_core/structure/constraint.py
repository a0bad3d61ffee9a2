"""What a request may ask for as structured output, and the limits of it: raw value in, `StructuredOutput` out.

A constraint is hostile until it has passed here: what the compiler is known to choke on (chains of thousands of
references overflow its stack, a large `multipleOf` takes seconds) is refused by counting, before it is compiled.
Knows nothing of tokenizers or masks.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from flexserve_core.errors import InvalidRequestError
from flexserve_core.types import StructuredOutput

MAX_CHARS = 32_768  # of a schema, a grammar, or all choices together
MAX_REGEX_CHARS = 4_096
MAX_DEPTH = 64  # of a schema's nesting
MAX_REFERENCES = 256  # `$ref`s of a schema, rules of a grammar
MAX_CHOICES = 1_024
MAX_MULTIPLE = 10_000  # least common multiple of a schema's `multipleOf`s

_NAMES = tuple(field.name for field in fields(StructuredOutput))
_NOTHING = (None, False, (), [])  # what a field holds that does not ask for anything
# a schema within a grammar would slip past the limits of schemas, an option past the engine's own options
_DIRECTIVES = re.compile(r"%(json|llguidance|regex|grammar|lark)\b")
_TEMPERATURE = re.compile(r"\[[^\]\"/]*\btemperature\s*=")  # an attribute of rules that masks cannot honour


def as_structured(value: Any) -> StructuredOutput | None:
    """A `StructuredOutput`, a mapping of its fields, or None; checked, with the schema as JSON text.

    Raises InvalidRequestError naming `structured` or one of its fields."""
    if value is None:
        return None
    given = _given(value)
    if len(given) != 1:
        limit = f"exactly one of {', '.join(_NAMES)} is given"
        raise InvalidRequestError("structured", sorted(given), limit, "Choose one.")
    [(name, content)] = given.items()
    return _CHECKS[name](content)


def _given(value: Any) -> dict[str, Any]:
    """The fields of a constraint that ask for something."""
    if isinstance(value, StructuredOutput):
        plain: dict[str, Any] = {name: getattr(value, name) for name in _NAMES}
    elif isinstance(value, Mapping):
        plain = {str(name): one for name, one in value.items()}
    else:
        remedy = 'Send for example {"json_schema": {"type": "object"}}.'
        raise InvalidRequestError(
            "structured", value, f"it is an object with one of {', '.join(_NAMES)}", remedy
        )
    for name in plain.keys() - set(_NAMES):
        raise _refused(name, plain[name], "there is no such constraint", f"Use one of {', '.join(_NAMES)}.")
    return {name: one for name, one in plain.items() if one not in _NOTHING}


def _json_schema(value: Any) -> StructuredOutput:
    limit = f"it is a JSON schema of at most {MAX_CHARS} characters, nested at most {MAX_DEPTH} deep"
    if isinstance(value, str) and len(value) <= MAX_CHARS:
        value = _parsed(value, limit)
    if not isinstance(value, Mapping):
        raise _refused("json_schema", value, limit, "Send a smaller object, or its text.")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused("json_schema", value, f"{limit} ({error})", "Send plain JSON values.") from None
    if len(text) > MAX_CHARS:
        raise _refused("json_schema", f"{len(text)} characters", limit, "Shorten it.")
    if _depth(value) > MAX_DEPTH:
        raise _refused("json_schema", text, limit, "Flatten it.")
    _check_schema(value)
    return StructuredOutput(json_schema=_encodable("json_schema", text))


def _parsed(text: str, limit: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("json_schema", text, f"{limit} ({error})", "Send valid JSON.") from None


def _check_schema(schema: Mapping[str, Any]) -> None:
    if "x-guidance" in schema:
        raise _refused(
            "json_schema", "x-guidance", "the compiler's options are the engine's", "Leave it out."
        )
    found = list(_entries(schema))
    references = sum(name == "$ref" for name, _ in found)
    if references > MAX_REFERENCES:
        limit = f"it holds at most {MAX_REFERENCES} `$ref`s"
        raise _refused("json_schema", f"{references} references", limit, "Write some of them out.")
    numbers = [value for name, value in found if name == "multipleOf" and type(value) in (int, float)]
    if any(number <= 0 for number in numbers):
        raise _refused("json_schema", f"multipleOf {min(numbers)}", "multipleOf is above 0", "Correct it.")
    if numbers and _common_multiple(numbers) > MAX_MULTIPLE:
        limit = (
            f"its multipleOf values have a common multiple of at most {MAX_MULTIPLE} (in units of the finest)"
        )
        raise _refused("json_schema", f"multipleOf {numbers[:4]}", limit, "Check such numbers yourself.")


def _common_multiple(numbers: list[Any]) -> int:
    exact = [abs(Fraction(str(number))) for number in numbers]
    unit = math.lcm(*(number.denominator for number in exact))
    return math.lcm(*(int(number * unit) for number in exact))


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every object in a JSON value, with what it holds."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield name, one
            yield from _entries(one)
    elif isinstance(value, list):
        for one in value:
            yield from _entries(one)


def _depth(value: Any) -> int:
    """How deep objects and lists are nested; gives up (and says so) beyond the limit."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        level = [
            inner
            for one in level
            for inner in (
                one.values() if isinstance(one, Mapping) else one if isinstance(one, (list, tuple)) else ()
            )
        ]
        depth += bool(level)
    return depth


def _json_object(value: Any) -> StructuredOutput:
    if value is not True:
        raise _refused("json_object", value, "it is true or false", "Send true.")
    return StructuredOutput(json_object=True)


def _regex(value: Any) -> StructuredOutput:
    return StructuredOutput(regex=_text("regex", value, MAX_REGEX_CHARS))


def _grammar(value: Any) -> StructuredOutput:
    text = _text("grammar", value, MAX_CHARS)
    if found := _DIRECTIVES.search(text):
        limit = "the directives %json, %regex, %grammar, %lark and %llguidance are not accepted"
        raise _refused("grammar", found.group(), limit, "Use rules alone, or json_schema.")
    if found := _TEMPERATURE.search(text):
        raise _refused("grammar", found.group(), "a rule has no temperature", "Set the request's.")
    rules = text.count(":")
    if rules > MAX_REFERENCES:
        limit = f"it has at most {MAX_REFERENCES} rules (colons)"
        raise _refused("grammar", f"{rules} rules", limit, "Shorten it.")
    return StructuredOutput(grammar=text)


def _choice(value: Any) -> StructuredOutput:
    limit = f"it is a list of 1 to {MAX_CHOICES} texts, together at most {MAX_CHARS} characters"
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= MAX_CHOICES:
        raise _refused("choice", value, limit, "Send such a list.")
    for one in value:
        if not isinstance(one, str) or not one:
            raise _refused(
                "choice", one, "a choice is a text of at least one character", "Change or drop it."
            )
    if sum(map(len, value)) > MAX_CHARS:
        raise _refused("choice", f"{sum(map(len, value))} characters", limit, "Shorten it.")
    return StructuredOutput(choice=tuple(_encodable("choice", one) for one in value))


_CHECKS = {
    "json_schema": _json_schema,
    "json_object": _json_object,
    "regex": _regex,
    "grammar": _grammar,
    "choice": _choice,
}


def _text(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise _refused(name, value, f"it is a text of 1 to {most} characters", "Change it.")
    return _encodable(name, value)


def _encodable(name: str, text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _refused(name, text, "it holds half a surrogate pair", "Send valid Unicode.") from None
    return text


def _refused(name: str, value: object, limit: str, remedy: str) -> InvalidRequestError:
    return InvalidRequestError(f"structured.{name}", value, limit, remedy)
