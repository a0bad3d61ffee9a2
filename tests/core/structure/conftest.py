"""Tokenizers of three kinds, each with its compiler: single bytes, byte-level BPE, sentencepiece with byte fallback."""

from __future__ import annotations

import pytest

from flexserve_core.config import DEMO_MODEL
from flexserve_core.models.catalog import resolve
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.structure.grammar import Grammars
from flexserve_core.types import StructuredOutput

KINDS = ("bytes", "byte-level", "sentencepiece")


@pytest.fixture(scope="session")
def tokenizers(tiny_pair, shared_model):
    """A function from one of KINDS to a tokenizer; skips where a shared model is absent."""
    known = {}

    def find(kind):
        if kind not in known:
            places = {"bytes": lambda: tiny_pair[0], "byte-level": lambda: DEMO_MODEL}
            place = places.get(kind, lambda: shared_model("stories260K"))()
            known[kind] = Tokenizer.load(resolve(str(place)))
        return known[kind]

    return find


@pytest.fixture(params=KINDS)
def tokenizer(request, tokenizers):
    return tokenizers(request.param)


@pytest.fixture
def grammars(tokenizer):
    """Of a model whose vocabulary is padded a little, as many are."""
    grammars = Grammars(tokenizer, max(tokenizer.vocabulary().values()) + 4)
    grammars.compile(StructuredOutput(regex="a"))  # reads the vocabulary
    return grammars
