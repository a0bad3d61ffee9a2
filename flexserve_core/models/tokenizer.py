"""The tokenizer as the engine sees it: text to ids, chats to ids, ids to text.

Wraps transformers' tokenizer. Chat templates come from the model folder only and are rendered in transformers'
sandbox. Text of a chat message can never become a control token. Knows nothing of requests or limits.
"""

from __future__ import annotations

import copy
import secrets
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from flexserve_core.errors import InvalidRequestError, ModelError
from flexserve_core.models.catalog import ModelSource

Message = Mapping[str, Any]
_ROLES = ("system", "user", "assistant", "tool")
_REMEMBERED = 16_384  # short texts: a common token, or two in a row, are decoded again and again


class Tokenizer:
    """`hf` is the transformers tokenizer underneath."""

    def __init__(self, hf: Any) -> None:
        self.hf = hf
        self._literal: Any = None  # reads special tokens' text as plain text; made when first needed
        self._literal_lock = threading.Lock()
        self._backend: Any = hf.backend_tokenizer if _decodes_plainly(hf) else None
        self.special_ids = frozenset(hf.all_special_ids)
        self._text_of = lru_cache(_REMEMBERED)(self._decode_whole)
        self._special_texts = tuple(
            sorted(
                {str(token) for token in [*hf.all_special_tokens, *hf.get_added_vocab()]},
                key=len,
                reverse=True,
            )
        )

    @classmethod
    def load(
        cls, source: ModelSource, revision: str | None = None, cache_dir: str | None = None
    ) -> Tokenizer:
        try:
            hf = AutoTokenizer.from_pretrained(
                source.location,
                revision=revision,
                cache_dir=cache_dir,
                trust_remote_code=False,
                local_files_only=source.offline,
            )
        except Exception as error:  # transformers raises many kinds for a broken or missing tokenizer
            raise ModelError(
                source.name, f"its tokenizer cannot be loaded ({error})", "The folder needs a tokenizer.json."
            ) from error
        return cls(hf)

    @property
    def has_chat_template(self) -> bool:
        return bool(getattr(self.hf, "chat_template", None))

    @property
    def eos_id(self) -> int | None:
        return self.hf.eos_token_id

    def vocabulary(self) -> dict[str, int]:
        return self.hf.get_vocab()

    def encode(self, text: str) -> list[int]:
        """Ids of a raw prompt, with the special tokens the tokenizer adds by itself (BOS, for many models)."""
        return list(self.hf(text, add_special_tokens=True)["input_ids"])

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        if self._backend is not None:  # the same text in a third of the time, which every token pays
            return self._backend.decode(list(ids), skip_special_tokens=skip_special_tokens)
        return self.hf.decode(
            list(ids), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
        )

    def text_of(self, ids: Sequence[int]) -> str:
        """`decode` of a few tokens, special ones too, which is remembered."""
        return self._text_of(tuple(ids))

    def _decode_whole(self, ids: tuple[int, ...]) -> str:
        return self.decode(ids, skip_special_tokens=False)

    def render_chat(self, messages: Sequence[Message]) -> str:
        """The prompt text of a conversation, ready for the assistant's turn."""
        if not self.has_chat_template:
            raise InvalidRequestError(
                "messages",
                f"{len(messages)} messages",
                "this model has no chat template",
                "Send plain text as `prompt`, or serve a chat model.",
            )
        try:
            return self.hf.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template may raise anything, and means the messages by it
            raise InvalidRequestError(
                "messages",
                [message.get("role") for message in messages],
                f"the model's chat template refuses them ({error})",
                "Check roles and their order.",
            ) from error

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """Ids of a conversation. Control tokens come from the template alone, never from a message's text."""
        self._refuse_control_text_beside_content(messages)
        contents = [str(message.get("content", "")) for message in messages]
        if not any(special in content for content in contents for special in self._special_texts):
            return list(self.hf(self.render_chat(messages), add_special_tokens=False)["input_ids"])
        return self._encode_guarded(messages, contents)

    def _refuse_control_text_beside_content(self, messages: Sequence[Message]) -> None:
        """A role, or whatever else a template may print, cannot be encoded apart from the template's own text."""
        telling = [special for special in self._special_texts if special.strip()]  # some are runs of spaces
        for index, message in enumerate(messages):
            for key, value in message.items():
                if key == "content" or value in _ROLES:
                    continue
                if any(special in str(value) for special in telling):
                    raise InvalidRequestError(
                        f"messages[{index}].{key}",
                        value,
                        "only `content` may hold the text of a control token",
                        "Leave it out.",
                    )

    def _encode_guarded(self, messages: Sequence[Message], contents: Sequence[str]) -> list[int]:
        """Render with unguessable marks in place of the texts, then encode texts and template apart."""
        marks = [f"\u27e8{secrets.token_hex(16)}\u27e9" for _ in contents]
        marked = [{**message, "content": mark} for message, mark in zip(messages, marks, strict=True)]
        rest, ids = self.render_chat(marked), []
        for mark, content in zip(marks, contents, strict=True):
            before, found, rest = rest.partition(mark)
            ids += self.hf(before, add_special_tokens=False)["input_ids"]
            if found:
                ids += self._encode_literally(content)
        return ids + self.hf(rest, add_special_tokens=False)["input_ids"]

    def _encode_literally(self, text: str) -> list[int]:
        """Ids of `text` without any control token. On a copy: the switch is state of the tokenizer, and other
        threads are using it."""
        with self._literal_lock:
            if self._literal is None:
                self._literal = copy.deepcopy(self.hf)
            return list(self._literal(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _decodes_plainly(hf: Any) -> bool:
    """Whether its `decode` adds nothing to the tokenizers library's own, but for cleaning up, which nobody asks for."""
    methods = ("decode", "_decode")
    return isinstance(hf, PreTrainedTokenizerFast) and all(
        getattr(type(hf), name) is getattr(PreTrainedTokenizerFast, name) for name in methods
    )
