"""How long a policy asks nobody, once nothing paid: thinking costs time, too.

Knows nothing of what was found not to pay.
"""

from __future__ import annotations

REST_STEPS = 8  # at first, and at least
_LONGEST = 64


class Rest:
    """Steps in which nobody is asked: more each time, until something pays again.

    Other sequences end a rest early, when it has lasted a little."""

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._left = self._lasted = 0
        self._next = REST_STEPS

    def goes_on(self, keys: list[int]) -> bool:
        if self._left and self._lasted >= REST_STEPS and keys != self._keys:
            self._left = 0
        if self._left == 0:
            return False
        self._left -= 1
        self._lasted += 1
        return True

    def begin(self, keys: list[int]) -> None:
        self._keys, self._left, self._lasted = keys, self._next, 0
        self._next = min(_LONGEST, 2 * self._next)

    def something_pays(self) -> None:
        self._next, self._left = REST_STEPS, 0
