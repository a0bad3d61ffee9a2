"""Compiles constraints against one vocabulary, in the caller's thread, within limits.

Compiler and masks are llguidance's. Its `no_forcing` is always on: a mask is then every token whose bytes the grammar
allows, a function of the text so far and of nothing else. Copies of a matcher share a lexer that grows, so every
completion gets matchers compiled for it alone, and nothing compiled is kept. Knows nothing of requests or engines.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flexserve_core.errors import InvalidRequestError, StructuredOutputError
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.structure.guide import Guide
from flexserve_core.structure.vocabulary import Vocabulary, unsupported
from flexserve_core.types import StructuredOutput

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

_MAX_LEXER_STATES = 50_000  # about 1 to 2 kB each
_OPTIONS = '%llguidance {"no_forcing": true}'
# JSON comes on one line, with a space or none behind commas and colons: small models write white space for ever where a
# grammar lets them, and less choice between the values means more forced tokens.
_LAYOUT = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


class Grammar:
    """One constraint, compiled; each completion gets its own guide of it."""

    def __init__(self, new: Callable[[], LLMatcher], vocabulary: Vocabulary, ready: list[LLMatcher]) -> None:
        self._new = new
        self._vocabulary = vocabulary
        self._ready = ready

    def guide(self, eos_token_ids: frozenset[int]) -> Guide:
        """At the beginning of a text. eos_token_ids: allowed where the text may end."""
        return Guide(self._fresh, self._vocabulary, eos_token_ids)

    def _fresh(self) -> LLMatcher:
        try:
            return self._ready.pop()
        except IndexError:
            return self._new()


class Grammars:
    """The compiler of one engine. Threads may share it; nothing is built before it is first used."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._lock = threading.Lock()
        self._bridge: tuple[LLTokenizer, Vocabulary] | None = None

    def compile(self, constraint: StructuredOutput, copies: int = 1) -> Grammar:
        """constraint: as `as_structured` returns it. InvalidRequestError when it cannot be used with this model.

        copies: how many matchers to have ready; a guide takes one, and one more where drafts are looked at."""
        with self._lock:
            tokenizer, vocabulary = self._bridge = self._bridge or _bridge(self._tokenizer, self._vocab_size)
        name, source = _source(constraint)

        def new() -> LLMatcher:
            return _matcher(source, tokenizer)

        ready = [new() for _ in range(copies)]
        if ready[-1].is_error():
            told = _first_lines(ready[-1].get_error())
            raise _refused(name, constraint, f"it cannot be compiled: {told}")
        try:  # what no text can match, or is too much for one step, is told here and not in the middle of a batch
            Guide(new, vocabulary, frozenset()).mask()
        except StructuredOutputError as error:
            raise _refused(name, constraint, f"no text can be begun with it: {error}") from error
        return Grammar(new, vocabulary, ready)


def _bridge(tokenizer: Tokenizer, vocab_size: int) -> tuple[LLTokenizer, Vocabulary]:
    """llguidance's view of the vocabulary; one token more than it has means the end of the text."""
    try:
        from llguidance import LLTokenizer
    except ImportError as error:
        raise InvalidRequestError(
            "structured", "a constraint", f"llguidance cannot be loaded ({error})", "pip install llguidance"
        ) from error

    vocabulary = Vocabulary.of(tokenizer, vocab_size)
    try:
        return LLTokenizer(_Wrapper(vocabulary), n_vocab=vocab_size + 1), vocabulary  # type: ignore[arg-type]
    except ValueError as error:
        raise unsupported(str(error)) from error


class _Wrapper:
    """What llguidance asks of a tokenizer."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        end = vocabulary.size
        self.tokens = [*vocabulary.tokens, b"<end>"]
        self.special_token_ids = [end]
        self.eos_token_id = end
        self._encode = vocabulary.encode

    def __call__(self, text: str | bytes) -> list[int]:
        return self._encode(text.decode(errors="replace") if isinstance(text, bytes) else text)


def _matcher(source: str, tokenizer: LLTokenizer) -> LLMatcher:
    from llguidance import LLMatcher, LLParserLimits

    limits = LLParserLimits(max_lexer_states=_MAX_LEXER_STATES, verbose_errors=False)
    return LLMatcher(tokenizer, LLMatcher.grammar_from_lark(source), limits=limits, log_level=0)


def _source(constraint: StructuredOutput) -> tuple[str, str]:
    """The field that is set, and the constraint in llguidance's dialect of Lark."""
    if constraint.json_object:
        return "json_object", _json_rule({"type": "object"})
    if constraint.json_schema is not None:
        assert isinstance(constraint.json_schema, str)
        return "json_schema", _json_rule(json.loads(constraint.json_schema))
    if constraint.regex is not None:
        return "regex", _regex_rule(constraint.regex)
    if constraint.choice:
        # one terminal, so that a thousand choices are one automaton and not a thousand rules
        texts = " | ".join(_quoted(text) for text in constraint.choice)
        return "choice", f"start: CHOICE\nCHOICE: {texts}\n{_OPTIONS}\n"
    assert constraint.grammar is not None
    return "grammar", f"{_as_lark(constraint.grammar)}\n{_OPTIONS}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )  # raw, Lark's lexer refuses that one


def _json_rule(schema: dict[str, Any]) -> str:
    told = json.dumps({**schema, "x-guidance": _LAYOUT}, ensure_ascii=False)
    return f"start: %json {told}\n{_OPTIONS}\n"


def _regex_rule(regex: str) -> str:
    from llguidance import LLMatcher

    [rule] = json.loads(LLMatcher.grammar_from_regex(regex))["grammars"]
    return f"{rule['lark_grammar']}\n{_OPTIONS}\n"


def _as_lark(grammar: str) -> str:
    from llguidance.gbnf_to_lark import any_to_lark

    try:
        return any_to_lark(grammar)
    except Exception as error:  # a converter written for trusted files raises many kinds
        raise InvalidRequestError(
            "structured.grammar", grammar, f"it is neither Lark nor EBNF ({error})", "Correct it."
        ) from error


def _refused(name: str, constraint: StructuredOutput, limit: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"structured.{name}", getattr(constraint, name), limit, "Correct or simplify it."
    )


def _first_lines(error: str) -> str:
    """An error of the compiler without its copy of the source."""
    lines = [line.strip() for line in error.splitlines() if line.strip() != "<non-verbose/>"]
    told = itertools.takewhile(lambda line: not re.match(r"\d+ \|", line), lines[:4])
    text = " ".join(told)
    return text if len(text) <= 300 else text[:299] + "…"
