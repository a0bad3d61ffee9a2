"""Drafts by looking the text up in itself: the last n tokens, found earlier, are likely to go on the same way.

Costs no model; shines where the answer repeats the prompt. Knows nothing of models or caches.
Source: prompt lookup decoding (Saxena, 2023), as in transformers' PromptLookupCandidateGenerator.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder

_LOG_PROB_PER_TOKEN = -0.5  # a stated guess, so that merged trees can be pruned by likelihood
_MOST_HITS = 256
_MAX_BRANCHES = 2  # distinct earlier continuations that go into one tree


class PromptLookupDrafter:
    """N-gram lookup; `min_ngram` … `max_ngram` are tried from long to short."""

    name = "prompt_lookup"

    def __init__(self, min_ngram: int = 2, max_ngram: int = 4) -> None:
        self.min_ngram = min_ngram
        self.max_ngram = max_ngram

    def propose(self, views: Sequence[DraftView]) -> list[TokenTree]:
        return [self._one(view) for view in views]

    def _one(self, view: DraftView) -> TokenTree:
        tokens = view.tokens
        hits = _earlier(tokens)
        for size in range(min(self.max_ngram, len(tokens) - 1), self.min_ngram - 1, -1):
            wanted = tokens[len(tokens) - size :]
            ends = [hit + 1 for hit in hits if hit + 1 >= size and tokens[hit + 1 - size : hit + 1] == wanted]
            if ends:
                return _tree(tokens, ends, min(view.max_depth, view.max_nodes), self.name)
        return EMPTY_TREE

    def open(self, key: int, max_tokens: int) -> None:
        """Nothing is kept per sequence."""

    def close(self, key: int) -> None:
        """Nothing is kept per sequence."""

    def reset(self) -> None:
        """Nothing is kept at all."""

    def check_integrity(self) -> None:
        """Nothing can go wrong."""


def _earlier(tokens: Sequence[int]) -> list[int]:
    """Earlier places of the last token, latest first; of very many only the latest.

    Most texts end in a token that came seldom before: asking for it costs a scan and no more."""
    found: list[int] = []
    place, end = -1, len(tokens) - 1
    if end < 0:
        return found
    last = tokens[end]
    while True:
        try:
            place = tokens.index(last, place + 1, end)
        except ValueError:
            return found[: -_MOST_HITS - 1 : -1]
        found.append(place)


def _tree(tokens: Sequence[int], ends: Sequence[int], depth: int, source: str) -> TokenTree:
    """The continuations after the latest occurrences, as one tree."""
    builder, branches = TreeBuilder(), 0
    for end in ends:
        before = len(builder)
        builder.add_chain(tokens[end : end + depth], _LOG_PROB_PER_TOKEN, source)
        branches += len(builder) > before
        if branches == _MAX_BRANCHES:
            break
    return builder.build()
