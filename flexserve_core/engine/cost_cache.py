"""Remembers what forwards cost, per machine, model, precision and threads, so that a restart need not measure again.

A file that is missing, foreign or damaged means measuring again, never an error: the numbers only steer speed. Knows
nothing of how they are measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from flexserve_core.env import text
from flexserve_core.runner.timing import ForwardTimes

_log = logging.getLogger(__name__)
_FORMAT = 1


def cached_times(
    what: dict[str, str],
    measure: Callable[[], ForwardTimes],
    still_true: Callable[[ForwardTimes], bool] = lambda _: True,
) -> tuple[ForwardTimes, bool]:
    """The remembered times of `what` on this machine, or freshly measured ones; and whether they were remembered.

    still_true: looks whether remembered times can be believed: somebody else may have used the machine then."""
    key = {**machine(), **what}
    path = folder() / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.json"
    known = _read(path, key)
    if known is not None and still_true(known):
        return known, True
    times = measure()
    _write(path, {"format": _FORMAT, "key": key, "points": times.points, "per_key": times.per_key})
    return times, False


def machine() -> dict[str, str]:
    """What a forward's time depends on besides the model."""
    return {
        "processor": _processor(),
        "cpus": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "torch": torch.__version__,
    }


def folder() -> Path:
    """Where the times lie: FLEXSERVE_CACHE, else the user's cache folder."""
    own = text("FLEXSERVE_CACHE")
    if own:
        return Path(own) / "costs"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flexserve" / "costs"


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(path: Path, key: dict[str, str]) -> ForwardTimes | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        points = {int(rows): float(seconds) for rows, seconds in found["points"].items()}
        per_key = float(found["per_key"])
        sound = found["format"] == _FORMAT and found["key"] == key
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    sound &= len(points) > 0 and all(1 <= r < 2**20 and 0 < s < 3600 for r, s in points.items())
    return ForwardTimes(points, per_key) if sound and 0 <= per_key < 1 else None


def _write(path: Path, content: dict[str, object]) -> None:
    """Whole or not at all: two servers may start at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(temporary, path)
    except OSError as error:
        _log.debug("the measured costs could not be kept: %s", error)
