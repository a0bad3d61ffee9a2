"""From logits to the distribution a request asks for: one function for target and draft alike.

Order: repetition, frequency and presence penalties, logit bias, minimum length, temperature, top-k, top-p, min-p
(transformers' order for the filters). Ties go to the lowest token id everywhere. Knows nothing of models or trees.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from flexserve_core.types import SamplingParams


@dataclass(slots=True)
class History:
    """What penalties look at: how often each token occurred in the prompt and in the completion so far."""

    prompt: frozenset[int]
    completion: Counter[int] = field(default_factory=Counter)

    def add(self, token: int) -> None:
        self.completion[token] += 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """The tokens that may be drawn, most likely first when filtered, and their normalised natural-log probabilities."""

    ids: np.ndarray  # int64 [n]
    log_probs: np.ndarray  # float64 [n]


def is_plain_greedy(params: SamplingParams) -> bool:
    """True when the choice is the argmax of the raw logits, so that nothing needs to be warped."""
    return params.greedy and not _edits_logits(params)


def _edits_logits(params: SamplingParams) -> bool:
    return bool(
        params.repetition_penalty != 1.0
        or params.presence_penalty
        or params.frequency_penalty
        or params.logit_bias
        or params.min_tokens
    )


def edit_logits(
    logits: np.ndarray,
    params: SamplingParams,
    history: History,
    num_generated: int,
    eos_token_ids: frozenset[int] = frozenset(),
) -> np.ndarray:
    """Penalties, bias and minimum length; float64 [vocab], a copy when anything is changed."""
    scores = logits.astype(np.float64)
    if not _edits_logits(params):
        return scores
    if params.repetition_penalty != 1.0:
        seen = np.fromiter(history.prompt | history.completion.keys(), dtype=np.int64)
        picked = scores[seen]
        scores[seen] = np.where(
            picked > 0, picked / params.repetition_penalty, picked * params.repetition_penalty
        )
    if history.completion and (params.presence_penalty or params.frequency_penalty):
        seen = np.fromiter(history.completion.keys(), dtype=np.int64)
        counts = np.fromiter(history.completion.values(), dtype=np.float64)
        scores[seen] -= params.presence_penalty + params.frequency_penalty * counts
    for token, bias in params.logit_bias:
        scores[token] += bias
    if num_generated < params.min_tokens:
        banned = eos_token_ids | set(params.stop_token_ids)
        scores[list(banned)] = -np.inf
    return scores


def warp(scores: np.ndarray, params: SamplingParams, ids: np.ndarray | None = None) -> Candidates:
    """The distribution to draw from; one-hot at temperature 0.

    scores: float64 [n], edited logits of the tokens `ids` (ascending; None: all of 0 … n − 1).
    """
    ids = np.arange(len(scores), dtype=np.int64) if ids is None else ids
    if params.greedy:
        best = int(np.argmax(scores))  # numpy's argmax takes the first, hence the lowest id
        return Candidates(ids[best : best + 1], np.zeros(1))
    with np.errstate(over="ignore"):  # near temperature 0 all but the likeliest become -inf, as they should
        scores = (scores - scores.max()) / params.temperature
    if params.top_k or params.top_p < 1.0 or params.min_p > 0.0:
        order = np.argsort(-scores, kind="stable")  # stable: ties stay in ascending id
        if params.top_k:
            order = order[: params.top_k]
        ids, scores = ids[order], scores[order]
    log_probs = _normalise(scores)
    if params.top_p < 1.0:
        # keep the shortest prefix that reaches top_p; the first is always kept
        before = np.concatenate(([0.0], np.cumsum(np.exp(log_probs))[:-1]))
        count = int(np.count_nonzero(before < params.top_p))
        ids, log_probs = ids[:count], _normalise(log_probs[:count])
    if params.min_p > 0.0:
        count = int(np.count_nonzero(log_probs >= log_probs[0] + np.log(params.min_p)))
        ids, log_probs = ids[:count], _normalise(log_probs[:count])
    return Candidates(ids, log_probs)


def _normalise(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max()
    return shifted - np.log(np.exp(shifted).sum())
