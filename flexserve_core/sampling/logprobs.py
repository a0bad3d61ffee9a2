"""Log-probabilities of tokens as requests ask for them: of the model's own, unwarped distribution.

Computed row by row in float64 on the host: a row does not depend on the rows beside it. Knows nothing of
requests or tokenizers beyond a function from id to text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flexserve_core.types import TokenLogprob


def token_logprob(logits: np.ndarray, token: int, top: int, text_of: Callable[[int], str]) -> TokenLogprob:
    """logits: float32 [vocab], raw; `top`: how many of the likeliest tokens come along. Ties go to the lower id."""
    scores = logits.astype(np.float64)
    log_probs = scores - scores.max()
    log_probs -= np.log(np.exp(log_probs).sum())
    own = log_probs[token]
    rank = 1 + int((log_probs > own).sum()) + int((log_probs[:token] == own).sum())
    return TokenLogprob(
        token,
        text_of(token),
        float(own),
        tuple((int(i), text_of(int(i)), float(log_probs[i])) for i in _likeliest(log_probs, top)),
        rank,
    )


def _likeliest(log_probs: np.ndarray, count: int) -> np.ndarray:
    """Ids of the `count` highest, highest first, without sorting the whole vocabulary."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    least = np.partition(log_probs, -count)[-count]
    candidates = np.flatnonzero(log_probs >= least)
    return candidates[np.argsort(-log_probs[candidates], kind="stable")[:count]]


class PromptLogprobs:
    """What the model made of each token of a prompt, collected chunk by chunk, in order.

    The row of position p speaks of token p + 1; of the first token no row does."""

    def __init__(self, prompt: Sequence[int], top: int, text_of: Callable[[int], str]) -> None:
        self._prompt = prompt
        self._top = top
        self._text_of = text_of
        self._found: list[TokenLogprob | None] = [None]

    @property
    def complete(self) -> bool:
        return len(self._found) == len(self._prompt)

    def wanted(self, start: int, stop: int) -> range:
        """Of the rows at positions start … stop − 1 those whose logits are still needed."""
        return range(max(start, len(self._found) - 1), min(stop, len(self._prompt) - 1))

    def add(self, logits: np.ndarray) -> None:
        """logits: float32 [n, vocab], of the next n wanted rows."""
        for row in logits:
            token = self._prompt[len(self._found)]
            self._found.append(token_logprob(row, token, self._top, self._text_of))

    def result(self) -> tuple[TokenLogprob | None, ...] | None:
        """One entry per prompt token, the first None; None when the request ended before its prompt was done."""
        return tuple(self._found) if self.complete else None
