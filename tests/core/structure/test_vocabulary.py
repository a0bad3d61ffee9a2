"""A token's bytes are what the tokenizer decodes it to, also where a character is spread over tokens."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from flexserve_core.errors import InvalidRequestError
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.structure import vocabulary as module
from flexserve_core.structure.vocabulary import Vocabulary

TEXTS = ["Once upon a time, Lily said: ", '{"a": [1, 2.5e3]}\n\t', "naïve café", "诗 and 😀"]


def of(tokenizer, padding=0):
    return Vocabulary.of(tokenizer, max(tokenizer.vocabulary().values()) + 1 + padding)


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_of_an_encoded_text_are_the_text(tokenizer, text):
    vocabulary = of(tokenizer)
    ids = vocabulary.encode(text)
    spelled = b"".join(vocabulary.tokens[token] for token in ids).decode()
    assert spelled.removeprefix(" ") == text, "sentencepiece puts a space in front"
    assert all(vocabulary.ordinary[token] for token in ids)


def test_control_tokens_and_padding_are_no_text(tokenizer):
    vocabulary = of(tokenizer, padding=3)
    for token in {*tokenizer.special_ids, *range(vocabulary.size - 3, vocabulary.size)}:
        assert vocabulary.tokens[token] == b""
        assert not vocabulary.ordinary[token]
    assert vocabulary.ordinary.sum() > 250


def built(vocab, decoder, **options):
    backend = Backend(models.BPE(vocab, [], **options))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoder
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>"))


def test_added_tokens_are_spelled_as_they_are():
    tokenizer = built({"a": 0, "▁b": 1, "<eos>": 2}, decoders.Metaspace())
    tokenizer.hf.add_tokens(["k é"])
    assert of(tokenizer).tokens == (b"a", b" b", b"", "k é".encode())


@pytest.mark.parametrize("decoder", [decoders.WordPiece(), decoders.CTC()])
def test_another_kind_of_tokenizer_is_refused(decoder):
    with pytest.raises(InvalidRequestError, match="cannot be read as bytes"):
        of(built({"a": 0, "##b": 1, "<eos>": 2}, decoder))


def test_a_table_that_disagrees_with_the_tokenizer_is_refused(tokenizers, monkeypatch):
    monkeypatch.setattr(module, "_byte_level", lambda text: text.encode())  # "Ġ" for a space
    with pytest.raises(InvalidRequestError, match="decodes to"):
        of(tokenizers("byte-level"))
