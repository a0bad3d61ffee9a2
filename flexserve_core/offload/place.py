"""Which weights stay in compute memory, which wait in host memory, which on disk: a small mixed-integer program.

Weights come in groups of equal tensors. A step moves every weight that does not stay, through a ring of buffers in
compute memory; moving and computing overlap, so a step costs the longest of disk, host-to-device copy and arithmetic.
The program keeps the whole inside the memories' limits. Knows nothing of models, trees or files.
Source: FlexGen (Sheng et al., 2023), section 4.3: its linear program, with whole tensors for shares, the ring as a
variable (smaller when the largest tensors stay), and the arithmetic of a tree's rows as one more bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from flexserve_core.errors import ConfigurationError
from flexserve_core.offload.sizes import shown

RING_TENSORS = 3  # one computed with, one ready, one being read
_GIB = 2**30  # the program counts in GiB, so that its numbers are near one
_MARGIN = 1e-6  # GiB; above the solver's tolerance
_TIE = 1e-3  # seconds a GiB moved counts extra: of equally fast placements the one that moves least


@dataclass(frozen=True, slots=True)
class Group:
    """`count` equal tensors (or modules) of `nbytes` each.

    by_rows: an embedding, of which a step reads a few rows wherever it lies; it never goes through the ring.
    """

    name: str
    nbytes: int
    count: int
    by_rows: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes for weights and ring. host None: it is the compute memory itself."""

    compute: int
    host: int | None = None
    disk: bool = True  # weights may stay on disk


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second. host_to_device inf: there is no such copy."""

    disk: float
    host_to_device: float = float("inf")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a group are where."""

    group: Group
    compute: int
    host: int
    disk: int


@dataclass(frozen=True, slots=True)
class Placement:
    shares: tuple[Share, ...]
    ring_bytes: int

    def nbytes(self, tier: str) -> int:
        """Of the weights in "compute", "host" or "disk"."""
        return sum(share.group.nbytes * getattr(share, tier) for share in self.shares)

    def moved(self, tier: str) -> int:
        """Bytes that every step brings from "host" or "disk"."""
        return sum(s.group.nbytes * getattr(s, tier) for s in self.shares if not s.group.by_rows)

    def io_seconds(self, rates: Rates) -> tuple[float, float]:
        """Of a step: (disk, host to device)."""
        disk = self.moved("disk")
        return disk / rates.disk, (disk + self.moved("host")) / rates.host_to_device


def place(groups: Sequence[Group], memory: Memory, rates: Rates, compute_s: float = 0.0) -> Placement:
    """The fastest placement inside the limits; compute_s: what a step computes, whatever is where.

    Raises ConfigurationError (device_memory or host_memory) when no placement fits.
    """
    groups = [group for group in groups if group.count and group.nbytes]
    if not groups:
        return Placement((), 0)
    found = _solve(groups, memory, rates, compute_s)
    if found is None:
        raise _too_small(groups, memory)
    return found


