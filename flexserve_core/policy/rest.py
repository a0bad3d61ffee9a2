"""How long a policy asks nobody, once nothing paid: thinking costs time, too.

Knows nothing of what was found not to pay.
"""

from __future__ import annotations

from collections.abc import Iterable

REST_STEPS = 16  # at first
MOST_REST_STEPS = 64  # as long as nothing pays, each rest is twice as long as the one before


class Rest:
    """Some steps in which nobody is asked; over when something pays, or when most sequences are others."""

    def __init__(self) -> None:
        self._keys: frozenset[int] = frozenset()
        self._left = 0
        self._next = REST_STEPS

    def goes_on(self, keys: Iterable[int]) -> bool:
        if self._left == 0:
            return False
        now = frozenset(keys)
        if 2 * len(now & self._keys) < len(now):
            self._left = 0
            return False
        self._left -= 1
        return True

    def begin(self, keys: Iterable[int]) -> None:
        self._keys, self._left = frozenset(keys), self._next
        self._next = min(MOST_REST_STEPS, 2 * self._next)

    def end(self) -> None:
        """Something pays."""
        self._left, self._next = 0, REST_STEPS
