"""Compiling: every constraint's texts match it, what cannot be used is refused at once, hostile input stays bounded."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import suppress

import jsonschema
import numpy as np
import pytest

from flexserve_core.errors import InvalidRequestError, StructuredOutputError
from flexserve_core.structure.constraint import as_structured
from flexserve_core.structure.grammar import Grammars

SCHEMAS = {
    "person": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "maximum": 130},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    "list": {
        "type": "array",
        "items": {"enum": ["red", "grün", "诗", "😀", None, 3]},
        "minItems": 1,
        "maxItems": 4,
    },
    "tree": {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "v": {"type": "boolean"},
                    "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]},
                },
                "required": ["v", "next"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/node",
    },
    "numbers": {
        "type": "object",
        "properties": {
            "x": {"type": "number", "minimum": -1.5, "maximum": 2},
            "when": {"type": "string", "pattern": "^20[0-9]{2}-[01][0-9]$"},
        },
        "required": ["x", "when"],
        "additionalProperties": False,
    },
}


def sample(grammars, tokenizer, constraint, seed, most=400):
    """A random text of a grammar, or None when it does not end within `most` tokens; short tokens are preferred."""
    guide = grammars.compile(as_structured(constraint)).guide(frozenset({tokenizer.eos_id}))
    rng, ids = np.random.default_rng(seed), []
    while not (guide.ended or guide.complete):
        allowed = np.flatnonzero(guide.mask())
        token = (
            tokenizer.eos_id
            if tokenizer.eos_id in allowed and rng.random() < 0.5
            else int(rng.choice(allowed))
        )
        guide.advance(token)
        ids.append(token)
        if len(ids) > most:
            return None
    tokens = grammars._bridge[1].tokens
    return b"".join(tokens[token] for token in ids).decode()


@pytest.mark.parametrize("name", SCHEMAS)
def test_random_texts_of_a_schema_are_valid(grammars, tokenizer, name):
    schema = SCHEMAS[name]
    texts = [sample(grammars, tokenizer, {"json_schema": schema}, seed) for seed in range(8)]
    finished = [text for text in texts if text is not None]
    assert len(finished) >= 4
    for text in finished:
        jsonschema.validate(json.loads(text), schema)


def test_random_texts_of_the_others_match(grammars, tokenizer):
    texts = [sample(grammars, tokenizer, {"json_object": True}, seed, most=2000) for seed in range(4)]
    assert all(isinstance(json.loads(text), dict) for text in texts if text is not None)
    assert any(text is not None for text in texts)
    for seed in range(8):
        regex = r"(?:[A-C][0-9]{1,3}|é+)(?:-[^\x00-\x7f]{2})?"
        assert re.fullmatch(regex, sample(grammars, tokenizer, {"regex": regex}, seed))
        choice = ["yes", "no", "诗人", 'a"b\\c\n\x7fd', "</s> %json {} /a/"]
        assert sample(grammars, tokenizer, {"choice": choice}, seed) in choice


@pytest.mark.parametrize(
    "grammar",
    [
        'start: "(" start ")" | /[0-9]{1,2}/',
        'root ::= "(" root ")" | [0-9] [0-9]?',
        "%import common.INT\nstart: INT",
    ],
)
def test_lark_and_ebnf(grammars, tokenizer, grammar):
    for seed in range(6):
        text = sample(grammars, tokenizer, {"grammar": grammar}, seed)
        bare = text.strip("()")
        assert bare.isdigit()
        assert text.count("(") == text.count(")")


REFUSED = {
    "references in a circle": {
        "json_schema": {
            "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
            "$ref": "#/$defs/a",
        }
    },
    "another document": {"json_schema": {"$ref": "http://example.com/schema.json"}},
    "an unknown keyword": {"json_schema": {"type": "array", "uniqueItems": True}},
    "a contradiction": {"json_schema": {"type": "string", "enum": [1]}},
    "look-ahead": {"regex": "a(?=b)"},
    "brackets": {"regex": "(a"},
    "no text": {"regex": "[^\\s\\S]"},
    "too deep a regex": {"regex": "(" * 2000 + "a" + ")" * 2000},
    "too deep a grammar": {"grammar": "start: " + "(" * 8000 + '"a"' + ")" * 8000},
    "an undefined rule": {"grammar": "start: foo"},
    "no grammar": {"grammar": "\x00"},
    "token ids": {"grammar": 'start: <[5]> "a"'},
    "control tokens": {"grammar": 'start: <|im_end|> "a"'},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_at_once(tokenizers, case):
    tokenizer = tokenizers("byte-level")
    grammars = Grammars(tokenizer, len(tokenizer.vocabulary()))
    [name] = REFUSED[case]
    with pytest.raises(InvalidRequestError) as caught:
        grammars.compile(as_structured(REFUSED[case]))
    assert caught.value.field == f"structured.{name}"
    assert len(str(caught.value)) < 800


def test_a_vocabulary_without_the_letters_is_refused(letters_bench):
    grammars = Grammars(letters_bench.loaded.tokenizer, letters_bench.loaded.vocab_size)
    with pytest.raises(InvalidRequestError, match="no token of this vocabulary"):
        grammars.compile(as_structured({"json_object": True}))
    assert grammars.compile(as_structured({"regex": "[a-z]+"}))


HOSTILE = {
    "repetitions of repetitions": {"regex": "((a{1,1000}){1,1000}){1,1000}"},
    "a determinised explosion": {"regex": "(a|b)*a(a|b){300}"},
    "an ambiguous grammar": {"grammar": "start: s\ns: s s s | s s | /a+/ | /a*b?/"},
    "many large lexemes": {
        "grammar": "start: "
        + " | ".join(f"T{i}" for i in range(200))
        + "\n"
        + "\n".join(f"T{i}: /(a|b)*{'ab'[i % 2]}(a|b){{{i}}}/" for i in range(200))
    },
    "long strings": {"json_schema": {"type": "string", "minLength": 100_000, "maxLength": 10**8}},
    "many numbers": {
        "json_schema": {
            "type": "object",
            "properties": {
                f"p{i}": {"type": "integer", "minimum": i * 7, "maximum": 10**15 + i} for i in range(250)
            },
        }
    },
    "many combinations": {
        "json_schema": {
            "type": "integer",
            "allOf": [{"anyOf": [{"minimum": 10 * i + j} for j in range(3)]} for i in range(20)],
        }
    },
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_constraints_are_refused_or_run_within_bounds(tokenizers, case):
    """Never a crash or a hang: compiled and stepped in moderate time, or ended with an error of ours."""
    tokenizer = tokenizers("byte-level")
    grammars = Grammars(tokenizer, len(tokenizer.vocabulary()))
    started = time.monotonic()
    with suppress(InvalidRequestError, StructuredOutputError):
        guide = grammars.compile(as_structured(HOSTILE[case])).guide(frozenset({tokenizer.eos_id}))
        rng = np.random.default_rng(0)
        for _ in range(60):
            allowed = [token for token in np.flatnonzero(guide.mask()) if token != tokenizer.eos_id]
            if not allowed or guide.complete:
                break
            guide.advance(int(rng.choice(allowed)))
    assert time.monotonic() - started < 60, "an unbounded one takes hours; a busy machine some seconds"


@pytest.mark.parametrize("case", ["repetitions of repetitions", "many large lexemes"])
def test_one_text_does_not_use_up_anothers_limits(tokenizers, case):
    """The step at which a grammar becomes too complex is a matter of the text alone: not of others, nor of drafts."""
    tokenizer = tokenizers("byte-level")
    grammars = Grammars(tokenizer, len(tokenizer.vocabulary()))
    grammar = grammars.compile(as_structured(HOSTILE[case]), copies=2)

    def steps(seed, draft):
        guide, rng = grammar.guide(frozenset({tokenizer.eos_id})), np.random.default_rng(seed)
        for step in range(200):
            try:
                allowed = [token for token in np.flatnonzero(guide.mask()) if token != tokenizer.eos_id]
            except StructuredOutputError:
                return step
            if draft:
                with suppress(StructuredOutputError):
                    guide.forced(4)
                    for token in allowed[:50]:
                        guide.num_allowed([int(token)] * 8)
            guide.advance(int(rng.choice(allowed)))
        return None

    alone = [steps(seed, draft=False) for seed in range(3)]
    assert None not in alone
    assert [steps(seed, draft=True) for seed in range(3)] == alone


def test_many_threads_may_compile(tokenizers):
    tokenizer = tokenizers("bytes")
    grammars = Grammars(tokenizer, len(tokenizer.vocabulary()))
    found = {}

    def compile_all(number):
        rng = np.random.default_rng(number)
        for index in rng.permutation(12):
            guide = grammars.compile(as_structured({"regex": f"[a-c]{{{index + 1}}}"})).guide(frozenset())
            length = 0
            while not guide.complete:
                guide.advance(int(rng.choice(np.flatnonzero(guide.mask()))))
                length += 1
            found[number, int(index)] = length

    threads = [threading.Thread(target=compile_all, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {(number, index): index + 1 for number in range(4) for index in range(12)}


def test_without_llguidance_the_error_says_what_to_install(tokenizers, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "llguidance", None)
    tokenizer = tokenizers("bytes")
    with pytest.raises(InvalidRequestError, match="pip install llguidance"):
        Grammars(tokenizer, len(tokenizer.vocabulary())).compile(as_structured({"regex": "a"}))
