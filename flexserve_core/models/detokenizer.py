"""Ids to text while they arrive, without ever cutting a character in half.

Text is decoded with a few tokens of context on the left, because what a token looks like may depend on the one before
it (leading spaces, byte fallback). Knows nothing of stop strings or streams.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexserve_core.models.tokenizer import Tokenizer

_CONTEXT = 6  # tokens of the prompt that the first decoded token sees
_UNFINISHED = "\ufffd"  # what an incomplete UTF-8 sequence decodes to
_MAX_HELD = 16  # a character has at most 4 bytes; after so many tokens the bytes are simply broken


class Detokenizer:
    """Decodes one completion; `push` returns the text that became final."""

    def __init__(self, tokenizer: Tokenizer, prompt_ids: Sequence[int], skip_special_tokens: bool) -> None:
        self._tokenizer = tokenizer
        self._skip = tokenizer.special_ids if skip_special_tokens else frozenset()
        self._ids = [token for token in prompt_ids[-_CONTEXT:] if token not in self._skip]
        self._prefix = 0
        self._read = len(self._ids)

    def push(self, token: int) -> str:
        """Text that `token` completes; empty while a character is unfinished."""
        if token in self._skip:
            return ""
        self._ids.append(token)
        text = self._new_text()
        if text.endswith(_UNFINISHED) and len(self._ids) - self._read <= _MAX_HELD:
            return ""
        self._advance()
        return text

    def finish(self) -> str:
        """The rest, broken characters as U+FFFD."""
        text = self._new_text()
        self._advance()
        return text

    def _new_text(self) -> str:
        before = self._tokenizer.text_of(self._ids[self._prefix : self._read])
        whole = self._tokenizer.text_of(self._ids[self._prefix :])
        return whole[len(before) :]

    def _advance(self) -> None:
        self._prefix, self._read = self._read, len(self._ids)
