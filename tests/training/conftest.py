"""`training` lives in the repository, not in the package: it is made importable here by its own path, so that nothing
else of the repository's root becomes importable with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / "training"

if "training" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "training", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
    )
    assert _spec is not None
    assert _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["training"] = _module
    _spec.loader.exec_module(_module)
