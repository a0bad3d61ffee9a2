"""Where weights lie on disk: in the checkpoint's own files where their bytes are the same, else in a file of ours.

transformers maps safetensors files into memory, so a weight that needed no conversion is a view of its file, and the
process's table of mappings says which bytes. Everything else (converted, packed, quantised) is written to one file
without a name (nameless.py). Each stretch that we wrote is read back and compared with the weight before that is let
go, and a mapped weight counts as its file's only if none of its pages was written to. Knows nothing of modules.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from flexserve_core.errors import OffloadError
from flexserve_core.offload.extents import Extent, ExtentReader
from flexserve_core.offload.nameless import make_nameless, raw, settle, write
from flexserve_core.offload.pages import PAGE, aligned_memory

_SYSTEM_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else PAGE
LINE = 64  # a weight keeps its place within a cache line: a BLAS may go by it


class WeightStore:
    """Puts weights away and reads them back. folder: for the file of ours; created when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = ExtentReader()
        self._handles: list[int] = []  # of the file of ours, once there is one
        self._own = folder / "offloaded weights"  # its name in messages
        self._end = 0
        self._scratch = aligned_memory(PAGE)
        self.adopted_bytes = 0  # that lie in the checkpoint's own files
        self.written_bytes = 0
        weakref.finalize(self, _close, self._handles, self._reader)  # the file takes its room until then

    def put(self, label: str, weight: Tensor) -> Extent:
        """Make sure that the weight (CPU, contiguous) is on disk, and return where. OffloadError if that fails."""
        assert weight.device.type == "cpu"
        assert weight.is_contiguous()
        extent = self._adopt(label, weight)
        if extent is not None:
            self.adopted_bytes += extent.nbytes
            return extent
        extent = self._write(label, weight)
        if not self._holds(extent, weight):
            raise OffloadError(self._own, label, problem="was read back differently", needed=extent.nbytes)
        self.written_bytes += extent.nbytes
        return extent

    def read(self, extent: Extent, into: memoryview) -> None:
        """See ExtentReader.read."""
        self._reader.read(extent, into)

    def forget_cached(self) -> None:
        """Free the page cache of what was checked and copied."""
        self._scratch = aligned_memory(PAGE)
        self._reader.forget_cached()

    def close(self) -> None:
        """Forget the weights; the file of ours is gone with it."""
        _close(self._handles, self._reader)

    def _adopt(self, label: str, weight: Tensor) -> Extent | None:
        """Where a mapped weight lies in its file; None for one that is not mapped, or not what is on disk."""
        found = _mapping(weight.data_ptr(), weight.nbytes)
        if found is None:
            return None
        file, offset = found
        extent = Extent(label, file, offset, weight.nbytes)
        try:
            self._reader.open(file)
            same = _unchanged(weight.data_ptr(), weight.nbytes)
            return extent if same or (same is None and self._holds(extent, weight)) else None
        except OffloadError:
            return None  # replaced or deleted since it was mapped: what is in memory counts

    def _holds(self, extent: Extent, weight: Tensor) -> bool:
        if len(self._scratch) < extent.slot_bytes:
            self._scratch = aligned_memory(extent.slot_bytes)
        self._reader.read(extent, self._scratch.numpy().data[: extent.slot_bytes])
        stored = self._scratch[extent.before : extent.before + extent.nbytes]
        return torch.equal(stored, raw(weight))

    def _write(self, label: str, weight: Tensor) -> Extent:
        start = self._end + weight.data_ptr() % LINE
        end = -(-(start + weight.nbytes) // PAGE) * PAGE
        if not self._handles:
            self._handles.append(make_nameless(self._folder, end - self._end))
        write(self._handles[0], self._folder, label, weight, start, self._end, end)
        settle(self._handles[0], self._folder, label)
        self._end = end
        self._reader.forget(self._own)
        self._reader.open(self._own, self._handles[0])
        return Extent(label, self._own, start, weight.nbytes)


def _close(handles: list[int], reader: ExtentReader) -> None:
    reader.close()
    while handles:
        os.close(handles.pop())


def is_mapped(weight: Tensor) -> bool:
    """It is a view of a file and takes no memory of its own."""
    return weight.device.type == "cpu" and _mapping(weight.data_ptr(), weight.nbytes) is not None


def _unchanged(address: int, nbytes: int) -> bool | None:
    """No page of a privately mapped stretch was written to: none is a copy of its own. None: not known.

    An entry of /proc/self/pagemap says of a page: 63 present, 62 swapped out, 61 of a file (Linux,
    Documentation/admin-guide/mm/pagemap.rst).
    """
    first, last = address // _SYSTEM_PAGE, (address + nbytes - 1) // _SYSTEM_PAGE
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as pages:
            pages.seek(8 * first)
            raw_entries = pages.read(8 * (last - first + 1))
    except OSError:
        return None
    entries = np.frombuffer(raw_entries, dtype=np.uint64)
    if len(entries) != last - first + 1:
        return None
    in_memory, of_file = (entries >> np.uint64(62)) != 0, (entries >> np.uint64(61)) & np.uint64(1) != 0
    return bool((of_file | ~in_memory).all())


def _mapping(address: int, nbytes: int) -> tuple[Path, int] | None:
    """(file, offset) that this stretch of memory is mapped from; None for other memory, or other systems than Linux."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as lines:
            for line in lines:
                region, _, offset, _, inode, *name = line.split(maxsplit=5)
                low, high = (int(part, 16) for part in region.split("-"))
                if low <= address < high:
                    mapped = inode != "0" and name and address + nbytes <= high
                    return (Path(name[0].rstrip("\n")), address - low + int(offset, 16)) if mapped else None
    except (OSError, ValueError):
        return None
    return None
