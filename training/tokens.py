"""Text to ids: the byte-level BPE tokenizer with its chat template, and documents packed into training rows.

A dialogue reads ``<|begin|><|system|>S<|end|><|user|>U<|end|><|assistant|>A<|end|>...``, a raw text
``<|begin|>T<|end|>``. Any UTF-8 text survives the round trip, and a digit is always a token of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from training.corpus import document, documents
from training.corpus.dialogue import Document

VOCABULARY = 1536
BEGIN, END, SYSTEM, USER, ASSISTANT, PAD = SPECIAL = (
    "<|begin|>",
    "<|end|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|pad|>",
)
USER_WEIGHT = 0.1  # the model need not learn to ask
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('role must be system, user or assistant, not ' ~ message['role']) }}{% endif %}"
    "{{ '<|' ~ message['role'] ~ '|>' ~ message['content'] ~ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def _texts(corpus: Iterable[Document]) -> Iterator[str]:
    for item in corpus:
        yield from (part for part in (item.text, item.system) if part)
        for turn in item.exchanges:
            yield turn.user
            yield turn.assistant


def train_tokenizer(seed: int, count: int = 20000, vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A tokenizer of exactly `vocabulary` entries from the first `count` documents of the corpus."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
    )
    tokenizer.train_from_iterator(_texts(islice(documents(f"tokenizer/{seed}"), count)), trainer)
    if tokenizer.get_vocab_size() != vocabulary:
        raise ValueError(
            f"vocabulary: {count} documents gave {tokenizer.get_vocab_size()} tokens, not {vocabulary}"
        )
    return _wrapped(tokenizer)


def _wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A $B", special_tokens=[(BEGIN, begin)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
        padding_side="left",
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer saved in a model folder."""
    return PreTrainedTokenizerFast.from_pretrained(folder)


@dataclass(frozen=True)
class Rows:
    """Packed rows: `ids` int64 [R, L+1]; `weights` float32 [R, L] of the predicted tokens `ids[:, 1:]`."""

    ids: torch.Tensor
    weights: torch.Tensor


class Packer:
    """Fills rows with whole documents, the last one cut; a batch is a pure function of (seed, step).

    With `split` above 1, all steps but every fourth have `split` times as many rows of a `split`-th of the length:
    most documents are short, and a short row teaches sooner what in it belongs together.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int, rows: int, length: int, split: int = 1):
        self._backend = tokenizer.backend_tokenizer
        self._special = {text: tokenizer.get_vocab()[text] for text in SPECIAL}
        self.seed, self.rows, self.length, self.split = seed, rows, length, split

    def batch(self, step: int) -> Rows:
        """The rows of one step."""
        rng = Random(f"{self.seed}/{step}")
        split = 1 if step % 4 == 0 else self.split
        drawn = [self._row(rng, self.length // split) for _ in range(self.rows * split)]
        ids, weights = zip(*drawn, strict=True)
        return Rows(torch.tensor(ids), torch.tensor(weights)[:, 1:])

    def _row(self, rng: Random, length: int) -> tuple[list[int], list[float]]:
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) <= length:
            more, heavy = self.encode(document(rng))
            ids += more
            weights += heavy
        return ids[: length + 1], weights[: length + 1]

    def encode(self, item: Document) -> tuple[list[int], list[float]]:
        """One document as ids and as the weight of predicting each of them."""
        special = self._special
        if item.text:
            body = self._plain(item.text)
            return [special[BEGIN], *body, special[END]], [0.0] + [1.0] * (len(body) + 1)
        ids, weights = [special[BEGIN]], [0.0]
        turns = [(SYSTEM, item.system, USER_WEIGHT)] if item.system else []
        for turn in item.exchanges:
            turns += [(USER, turn.user, USER_WEIGHT), (ASSISTANT, turn.assistant, 1.0)]
        for role, text, weight in turns:
            body = self._plain(text)
            ids += [special[role], *body, special[END]]
            weights += [0.0] + [weight] * (len(body) + 1)
        return ids, weights

    def _plain(self, text: str) -> list[int]:
        return self._backend.encode(text, add_special_tokens=False).ids
