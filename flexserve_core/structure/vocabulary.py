"""A vocabulary as bytes: what each token adds to a text, which is what grammars are matched against.

Read from the tokenizer's own decoder: byte-level BPE, sentencepiece with or without byte fallback, plain text. The
table is compared with what the tokenizer really decodes before it is trusted. Knows nothing of grammars.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from flexserve_core.errors import InvalidRequestError
from flexserve_core.models.tokenizer import Tokenizer

_PROBES = 2048  # tokens whose bytes are compared with what the tokenizer decodes
_SPACE = "\u2581"  # how sentencepiece writes a space
_PLAIN_DECODERS = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`tokens[i]`: the bytes of token i, empty where there is none. `ordinary`: bool [size], False for those and for
    control tokens, which are no text."""

    tokens: tuple[bytes, ...]
    ordinary: np.ndarray
    encode: Callable[[str], list[int]]

    @property
    def size(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(cls, tokenizer: Tokenizer, size: int) -> Vocabulary:
        """size: of the model's vocabulary, padding included. InvalidRequestError for tokenizers of another kind."""
        backend = getattr(tokenizer.hf, "backend_tokenizer", None)
        if backend is None:
            raise unsupported("it is not a tokenizer of the `tokenizers` library")
        to_bytes = _reader(json.loads(backend.to_str()).get("decoder"))
        tokens = [b""] * size
        added = tokenizer.hf.added_tokens_decoder
        control = tokenizer.special_ids | {token for token, one in added.items() if one.special}
        for text, token in tokenizer.vocabulary().items():
            if token < size and token not in control:
                tokens[token] = to_bytes(text)
        vocabulary = cls(
            tuple(tokens),
            np.array([bool(one) for one in tokens]),
            lambda text: backend.encode(text, add_special_tokens=False).ids,
        )
        vocabulary._compare(tokenizer)
        return vocabulary

    def _compare(self, tokenizer: Tokenizer) -> None:
        """Refuse the table unless tokens decode, behind another token, to their bytes."""
        ids = np.flatnonzero(self.ordinary)
        readable = [int(token) for token in ids if _decoded(self.tokens[token]) is not None]
        for token in readable[:: len(readable) // _PROBES + 1]:
            text = tokenizer.decode([readable[0], token], skip_special_tokens=False)
            expected = (self.tokens[readable[0]] + self.tokens[token]).decode()
            if text not in (expected, expected.removeprefix(" ")):  # sentencepiece drops a text's first space
                raise unsupported(f"token {token} decodes to {text!r}, not to {expected!r}")


def unsupported(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        "structured",
        "this model's tokenizer",
        f"its tokens cannot be read as bytes ({why})",
        "Ask for the format in the prompt, or serve a model with a byte-level or sentencepiece tokenizer.",
    )


def _decoded(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None


def _reader(decoder: Any) -> Callable[[str], bytes]:
    """The function from a vocabulary entry to its bytes that a tokenizer's decoder (as JSON) stands for."""
    kinds = set(_kinds(decoder))
    if kinds == {"ByteLevel"}:
        return _byte_level
    if not kinds <= _PLAIN_DECODERS:
        raise unsupported(f"its decoder is {', '.join(sorted(kinds))}")
    spaces = _SPACE if kinds & {"Replace", "Metaspace"} else ""
    return lambda text: _plain(text, spaces, "ByteFallback" in kinds)


def _kinds(decoder: Any) -> Iterator[str]:
    if decoder is None:
        return
    if decoder["type"] == "Sequence":
        for one in decoder["decoders"]:
            yield from _kinds(one)
    else:
        yield decoder["type"]


def _byte_level(text: str) -> bytes:
    if all(letter in _BYTE_OF for letter in text):
        return bytes(_BYTE_OF[letter] for letter in text)
    return text.encode()  # an added token, which stands for itself


def _plain(text: str, spaces: str, byte_fallback: bool) -> bytes:
    if byte_fallback and len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
        return bytes([int(text[3:5], 16)])
    return (text.replace(spaces, " ") if spaces else text).encode()


def _byte_letters() -> dict[str, int]:
    """GPT-2's one letter per byte: printable Latin-1 stands for itself, the rest for the letters from 256 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_letters()
