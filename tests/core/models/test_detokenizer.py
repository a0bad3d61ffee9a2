"""Pieces of text while tokens arrive: together they are the whole text, and no character is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.models.detokenizer import Detokenizer
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.testing import write_tiny_model


@pytest.fixture(scope="module")
def tokenizer(bench):
    """Byte-level: one token a byte."""
    return bench.loaded.tokenizer


def pieces_of(tokenizer, prompt, ids, skip_special_tokens=True):
    detokenizer = Detokenizer(tokenizer, prompt, skip_special_tokens)
    return [*(detokenizer.push(token) for token in ids), detokenizer.finish()]


TEXTS = [
    "Hello, world",
    "naïve café",
    "明月几时有，把酒问青天",
    "👩‍👩‍👧‍👦 and 🇩🇪!",
    "a\n\n\tb",
    "Ελλάδα 10€",
    "\ufffd real",
]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_the_text_and_characters_stay_whole(tokenizer, text):
    prompt, ids = tokenizer.encode("start "), tokenizer.encode(text)
    pieces = pieces_of(tokenizer, prompt, ids)
    assert "".join(pieces) == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)
        shown = ""
        for index, piece in enumerate(pieces[:-1]):  # everything finished is shown at once
            shown += piece
            assert shown == bytes_of(tokenizer, ids[: index + 1]).decode("utf-8", errors="ignore")


def bytes_of(tokenizer, ids):
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = {letter: byte for byte, letter in bytes_to_unicode().items()}
    return bytes(letters[symbol] for symbol in tokenizer.hf.convert_ids_to_tokens(ids))


@given(st.lists(st.integers(0, 255), max_size=40))
def test_any_bytes(tokenizer_ids):
    tokenizer, ids = _TOKENIZER[0], tokenizer_ids
    assert "".join(pieces_of(tokenizer, [65], ids)) == tokenizer.decode(ids)


_TOKENIZER: list[Tokenizer] = []


@pytest.fixture(autouse=True)
def _keep(tokenizer):
    _TOKENIZER[:] = [tokenizer]  # hypothesis and fixtures: the tokenizer never changes


def test_special_tokens_are_skipped_or_shown(tokenizer):
    eos = tokenizer.eos_id
    ids = [*tokenizer.encode("ab"), eos, *tokenizer.encode("c")]
    assert "".join(pieces_of(tokenizer, [], ids)) == "abc"
    assert "".join(pieces_of(tokenizer, [], ids, skip_special_tokens=False)) == "ab<eos>c"


def test_broken_bytes_are_not_held_for_ever(tokenizer):
    lead = bytes_token(tokenizer, 0xF0)
    pieces = pieces_of(tokenizer, [], [lead] * 40)
    assert "".join(pieces) == tokenizer.decode([lead] * 40)
    assert any(pieces[:-1])


def bytes_token(tokenizer, byte):
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return tokenizer.vocabulary()[bytes_to_unicode()[byte]]


def test_the_prompt_s_last_tokens_give_context(shared_model):
    """A leading space of a word belongs to the completion, not to the prompt."""
    from flexserve_core.models.catalog import resolve

    tokenizer = Tokenizer.load(resolve(str(shared_model("stories260K"))))
    whole = tokenizer.encode("Once upon a time, there was a little girl")
    for cut in range(2, len(whole)):
        text = tokenizer.decode(whole[:cut]) + "".join(pieces_of(tokenizer, whole[:cut], whole[cut:]))
        assert text == tokenizer.decode(whole)


def test_chinese_characters_of_a_trained_tokenizer(shared_model):
    from flexserve_core.models.catalog import resolve

    tokenizer = Tokenizer.load(resolve(str(shared_model("zh-poem-750K"))))
    ids = tokenizer.encode("江上春云起，江南水僻春。")
    prompt = tokenizer.encode("主题：明月 体裁：五绝\n")
    start = 1 if ids[0] in tokenizer.special_ids else 0
    pieces = pieces_of(tokenizer, prompt, ids[start:])
    assert "".join(pieces).strip() == "江上春云起，江南水僻春。"
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_small_alphabet(tmp_path):
    from flexserve_core.models.catalog import resolve

    tokenizer = Tokenizer.load(resolve(str(write_tiny_model(tmp_path, alphabet="abc"))))
    assert "".join(pieces_of(tokenizer, [], tokenizer.encode("abcba"))) == "abcba"
