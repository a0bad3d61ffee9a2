"""Reads stretches of files past the page cache into reused, page-aligned memory, and notices when a file changed.

Direct reads (O_DIRECT) begin and end at multiples of a block, so a stretch comes with some bytes before and after it;
memory for one is `slot_bytes` long, and the stretch begins at its own remainder. Where the file system has no direct
reads, ordinary ones are used and the cache is told to forget. Knows nothing of tensors.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from flexserve_core.errors import OffloadError
from flexserve_core.offload.pages import PAGE

_CHUNK = 8 * 2**20  # of one read: larger ones measured slower


@dataclass(frozen=True, slots=True)
class Extent:
    """`nbytes` of a file from `offset` on; `label` says in errors what lies there."""

    label: str
    file: Path
    offset: int
    nbytes: int

    @property
    def before(self) -> int:
        """Bytes that a direct read brings before the stretch."""
        return self.offset % PAGE

    @property
    def slot_bytes(self) -> int:
        """Length of page-aligned memory that a direct read of it fits in."""
        return -(-(self.before + self.nbytes) // PAGE) * PAGE


@dataclass(slots=True)
class _Opened:
    handle: int
    direct: bool
    state: tuple[int, int]  # size and time of the last change when it was opened


class ExtentReader:
    """Keeps files open and reads from them; usable from several threads as long as nobody closes it."""

    def __init__(self) -> None:
        self._files: dict[Path, _Opened] = {}

    def open(self, file: Path, handle: int | None = None) -> None:
        """Begin to trust the file as it is now. handle: an own descriptor of a file without a name."""
        if file in self._files:
            return
        try:
            fresh, direct = open_direct(file if handle is None else Path(f"/proc/self/fd/{handle}"))
        except OSError as error:
            if handle is None:
                raise OffloadError(file, "it", problem=f"cannot be opened ({error.strerror})") from error
            fresh, direct = os.dup(handle), False
        self._files[file] = _Opened(fresh, direct, _state(fresh))

    def read(self, extent: Extent, into: memoryview) -> None:
        """Fill `into` (page-aligned, slot_bytes long): the stretch begins at `extent.before`.

        OffloadError when the file is shorter than it was, has changed, or cannot be read.
        """
        opened = self._files[extent.file]
        start = extent.offset - extent.before
        needed, done = extent.before + extent.nbytes, 0
        try:
            while done < needed:
                got = self._read_some(opened, into[done : done + _CHUNK], start + done)
                if got == 0:
                    break
                done += got
                if done < needed and done % PAGE:  # a direct read ends unaligned at the end of the file only
                    break
            state = _state(opened.handle)
        except OSError as error:
            raise OffloadError(
                extent.file, extent.label, problem=f"cannot be read ({error.strerror})", needed=extent.nbytes
            ) from error
        if done < needed:
            end = extent.offset + extent.nbytes
            raise OffloadError(extent.file, extent.label, needed=end, available=state[0])
        if state != opened.state:
            raise OffloadError(extent.file, extent.label, problem="has changed since the model was loaded")

    def forget_cached(self) -> None:
        """Take the files out of the page cache: they are read past it from now on."""
        if hasattr(os, "posix_fadvise"):
            for opened in self._files.values():
                os.posix_fadvise(opened.handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def forget(self, file: Path) -> None:
        """Trust it no longer; `open` begins anew."""
        opened = self._files.pop(file, None)
        if opened is not None:
            os.close(opened.handle)

    def close(self) -> None:
        for opened in self._files.values():
            with contextlib.suppress(OSError):
                os.close(opened.handle)
        self._files.clear()

    @staticmethod
    def _read_some(opened: _Opened, into: memoryview, start: int) -> int:
        try:
            got = os.preadv(opened.handle, [into], start)
        except OSError as error:
            if not opened.direct or error.errno != errno.EINVAL:
                raise
            _make_ordinary(opened)  # opened, but the file system cannot
            got = os.preadv(opened.handle, [into], start)
        if not opened.direct and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(opened.handle, start, got, os.POSIX_FADV_DONTNEED)
        return got


def open_direct(path: Path) -> tuple[int, bool]:
    """A descriptor that reads past the page cache, or an ordinary one and False where that is not possible."""
    flag = getattr(os, "O_DIRECT", 0)
    if flag:
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY | flag), True
    return os.open(path, os.O_RDONLY), False


def _make_ordinary(opened: _Opened) -> None:
    import fcntl

    flags = fcntl.fcntl(opened.handle, fcntl.F_GETFL)
    fcntl.fcntl(opened.handle, fcntl.F_SETFL, flags & ~getattr(os, "O_DIRECT", 0))
    opened.direct = False


def _state(handle: int) -> tuple[int, int]:
    found = os.fstat(handle)
    return found.st_size, found.st_mtime_ns
