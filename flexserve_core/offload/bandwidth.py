"""How fast this machine moves and multiplies weights: disk, memory, host to device, matmul. Measured once, then kept.

The disk is read past the page cache (O_DIRECT) where the file system allows it, else the cache is dropped for the file
first. A remembered file that is missing, foreign or damaged means measuring again. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from flexserve_kernels import prepare_linear

from flexserve_core.engine.cost_cache import folder, machine
from flexserve_core.offload.extents import open_direct
from flexserve_core.offload.memory import device_available, host_available
from flexserve_core.offload.nameless import make_nameless, no_room, remove_stale
from flexserve_core.offload.pages import aligned_memory

_FORMAT = 1
_READ_BYTES = 256 * 2**20  # of the test file
_CHUNK = 8 * 2**20  # of one read
_SPREAD = (
    64 * 2**20
)  # of memory read into: a buffer that fits into a cache is filled a quarter faster, and useless
_MEMORY_BYTES = 512 * 2**20  # read once: beyond the caches, where that much is free
_WIDTH = 2048
_ROWS = 64
_DTYPES = {"fp16": torch.float16, "fp32": torch.float32}  # else bf16
_REPEATS = 3
_TRY_S = 0.5  # a busy machine needs many tries for one undisturbed


@dataclass(frozen=True, slots=True)
class Bandwidths:
    """Bytes per second, multiply-adds per second (two flops each); 0 for what is not there."""

    disk: float
    memory: float
    host_to_device: float
    matmul: dict[str, float]  # by kernel kind: bf16, fp32, nf4, …
    direct: bool  # the disk was read past the page cache


def measured(folder_on_disk: Path, device: torch.device, kind: str, again: bool = False) -> Bandwidths:
    """Of this machine and the disk that holds `folder_on_disk`; remembered per machine, disk and kind.

    again: measure whatever is remembered, for example because the machine was busy then.
    """
    path, key = _place(folder_on_disk, device, kind)
    known = None if again else _read(path, key)
    if known is None:
        known = measure(folder_on_disk, device, kind)
        _write(path, {"format": _FORMAT, "key": key, "found": asdict(known)})
    return known


def remembered(folder_on_disk: Path, device: torch.device, kind: str) -> Bandwidths | None:
    """What `measured` found earlier; None before."""
    return _read(*_place(folder_on_disk, device, kind))


def measure(folder_on_disk: Path, device: torch.device, kind: str) -> Bandwidths:
    """Takes a second or two and writes a temporary file of 256 MiB."""
    disk, direct = _disk(folder_on_disk)
    on_cuda = device.type == "cuda"
    return Bandwidths(
        disk=disk,
        memory=_memory(device),
        host_to_device=_host_to_device(device) if on_cuda else 0.0,
        matmul={kind: _matmul(device, kind)},
        direct=direct,
    )


def direct_read_rate(path: Path, limit: int = 2**31) -> tuple[float, bool]:
    """Bytes per second of reading up to `limit` bytes of a file once into memory; and whether that was direct."""
    handle, direct = open_direct(path)
    memory = aligned_memory(_SPREAD).numpy().data
    try:
        if not direct and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        done, started = 0, time.perf_counter()
        while done < limit:
            place = done % _SPREAD
            got = os.preadv(handle, [memory[place : place + _CHUNK]], done)
            done += got
            if got < _CHUNK:
                break
        return done / (time.perf_counter() - started), direct
    finally:
        os.close(handle)


def _disk(where: Path) -> tuple[float, bool]:
    remove_stale(where)
    handle = make_nameless(where, _READ_BYTES)
    try:
        with os.fdopen(handle, "wb") as file:
            noise = os.urandom(_CHUNK)  # zeros may be stored as nothing
            for index in range(_READ_BYTES // _CHUNK):
                file.write(index.to_bytes(8, "little") + noise[8:])
            file.flush()
            os.fsync(handle)
            found = [direct_read_rate(Path(f"/dev/fd/{handle}")) for _ in range(_REPEATS)]
    except OSError as error:
        raise no_room(where, "a test file", _READ_BYTES, error) from error
    return sorted(rate for rate, _ in found)[len(found) // 2], found[0][1]


def _memory(device: torch.device) -> float:
    size = min(_MEMORY_BYTES, _free(device) // 4)
    block = torch.ones(size // 4, dtype=torch.float32, device=device)
    return block.nbytes / _fastest(block.sum, device)


def _host_to_device(device: torch.device) -> float:
    size = min(_MEMORY_BYTES, _free(device) // 4, host_available() // 4)
    host = torch.ones(size, dtype=torch.uint8, pin_memory=True)
    there = torch.empty_like(host, device=device)
    return size / _fastest(lambda: there.copy_(host, non_blocking=True), device)


def _free(device: torch.device) -> int:
    return device_available(device) if device.type == "cuda" else host_available()


@torch.inference_mode()
def _matmul(device: torch.device, kind: str) -> float:
    """With the engine's own linear, at a row count where it is bound by arithmetic."""
    layer = prepare_linear(torch.randn(_WIDTH, _WIDTH, device=device), kind=kind)
    rows = torch.randn(_ROWS, _WIDTH, device=device, dtype=_DTYPES.get(kind, torch.bfloat16))
    return _ROWS * _WIDTH * _WIDTH / _fastest(lambda: layer(rows), device)


def _fastest(run: Callable[[], object], device: torch.device) -> float:
    """Seconds: what disturbs a run only ever makes it slower."""
    times: list[float] = []
    until = time.perf_counter() + _TRY_S
    while len(times) <= _REPEATS or time.perf_counter() < until:
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return min(times[1:])


def _place(folder_on_disk: Path, device: torch.device, kind: str) -> tuple[Path, dict[str, str]]:
    """(where it is remembered, of what)."""
    key = {**machine(), "disk": str(os.stat(folder_on_disk).st_dev), "device": device.type, "kind": kind}
    return folder().parent / "bandwidths" / f"{_digest(key)}.json", key


def _digest(key: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def _read(path: Path, key: dict[str, str]) -> Bandwidths | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or content["key"] != key:
            return None
        found = Bandwidths(**{field.name: content["found"][field.name] for field in fields(Bandwidths)})
        sound = found.disk > 0 and found.memory > 0 and all(rate > 0 for rate in found.matmul.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if sound and found.matmul else None


def _write(path: Path, content: dict[str, object]) -> None:
    """Whole or not at all; that it cannot be kept is no error."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(temporary, path)
