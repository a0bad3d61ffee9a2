"""How long a policy asks nobody, once nothing paid: thinking costs time, too.

Knows nothing of what was found not to pay.
"""

from __future__ import annotations

from collections.abc import Iterable

REST_STEPS = 16


class Rest:
    """Some steps in which nobody is asked; over when something pays, or when most sequences are others."""

    def __init__(self) -> None:
        self._keys: frozenset[int] = frozenset()
        self._left = 0

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
        self._keys, self._left = frozenset(keys), REST_STEPS

    def end(self) -> None:
        self._left = 0
