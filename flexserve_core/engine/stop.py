"""Stop strings: finding them in text that arrives in pieces, and holding back what might become one.

Pure text; knows nothing of tokens or streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Released:
    """`text` may be shown now; `stopped_by` is the stop string that ended the completion, if one did."""

    text: str
    stopped_by: str | None = None


class StopStrings:
    """Feed text in order; text from the start of a stop string on is never released."""

    def __init__(self, stops: Sequence[str], include: bool = False) -> None:
        self._stops = tuple(stops)
        self._include = include
        self._held = ""

    def push(self, text: str) -> Released:
        """Add text; release all that can no longer be part of a stop string.

        The stop string that is complete first ends the text, so how the text is cut into pieces plays no part."""
        if not self._stops:
            return Released(text)
        self._held += text
        found = self._first_complete()
        if found is not None:
            start, stop = found
            end = start + len(stop) if self._include else start
            released, self._held = self._held[:end], ""
            return Released(released, stopped_by=stop)
        keep = self._possible_start()
        released, self._held = self._held[:keep], self._held[keep:]
        return Released(released)

    def finish(self) -> str:
        """The held rest, when the completion ends for another reason."""
        rest, self._held = self._held, ""
        return rest

    def _first_complete(self) -> tuple[int, str] | None:
        hits = [(self._held.find(stop), stop) for stop in self._stops]
        hits = [(start, stop) for start, stop in hits if start >= 0]
        # Of two that end together the longer one, which began earlier.
        return min(hits, key=lambda hit: (hit[0] + len(hit[1]), hit[0])) if hits else None

    def _possible_start(self) -> int:
        """Index from which the held text could be the beginning of a stop string."""
        longest = max(map(len, self._stops))
        for start in range(max(0, len(self._held) - longest + 1), len(self._held)):
            if any(stop.startswith(self._held[start:]) for stop in self._stops):
                return start
        return len(self._held)
