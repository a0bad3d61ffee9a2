"""Amounts of memory as people write them: 6GiB, 500MB, 1.5G, a number of bytes. Knows nothing of what they bound."""

from __future__ import annotations

import re

from flexserve_core.errors import ConfigurationError

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS |= {_letter: 1024**_power, f"{_letter}ib": 1024**_power, f"{_letter}b": 1000**_power}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def parse_size(field: str, value: int | str | None) -> int | None:
    """Bytes; "6GiB" and "6G" count in powers of 1024, "6GB" in powers of 1000. ConfigurationError names `field`."""
    if value is None:
        return None
    match = _SIZE.fullmatch(str(value)) if not isinstance(value, bool) else None
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or float(match[1]) <= 0:
        raise ConfigurationError(
            field,
            value,
            "it is an amount of memory above zero",
            "Write it like 6GiB, 500MB or a number of bytes.",
        )
    return int(float(match[1]) * unit)


def shown(size: float) -> str:
    """In binary units, for messages: 1.5 GiB."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"
