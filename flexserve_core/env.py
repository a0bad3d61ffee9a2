"""The one table of environment variables. A bad value is an error, never silently the default.

Knows nothing of what the switches do; each is read where it acts, through `flag` or `text`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from flexserve_core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    meaning: str


VARIABLES = (
    Variable("FLEXSERVE_REFERENCE", "1: plain torch kernels and the plain loop (no speculation)"),
    Variable("FLEXSERVE_CHECK", "1: integrity checks of trees and caches at every step"),
    Variable(
        "FLEXSERVE_CACHE", "folder for what is measured about this machine; else the user's cache folder"
    ),
    Variable("FLEXSERVE_TRACE", "path: one JSON line per engine step is appended to this file"),
    Variable(
        "FLEXSERVE_API_KEY", "the key every HTTP route asks for, as --api-key; LangChain's classes send it"
    ),
    Variable("FLEXSERVE_BASE_URL", "the service LangChain's classes talk to when they are given none"),
    Variable("FLEXSERVE_SHARED", "folder of further models and prompts for tests and benchmarks"),
)
_NAMES = frozenset(variable.name for variable in VARIABLES)
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


def text(name: str) -> str | None:
    """Value of a variable of the table, or None when unset or empty."""
    assert name in _NAMES, f"{name} is not in the table"
    return os.environ.get(name) or None


def flag(name: str) -> bool:
    """Value of an on/off variable; anything but 1/0, true/false, yes/no, on/off is an error."""
    value = (text(name) or "").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ConfigurationError(name, value, "it is an on/off switch", "Set it to 1 or 0.")
