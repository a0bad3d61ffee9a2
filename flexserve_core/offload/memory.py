"""How much memory this process may still take: the machine's, or its control group's where that is less.

Knows nothing of what it is for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import torch

_M_MMAP_THRESHOLD = -3  # glibc, malloc.h
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def host_available() -> int:
    """Bytes of host memory that are free or can be freed at once (page cache)."""
    return min([_system_available(), *_group_rooms()])


def device_available(device: torch.device) -> int:
    """Bytes free on a CUDA device."""
    return torch.cuda.mem_get_info(device)[0]


def process_bytes(libraries: int | None = None) -> int:
    """What this process takes. libraries: bytes of mapped files to count; None: of all that is mapped now."""
    return _resident("RssAnon") + (library_bytes() if libraries is None else libraries)


def library_bytes() -> int:
    """Of mapped files, which before a model is mapped too are the program's libraries."""
    return _resident("RssFile")


def _resident(name: str) -> int:
    with contextlib.suppress(OSError):
        match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
        if match:
            return int(match[1]) * 1024
    return 0


def give_back_freed() -> None:
    """Have the C library return freed memory to the system: what a thread freed it would keep for that thread."""
    with contextlib.suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def keep_no_freed() -> None:
    """Have it return blocks of a MiB or more whenever they are freed, for good: it would keep ever larger ones.

    Costs page faults at every large tensor, which beside moving weights are nothing.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)


def _system_available() -> int:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * _PAGE


def _group_rooms() -> Iterator[int]:
    """What the process's control group (version 2 or 1), and each around it, leaves of a limit."""
    for line in _lines("/proc/self/cgroup"):
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            root, names = Path("/sys/fs/cgroup"), ("memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            root = Path("/sys/fs/cgroup/memory")
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        else:
            continue
        below = PurePosixPath(path.lstrip("/"))
        for folder in (below, *below.parents):
            room = _group_room(root / folder, *names)
            if room is not None:
                yield room


def _group_room(folder: Path, limit: str, used: str, prefix: str) -> int | None:
    """Page cache is charged to the group too, but given up when room is needed."""
    values = [next(iter(_lines(folder / name)), "") for name in (limit, used)]
    if not all(value.isdigit() for value in values) or int(values[0]) >= 2**60:
        return None
    told = dict(line.split(maxsplit=1) for line in _lines(folder / "memory.stat"))
    cached = sum(int(told.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
    return max(0, int(values[0]) - int(values[1]) + cached)


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
