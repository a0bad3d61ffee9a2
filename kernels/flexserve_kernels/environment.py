"""The environment variables this package reads.

| variable | meaning |
|---|---|
| FLEXSERVE_REFERENCE | "1": only the torch reference implementations run |
"""

from __future__ import annotations

import os


def reference_forced() -> bool:
    """True when the plain implementations are asked for."""
    return os.environ.get("FLEXSERVE_REFERENCE", "") not in ("", "0")
