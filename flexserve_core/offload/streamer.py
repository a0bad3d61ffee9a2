"""Brings weights into compute memory just before the module that needs them runs, and the next ones meanwhile.

A thread follows the order in which modules ran last time and fills a ring with what comes next, across steps too; a
module's turn waits for its weights, and gives back the place of the module before it. A module out of turn is served as
well, only later: the ring is emptied and begins at it. What is computed does not depend on that. A failed read is
tried again where the weight is needed, and then raised. Knows nothing of transformers.
Source: the look-ahead is FlexGen's overlapped schedule (Sheng et al., 2023, algorithm 1), one module at a time.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from flexserve_core.errors import OffloadError
from flexserve_core.offload.slots import Piece, Slots, slot_bytes


@dataclass(slots=True, eq=False)
class _Load:
    unit: int
    offset: int
    ready: bool = False
    filled: object = None
    error: OffloadError | None = None


class Streamer:
    """units: the pieces of every module that streams, in the order in which they are expected to run.

    One thread computes: `acquire` must not be called from two at once.
    """

    def __init__(self, units: Sequence[Sequence[Piece]], slots: Slots) -> None:
        self._work = _Work(units, slots)
        thread = threading.Thread(target=self._work.run, name="flexserve-streamer", daemon=True)
        weakref.finalize(self, self._work.stop)  # the thread knows the work alone, so this can be collected
        thread.start()

    def acquire(self, unit: int) -> list[Tensor]:
        """The unit's weights, valid until the next call. Raises OffloadError."""
        return self._work.acquire(unit)

    def close(self) -> None:
        """Stop reading; nothing can be acquired afterwards."""
        self._work.stop()

    def settle(self) -> None:
        """Wait until there is nothing to read ahead: for tests and for timing."""
        self._work.settle()

    @property
    def bytes_moved(self) -> int:
        """Of weights, since the start."""
        return self._work.bytes_moved


class _Work:
    """What both threads share, under one lock; reading itself happens outside it."""

    def __init__(self, units: Sequence[Sequence[Piece]], slots: Slots) -> None:
        self._units = [tuple(pieces) for pieces in units]
        self._sizes = [slot_bytes(pieces) for pieces in self._units]
        assert max(self._sizes) <= slots.ring.size, "the ring holds no unit"
        self._slots = slots
        self._changed = threading.Condition()
        self._loads: deque[_Load] = deque()  # the first is the one being computed with, or the next to be
        self._current: _Load | None = None
        self._order = list(range(len(self._units)))
        self._next = 0  # index in _order of what is read next
        self._pass: list[int] = []  # units of this pass so far
        self._reading: _Load | None = None
        self._stopped = False
        self.bytes_moved = 0

    # -- the computing thread ----------------------------------------------------------------------------------

    def acquire(self, unit: int) -> list[Tensor]:
        with self._changed:
            if self._current is not None and self._current.unit == unit:
                return self._enter(self._current)
            self._leave()
            self._note(unit)
            if not self._loads or self._loads[0].unit != unit:
                self._begin_at(unit)
            load = self._wait_for(unit)
            if (
                load.error is not None
            ):  # of reading ahead, maybe long ago: what counts is whether it can be read now
                self._begin_at(unit)
                load = self._wait_for(unit)
            if load.error is not None:
                raise load.error
            self._current = load
            return self._enter(load)

    def _enter(self, load: _Load) -> list[Tensor]:
        return self._slots.enter(load.offset, self._units[load.unit], load.filled)

    def _leave(self) -> None:
        """The place of what was computed with last can be filled again."""
        if self._current is None:
            return
        self._slots.leave(self._current.offset, self._sizes[self._current.unit])
        self._current = None
        self._loads.popleft()
        self._slots.ring.give_back()
        self._changed.notify_all()

    def _note(self, unit: int) -> None:
        """Learn the order of a pass: it ends where a unit comes again."""
        if unit in self._pass:
            if len(self._pass) == len(self._units) and self._pass != self._order:
                self._order = list(self._pass)
                last = self._loads[-1].unit if self._loads else self._order[self._order.index(unit) - 1]
                self._next = (self._order.index(last) + 1) % len(self._order)
            self._pass = []
        self._pass.append(unit)

    def _begin_at(self, unit: int) -> None:
        """Forget what was read ahead."""
        self._changed.wait_for(lambda: self._reading is None or self._stopped)
        self._loads.clear()
        self._slots.ring.clear()
        self._next = self._order.index(unit)
        self._changed.notify_all()

    def _wait_for(self, unit: int) -> _Load:
        self._changed.wait_for(
            lambda: (
                self._stopped or (bool(self._loads) and (self._loads[0].ready or bool(self._loads[0].error)))
            )
        )
        if self._stopped:
            label = self._units[unit][0].extent.label
            raise OffloadError("the streamer", label, problem="cannot be read: it was stopped")
        return self._loads[0]

    def settle(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (self._reading is None and not self._room()))

    # -- the streaming thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        while (load := self._take()) is not None:
            error = filled = None
            try:
                filled = self._slots.fill(load.offset, self._units[load.unit])
            except OffloadError as problem:
                error = problem
            except Exception as problem:  # whoever waits must hear of it
                label = self._units[load.unit][0].extent.label
                error = OffloadError("the streamer", label, problem=f"cannot be read ({problem})")
            with self._changed:
                self._reading = None
                load.filled, load.error, load.ready = filled, error, error is None
                self.bytes_moved += sum(piece.extent.nbytes for piece in self._units[load.unit])
                self._changed.notify_all()

    def _take(self) -> _Load | None:
        """The next load, its place taken; None when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._room())
            if self._stopped:
                return None
            unit = self._order[self._next]
            offset = self._slots.ring.take(self._sizes[unit])
            assert offset is not None
            load = _Load(unit, offset)
            self._loads.append(load)
            self._next = (self._next + 1) % len(self._order)
            self._reading = load
            return load

    def _room(self) -> bool:
        failed = any(load.error is not None for load in self._loads)
        return not failed and self._slots.ring.fits(self._sizes[self._order[self._next]])

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
