"""Keyed noise: a Gumbel variate for every (seed, choice, position, token), computed, never stored.

No generator state exists, so nothing that happens beside a request can disturb its draws, and a tree of proposals
sees at each position exactly the noise that plain decoding would see there. The hash is SplitMix64's finaliser
(Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014) over a keyed counter.
argmax(log p + Gumbel) draws from p: the Gumbel-max trick (Gumbel 1954; Maddison et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def _mix(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser; uint64 in and out, a bijection."""
    values = (values ^ (values >> np.uint64(30))) * _MIX1
    values = (values ^ (values >> np.uint64(27))) * _MIX2
    return values ^ (values >> np.uint64(31))


def _mix_int(value: int) -> int:
    return int(_mix(np.array([value & _MASK], dtype=np.uint64))[0])


@dataclass(frozen=True, slots=True)
class KeyedNoise:
    """The noise of one choice of one request."""

    seed: int
    choice: int = 0

    def fork(self, *purpose: int) -> KeyedNoise:
        """Independent noise for another purpose, which any whole numbers may name."""
        seed = self.seed
        for key in purpose:
            seed = _mix_int(_mix_int(seed) ^ _mix_int(key + 1))
        return KeyedNoise(seed, self.choice)

    def gumbel(self, position: int, tokens: np.ndarray) -> np.ndarray:
        """Gumbel(0, 1) variates, float64, one for each token id in `tokens` at sequence position `position`."""
        return -np.log(-np.log(self.uniform(position, tokens)))

    def uniform(self, position: int, tokens: np.ndarray) -> np.ndarray:
        """What `gumbel` is made of: variates of (0, 1), both ends excluded."""
        key = _mix_int(_mix_int(_mix_int(self.seed) + self.choice) + position)
        counter = tokens.astype(np.uint64) * _GOLDEN + np.uint64(key)
        bits = _mix(counter) >> np.uint64(11)
        return (bits.astype(np.float64) + 0.5) * 2.0**-53
