"""Files that lose their name the moment they are made: nothing is left of them, whatever ends the process.

Nobody else can change such a file, or take half of it for a whole. Knows nothing of what is written to them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from flexserve_core.errors import OffloadError

_PREFIX = ".flexserve-offload-"
_CHUNK = 16 * 2**20


def make_nameless(folder: Path, size: int) -> int:
    """A descriptor of a new file; OffloadError where there can be none. size: bytes to come, for its message."""
    what = "the file for offloaded weights"
    if not folder.is_dir():
        raise OffloadError(
            folder,
            what,
            problem="cannot be made: there is no such folder",
            needed=size,
            remedy="Create it, or choose another one (--offload-dir).",
        )
    try:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
        with contextlib.suppress(FileNotFoundError):  # another process took it for a dead one's
            os.unlink(name)
    except OSError as error:
        raise no_room(folder, what, size, error) from error
    return handle


def write(handle: int, folder: Path, label: str, weight: Tensor, start: int, begin: int, end: int) -> None:
    """Bytes of a contiguous tensor to `start`; [begin, end) of the file is taken for it. OffloadError names `label`.

    A full disk is known before anything is written.
    """
    try:
        os.posix_fallocate(handle, begin, end - begin)
        data, done = raw(weight).numpy().data, 0
        while done < len(data):
            done += os.pwrite(handle, data[done : done + _CHUNK], start + done)
    except OSError as error:
        raise no_room(folder, label, end - begin, error) from error


def settle(handle: int, folder: Path, label: str) -> None:
    """What was written is on the disk and out of the page cache afterwards. OffloadError names `label`."""
    try:
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError as error:
        raise no_room(folder, label, 0, error) from error


def waiting_on_disk(folder: Path, label: str, weight: Tensor) -> Tensor:
    """The same numbers, mapped from a file of their own that goes with the tensor. OffloadError names `label`."""
    handle = make_nameless(folder, weight.nbytes)
    try:
        write(handle, folder, label, weight.contiguous(), 0, 0, weight.nbytes)
        settle(handle, folder, label)
        mapped = torch.from_file(f"/proc/self/fd/{handle}", False, weight.nbytes, dtype=torch.uint8)
        return mapped.view(weight.dtype).view(weight.shape)
    finally:
        os.close(handle)


def raw(weight: Tensor) -> Tensor:
    """The bytes of a contiguous tensor, uint8 [n]."""
    return weight.detach().reshape(-1).view(torch.uint8)


def remove_stale(folder: Path) -> None:
    """Remove what a process left that died between making its file and taking away the name: it is empty."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()


def no_room(folder: Path, label: str, needed: int, error: OSError) -> OffloadError:
    """What to raise when the disk refuses `label`."""
    available = None
    with contextlib.suppress(OSError):
        space = os.statvfs(folder)
        available = space.f_bavail * space.f_frsize
    return OffloadError(
        folder,
        label,
        problem=f"cannot be kept ({error.strerror})",
        needed=needed,
        available=available,
        remedy="Free space, or choose another folder (--offload-dir).",
    )
