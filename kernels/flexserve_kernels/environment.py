"""The environment variables this package reads.

| variable | meaning |
|---|---|
| FLEXSERVE_REFERENCE | on (1, true, yes, on): only the torch reference implementations run |
"""

from __future__ import annotations

import os

_ON, _OFF = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def reference_forced() -> bool:
    """True when the plain implementations are asked for. Raises ValueError for a value that is neither on nor off."""
    value = os.environ.get("FLEXSERVE_REFERENCE", "").strip().lower()
    if value not in _ON | _OFF:
        raise ValueError(f"FLEXSERVE_REFERENCE = {value!r}: it is an on/off switch; set it to 1 or 0.")
    return value in _ON
