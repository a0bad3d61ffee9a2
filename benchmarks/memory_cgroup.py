"""A memory control group (version 2 or 1) around a benchmark's child process: a limit that holds, and the peak.

Needs the right to make control groups; without it `make` returns None and nothing is limited.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_ROOTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """`enter` in the child, `peak` and `remove` after its end."""

    folder: Path

    @property
    def _version_1(self) -> bool:
        return (self.folder / "memory.limit_in_bytes").exists()

    def limit(self, size: int) -> None:
        name = "memory.limit_in_bytes" if self._version_1 else "memory.max"
        (self.folder / name).write_text(str(size))

    def enter(self) -> None:
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self) -> int | None:
        """Bytes, page cache included."""
        name = "memory.max_usage_in_bytes" if self._version_1 else "memory.peak"
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / name).read_text())
        return None

    def remove(self) -> None:
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except OSError:
                for pid in (self.folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.1)


def make(limit: int) -> MemoryGroup | None:
    """A new group with this limit; None where there can be none."""
    for root in _ROOTS:
        group = MemoryGroup(root / f"flexserve-bench-{os.getpid()}-{time.monotonic_ns()}")
        try:
            group.folder.mkdir()
        except OSError:
            continue
        try:
            group.limit(limit)
            return group
        except OSError:
            with contextlib.suppress(OSError):
                group.folder.rmdir()
    return None
