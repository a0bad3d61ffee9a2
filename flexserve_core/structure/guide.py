"""Where one completion stands in its grammar: the tokens it may take now, and what follows once it has taken one.

A text's mask, or the error in its place, depends on the text alone, however it came about. A matcher grows with every
text it is asked about, up to limits; so the one that decides is asked about the text itself, and drafts are looked at
by a second one, the scout. Knows nothing of trees, requests or models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from flexserve_core.errors import StructuredOutputError
from flexserve_core.structure.vocabulary import Vocabulary

if TYPE_CHECKING:
    from llguidance import LLMatcher

_FEW = 64  # with more allowed tokens than this, the next one is not forced


class Guide:
    """Starts at the beginning of a completion; `advance` moves on. Not for several threads at once.

    new: makes a matcher that stands at the beginning and shares nothing that changes with any other."""

    def __init__(
        self, new: Callable[[], LLMatcher], vocabulary: Vocabulary, eos_token_ids: frozenset[int]
    ) -> None:
        self._new = new
        self._matcher = new()
        self._scout: LLMatcher | None = None  # made when a draft is first looked at
        self._vocabulary = vocabulary
        self._eos = eos_token_ids
        self._taken: list[int] = []
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
            self._mask = self._mask_of(self._matcher)
        return self._mask

    def advance(self, token: int) -> None:
        """Take an allowed token. StructuredOutputError for any other."""
        if self.ended or not (self._mask is None or self._mask[token]):
            raise StructuredOutputError(f"token {token} is not allowed here")
        self._mask = None
        if token in self._eos:
            self.ended = True
            return
        if not self._matcher.consume_token(token):
            _check(self._matcher)
            raise StructuredOutputError(f"token {token} is not allowed here")
        self._taken.append(token)
        if self._scout is not None:
            self._scout.consume_token(token)

    def num_allowed(self, tokens: Sequence[int]) -> int:
        """How many of these tokens, in a row, the text can go on with; EOS is not counted. Changes nothing.

        StructuredOutputError when the scout has come to its limits."""
        ordinary = self._vocabulary.ordinary
        known = next((i for i, token in enumerate(tokens) if not ordinary[token]), len(tokens))
        return 0 if self.ended or self.complete else self._scouting().validate_tokens(list(tokens[:known]))

    def forced(self, most: int) -> tuple[int, ...]:
        """Up to `most` tokens that spell the only possible continuation, in the longest pieces the vocabulary has.

        A prediction: the same bytes in other pieces are allowed too. Changes nothing. Raises as `num_allowed`."""
        found: list[int] = []
        token = None if self.ended else self._only(self.mask())
        ahead = None if token is None else self._scouting().deep_copy()
        while token is not None and ahead is not None and len(found) < most:
            found.append(token)
            moved = ahead.consume_token(token) and not ahead.is_stopped()
            token = self._only(self._mask_of(ahead)) if moved else None
        return tuple(found)

    def _scouting(self) -> LLMatcher:
        if self._scout is None:
            self._scout = self._new()
            self._scout.consume_tokens(self._taken)
        _check(self._scout)
        return self._scout

    def _only(self, mask: np.ndarray) -> int | None:
        """The longest allowed token, if all others are beginnings of it."""
        allowed = np.flatnonzero(mask)
        if not 0 < len(allowed) <= _FEW:
            return None
        tokens = self._vocabulary.tokens
        longest = max(allowed, key=lambda token: len(tokens[token]))
        alike = all(tokens[token] and tokens[longest].startswith(tokens[token]) for token in allowed)
        return int(longest) if alike else None

    def _mask_of(self, matcher: LLMatcher) -> np.ndarray:
        bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
        _check(matcher)
        size = self._vocabulary.size
        may_end = bool(bits[size])
        mask = bits[:size].astype(bool) & self._vocabulary.ordinary
        mask[list(self._eos)] = may_end
        if not may_end and not mask.any():
            raise StructuredOutputError("the vocabulary has no token that can come next")
        return mask


def _check(matcher: LLMatcher) -> None:
    if matcher.is_error():
        reason = matcher.get_error().splitlines()[0][:200]
        if reason == "NoExtensionBias":
            reason = "no token of this vocabulary can come next"
        raise StructuredOutputError(f"the grammar cannot go on here ({reason})")
