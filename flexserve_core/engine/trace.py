"""FLEXSERVE_TRACE: one JSON line per engine step. Knows nothing of what a step means."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import IO

from flexserve_core.env import text
from flexserve_core.errors import ConfigurationError
from flexserve_core.types import StepRecord


class Trace:
    """Appends to `path`; one write per line, so that several engines may share a file."""

    def __init__(self, path: str) -> None:
        try:
            self._file: IO[str] = Path(path).expanduser().open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise ConfigurationError(
                "FLEXSERVE_TRACE",
                path,
                f"the file cannot be written ({error.strerror})",
                "Name another file.",
            ) from error

    @classmethod
    def from_environment(cls) -> Trace | None:
        path = text("FLEXSERVE_TRACE")
        return cls(path) if path else None

    def write(self, record: StepRecord) -> None:
        self._file.write(json.dumps(asdict(record)) + "\n")

    def close(self) -> None:
        self._file.close()
