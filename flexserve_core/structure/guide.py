"""Where one completion stands in its grammar: the tokens it may take now, and what follows once it has taken one.

A text's mask depends on the text alone, however it came about. Knows nothing of trees, requests or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from flexserve_core.errors import StructuredOutputError
from flexserve_core.structure.vocabulary import Vocabulary

if TYPE_CHECKING:
    from llguidance import LLMatcher

_FEW = 64  # with more allowed tokens than this, the next one is not forced


class Guide:
    """Starts at the beginning of a completion; `advance` moves on. Not for several threads at once."""

    def __init__(self, matcher: LLMatcher, vocabulary: Vocabulary, eos_token_ids: frozenset[int]) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary
        self._eos = eos_token_ids
        self._mask: np.ndarray | None = None
        self.ended = False  # EOS was taken

    @property
    def complete(self) -> bool:
        """The text matches and nothing but its end can follow."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def mask(self) -> np.ndarray:
        """Tokens that may come next: bool [vocab size]; EOS among them where the text may end. Do not change it.

        All False when nothing but the end can follow and the model has no EOS. StructuredOutputError when the grammar
        has come to a dead end or has become too complex."""
        if self._mask is None:
            self._mask = self._computed()
        return self._mask

    def _computed(self) -> np.ndarray:
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        self._check()
        size = self._vocabulary.size
        may_end = bool(bits[size])
        mask = bits[:size].astype(bool) & self._vocabulary.ordinary
        mask[list(self._eos)] = may_end
        if not may_end and not mask.any():
            raise StructuredOutputError("the vocabulary has no token that can come next")
        return mask

    def advance(self, token: int) -> None:
        """Take an allowed token. StructuredOutputError for any other."""
        if self.ended or not (self._mask is None or self._mask[token]):
            raise StructuredOutputError(f"token {token} is not allowed here")
        self._mask = None
        if token in self._eos:
            self.ended = True
        elif not self._matcher.consume_token(token):
            self._check()
            raise StructuredOutputError(f"token {token} is not allowed here")

    def num_allowed(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, in a row, the text can go on with; EOS is not counted. Changes nothing."""
        ordinary = self._vocabulary.ordinary
        known = next((i for i, token in enumerate(tokens) if not ordinary[token]), len(tokens))
        return 0 if self.ended or self.complete else self._matcher.validate_tokens(list(tokens[:known]))

    def forced(self, most: int) -> tuple[int, ...]:
        """Up to `most` tokens that spell the only possible continuation, in the longest pieces the vocabulary has.

        A prediction: the same bytes in other pieces are allowed too. Changes nothing."""
        found: list[int] = []
        guide = self
        while len(found) < most and not guide.ended and (token := guide._only()) is not None:
            if guide is self:
                guide = Guide(self._matcher.deep_copy(), self._vocabulary, self._eos)
            found.append(token)
            guide.advance(token)
        return tuple(found)

    def _only(self) -> int | None:
        """The longest allowed token, if all others are beginnings of it."""
        allowed = np.flatnonzero(self.mask())
        if not 0 < len(allowed) <= _FEW:
            return None
        tokens = self._vocabulary.tokens
        longest = max(allowed, key=lambda token: len(tokens[token]))
        alike = all(tokens[token] and tokens[longest].startswith(tokens[token]) for token in allowed)
        return int(longest) if alike else None

    def _check(self) -> None:
        if self._matcher.is_error():
            reason = self._matcher.get_error().splitlines()[0][:200]
            if reason == "NoExtensionBias":
                reason = "no token of this vocabulary can come next"
            raise StructuredOutputError(f"the grammar cannot go on here ({reason})")
