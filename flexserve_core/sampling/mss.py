"""Multi-step speculative sampling: a token of exactly the target's law, made likely to be one of those drafted.

The drafted tokens are tried one after another. One drawn from q is taken with probability min(1, p(x) / q(x)); after
a refusal p becomes the normalised excess of p over q, and q loses the token, as tokens are drawn without replacement.
What is left of p when all are refused gives the token. Knows nothing of trees: drafted tokens come with the law they
were drawn from, and it does not matter which of them became nodes.

Source: SpecInfer (Miao et al., ASPLOS 2024), algorithm 2, with the residual of sampling without replacement (Jeon et
al., "Recursive Speculative Decoding", 2024). Why tokens of keyed noise are the default: docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates

_DRAFT, _COIN = 1, 2  # purposes of noise; the target's own has none


@dataclass(frozen=True, slots=True)
class Drawn:
    """`tokens`, in the order they were drawn, without replacement, from `law`."""

    tokens: tuple[int, ...]
    law: Candidates

    @classmethod
    def certain(cls, token: int) -> Drawn:
        """Of a drafter that does not draw: whatever it proposes, it proposes with probability 1."""
        return cls((token,), Candidates(np.array([token], dtype=np.int64), np.zeros(1)))


def draft_noise(noise: KeyedNoise, length: int, drafter: int) -> KeyedNoise:
    """Noise to draft with at a text of `length` tokens: not the target's, not another step's or drafter's."""
    return noise.fork(_DRAFT, length, drafter)


def draw(law: Candidates, noise: KeyedNoise, position: int, count: int) -> Drawn:
    """`count` different tokens of `law` (fewer when it has fewer).

    The largest sums of log-probability and Gumbel noise, in order, are draws without replacement."""
    perturbed = law.log_probs + noise.gumbel(position, law.ids)
    order = np.argsort(-perturbed, kind="stable")[:count]
    return Drawn(tuple(int(law.ids[i]) for i in order if np.isfinite(perturbed[i])), law)


def choose_among(target: Candidates, drawn: Sequence[Drawn], noise: KeyedNoise, position: int) -> int:
    """Token id of `target`'s law for sequence position `position`; without drafts, the one that `choose` gives."""
    if len(target.ids) == 1 or not drawn:
        return choose(target, noise, position)
    order = np.argsort(target.ids, kind="stable")
    ids, p = target.ids[order], np.exp(target.log_probs[order])
    coins = noise.fork(_COIN).uniform(position, np.arange(sum(len(one.tokens) for one in drawn)))
    tried = 0
    for one in drawn:
        log_q = one.law.log_probs.copy()
        where = _places(ids, one.law.ids)
        for token in one.tokens:
            q = np.exp(log_q - np.logaddexp.reduce(log_q))
            drafted = int(np.flatnonzero(one.law.ids == token)[0])
            place = where[drafted]
            if place >= 0 and coins[tried] * q[drafted] < p[place]:
                return token
            tried += 1
            p = _residual(p, q, where)
            log_q[drafted] = -np.inf
    left = p > 0
    return choose(Candidates(ids[left], np.log(p[left])), noise, position)


def _places(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Index of each of `wanted` in `ids` (ascending), −1 where it is missing."""
    found = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[found] == wanted, found, -1)


def _residual(p: np.ndarray, q: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The excess of p over q, normalised. Where there is none but for rounding, a refusal could not be: p itself."""
    excess = p.copy()
    shared = where >= 0
    excess[where[shared]] = np.maximum(excess[where[shared]] - q[shared], 0.0)
    total = excess.sum()
    return excess / total if total > 0.0 else p
