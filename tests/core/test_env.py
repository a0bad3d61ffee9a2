"""Environment switches: a bad value is an error, never silently the default."""

from __future__ import annotations

import pytest

from flexserve_core.env import VARIABLES, flag, text
from flexserve_core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("TRUE", True), (" yes ", True), ("0", False), ("off", False), ("", False)]
)
def test_flags(monkeypatch, value, on):
    monkeypatch.setenv("FLEXSERVE_REFERENCE", value)
    assert flag("FLEXSERVE_REFERENCE") is on


def test_unset_is_off(monkeypatch):
    monkeypatch.delenv("FLEXSERVE_REFERENCE", raising=False)
    assert not flag("FLEXSERVE_REFERENCE")
    assert text("FLEXSERVE_TRACE") is None


@pytest.mark.parametrize("value", ["2", "ja", "tru"])
def test_a_bad_value_is_an_error(monkeypatch, value):
    monkeypatch.setenv("FLEXSERVE_CHECK", value)
    with pytest.raises(ConfigurationError, match="FLEXSERVE_CHECK"):
        flag("FLEXSERVE_CHECK")


def test_only_the_table_is_read():
    with pytest.raises(AssertionError, match="not in the table"):
        flag("FLEXSERVE_UNKNOWN")
    assert len({variable.name for variable in VARIABLES}) == len(VARIABLES)
    assert all(variable.meaning for variable in VARIABLES)