def _solve(groups: Sequence[Group], memory: Memory, rates: Rates, compute_s: float) -> Placement | None:
    """Variables: counts in compute, host, disk; whether a group moves at all; the ring; the step's seconds."""
    n = len(groups)
    size = np.array([group.nbytes / _GIB for group in groups])
    count = np.array([group.count for group in groups], dtype=float)
    ringed = np.array([not group.by_rows for group in groups], dtype=float)
    zero, eye = np.zeros(n), np.eye(n)

    def row(
        compute: np.ndarray = zero,
        host: np.ndarray = zero,
        disk: np.ndarray = zero,
        moves: np.ndarray = zero,
        ring: float = 0.0,
        step: float = 0.0,
    ) -> np.ndarray:
        return np.concatenate([compute, host, disk, moves, [ring, step]])

    moved = size * ringed
    tie = _TIE * (moved + size / 10)
    to_device = _GIB / rates.host_to_device
    host_limit = 0.0 if memory.host is None else memory.host / _GIB - _MARGIN
    staging = 0.0 if memory.host is None else 1.0  # what comes from disk passes through host memory
    rules: list[tuple[np.ndarray, float, float]] = [
        *((row(eye[g], eye[g], eye[g]), count[g], count[g]) for g in range(n)),
        *((row(host=eye[g], disk=eye[g], moves=-count[g] * eye[g]), -np.inf, 0.0) for g in range(n)),
        *((row(moves=RING_TENSORS * moved[g] * eye[g], ring=-1.0), -np.inf, 0.0) for g in range(n)),
        (row(compute=size, ring=1.0), -np.inf, memory.compute / _GIB - _MARGIN),
        (row(host=size, ring=staging), -np.inf, host_limit)
        if memory.host is not None
        else (row(host=size), 0.0, 0.0),
        (row(disk=moved * _GIB / rates.disk, step=-1.0), -np.inf, 0.0),
        (row(host=moved * to_device, disk=moved * to_device, step=-1.0), -np.inf, 0.0),
    ]
    lows: Any = np.array([low for _, low, _ in rules])  # scipy's annotations know numbers only
    highs: Any = np.array([high for *_, high in rules])
    least: Any = row(step=compute_s)
    most: Any = row(count, count, count if memory.disk else zero, np.ones(n), np.inf, np.inf)
    answer = milp(
        1000 * row(host=tie, disk=tie, step=1.0),  # in ms: differences above the solver's tolerance
        constraints=LinearConstraint(np.stack([rule for rule, _, _ in rules]), lows, highs),
        integrality=row(np.ones(n), np.ones(n), np.ones(n), np.ones(n)),
        bounds=Bounds(least, most),
        options={"time_limit": 5.0, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return None
    counts = np.rint(answer.x[: 3 * n]).astype(int).reshape(3, n)
    shares = tuple(Share(group, *map(int, counts[:, g])) for g, group in enumerate(groups))
    return Placement(shares, ring_bytes(shares))


def by_percent(groups: Sequence[Group], compute: float, host: float) -> Placement:
    """FlexGen's way: these shares (0 … 1) of the bytes in compute and host memory, the largest tensors first."""
    total = sum(group.nbytes * group.count for group in groups)
    rooms = {"compute": compute * total, "host": host * total}
    shares = []
    for group in sorted(groups, key=lambda group: -group.nbytes):
        left, taken = group.count, {}
        for tier, room in rooms.items():
            taken[tier] = min(left, int(room / group.nbytes + 1e-6))
            rooms[tier] -= taken[tier] * group.nbytes
            left -= taken[tier]
        shares.append(Share(group, taken["compute"], taken["host"], left))
    return Placement(tuple(shares), ring_bytes(shares))


def ring_bytes(shares: Sequence[Share]) -> int:
    """Of the ring that the weights which do not stay go through."""
    moving = [s.group.nbytes for s in shares if s.host + s.disk and not s.group.by_rows]
    return RING_TENSORS * max(moving, default=0)


def _too_small(groups: Sequence[Group], memory: Memory) -> ConfigurationError:
    largest = max(groups, key=lambda group: group.nbytes * (not group.by_rows))
    total = sum(group.nbytes * group.count for group in groups)
    limits = f"{shown(memory.compute)} for weights in compute memory"
    if memory.host is not None:
        limits += f" and {shown(memory.host)} in host memory"
    least = f"the buffers for its largest tensor ({largest.name}) alone take {RING_TENSORS} × {shown(largest.nbytes)}"
    allow = "" if memory.disk else "allow the disk (offload=disk), "
    if not memory.disk:
        least += f" and its weights {shown(total)}, none of which may stay on disk"
    return ConfigurationError(
        "host_memory" if memory.host is None else "device_memory",
        limits,
        f"too little for this model: {least}",
        f"Raise the limit, {allow}or quantise the weights.",
    )
