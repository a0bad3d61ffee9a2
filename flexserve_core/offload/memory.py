"""How much memory this process may still take: the machine's, or its control group's where that is less.

Knows nothing of what it is for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path

import torch

_M_MMAP_THRESHOLD = -3  # glibc, malloc.h
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def host_available() -> int:
    """Bytes of host memory that are free or can be freed at once (page cache)."""
    found = [os.sysconf("SC_AVPHYS_PAGES") * _PAGE]
    with contextlib.suppress(OSError):
        match = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
        found = [int(match[1]) * 1024] if match else found
    limit = _group_limit()
    return min(found[0], limit) if limit is not None else found[0]


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


def _group_limit() -> int | None:
    """What the control group (version 2 or 1) leaves of its limit; None without one."""
    for line in _lines("/proc/self/cgroup"):
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            names = (f"/sys/fs/cgroup{path}/memory.max", f"/sys/fs/cgroup{path}/memory.current")
        elif "memory" in controllers.split(","):
            base = f"/sys/fs/cgroup/memory{path}"
            names = (f"{base}/memory.limit_in_bytes", f"{base}/memory.usage_in_bytes")
        else:
            continue
        values = [next(iter(_lines(name)), "") for name in names]
        if all(value.isdigit() for value in values) and int(values[0]) < 2**60:
            return max(0, int(values[0]) - int(values[1]))
    return None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
