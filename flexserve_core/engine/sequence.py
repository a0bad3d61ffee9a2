"""One running completion: its tokens, what is cached of them, and how it ends.

`take` is the only way a token enters, one at a time and in order, whether it came from plain decoding or from the
middle of an accepted path; so EOS, stop strings and length end a speculated completion exactly where they would end a
plain one. Knows nothing of models, trees or schedules.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence as Many

import numpy as np

from flexserve_core.engine.stop import Released, StopStrings
from flexserve_core.kv.blocks import BlockTable
from flexserve_core.models.detokenizer import Detokenizer
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.sampling.logprobs import PromptLogprobs, token_logprob
from flexserve_core.sampling.mss import Drawn, choose_among
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import History, edit_logits, is_plain_greedy, warp
from flexserve_core.types import (
    Chunk,
    Completion,
    FinishReason,
    Request,
    SpeculationStats,
    Timings,
    TokenLogprob,
)


class Sequence:
    """Choice `index` of `request`. `key` is unique in the engine; `arrival_s` is on the monotonic clock."""

    def __init__(
        self,
        key: int,
        request: Request,
        index: int,
        tokenizer: Tokenizer,
        eos_token_ids: frozenset[int],
        arrival_s: float,
    ) -> None:
        self.key = key
        self.request = request
        self.index = index
        self.tokens: list[int] = list(request.prompt_token_ids)
        self.num_cached = 0
        self._num_found = 0  # prompt tokens found in the prefix cache
        self.table: BlockTable | None = None  # set while admitted
        self.preemptions = 0  # times it had to give its memory back
        self.overtaken = 0  # later sequences that were admitted before it, as it did not fit
        self.finish_reason: FinishReason | None = None
        self.error: str | None = None
        self.noise = KeyedNoise(request.sampling.seed or 0, index)
        assert (request.grammar is None) == (request.sampling.structured is None)
        self.guide = None if request.grammar is None else request.grammar.guide(eos_token_ids)
        self._stop_reason: int | str | None = None
        self._tokenizer = tokenizer
        self._eos = eos_token_ids
        self._stop_ids = frozenset(request.sampling.stop_token_ids)
        self._history = History(frozenset(request.prompt_token_ids))
        self._detokenizer = Detokenizer(
            tokenizer, request.prompt_token_ids, request.sampling.skip_special_tokens
        )
        self._stops = StopStrings(request.sampling.stop, request.sampling.include_stop_str_in_output)
        self._texts: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._prompt_logprobs: PromptLogprobs | None = None  # the first choice's, for all of them
        if request.sampling.prompt_logprobs is not None and index == 0:
            top = request.sampling.prompt_logprobs
            self._prompt_logprobs = PromptLogprobs(request.prompt_token_ids, top, self._text_of)
        self._sent = (0, 0, 0)  # tokens, texts and log-probs already in a chunk
        self._arrival_s = arrival_s
        timeout_s = request.sampling.timeout_s
        self.deadline_s = math.inf if timeout_s is None else arrival_s + timeout_s
        self._admitted_s = self._first_token_s = arrival_s
        self._llm_steps = self._draft_steps = self._drafted = self._accepted = 0
        self._per_depth: Counter[int] = Counter()

    @property
    def num_prompt(self) -> int:
        return len(self.request.prompt_token_ids)

    @property
    def num_generated(self) -> int:
        return len(self.tokens) - self.num_prompt

    @property
    def num_pending(self) -> int:
        """Tokens whose keys are not cached yet; 1 while decoding."""
        return len(self.tokens) - self.num_cached

    @property
    def max_tokens(self) -> int:
        """Length of the longest text this sequence can become."""
        assert self.request.sampling.max_new_tokens is not None
        return self.num_prompt + self.request.sampling.max_new_tokens

    @property
    def needs_logits_on_host(self) -> bool:
        """False when the device's argmax of the raw logits is all that is needed."""
        sampling = self.request.sampling
        return not is_plain_greedy(sampling) or sampling.logprobs is not None or self.guide is not None

    @property
    def reads_cache(self) -> bool:
        """False while its prompt's log-probs are wanted: what is found in a cache has no logits."""
        return self._prompt_logprobs is None or self._prompt_logprobs.complete

    def prompt_rows(self, num_rows: int) -> range:
        """Positions, of the next `num_rows`, whose logits `take_prompt_logits` waits for; never the last token's."""
        if self._prompt_logprobs is None:
            return range(0)
        return self._prompt_logprobs.wanted(self.num_cached, self.num_cached + num_rows)

    def take_prompt_logits(self, logits: np.ndarray) -> None:
        """logits: float32 [n, vocab], raw, of `prompt_rows`."""
        assert self._prompt_logprobs is not None
        self._prompt_logprobs.add(logits)

    def prompt_logprobs(self) -> tuple[TokenLogprob | None, ...] | None:
        return None if self._prompt_logprobs is None else self._prompt_logprobs.result()

    def admitted(self, table: BlockTable, num_cached: int) -> None:
        """num_cached: tokens of the text whose keys were left in the table by another sequence, or by itself."""
        self.table = table
        self.num_cached = num_cached
        if not self.preemptions:
            self._num_found = num_cached
            self._admitted_s = time.monotonic()

    def preempted(self) -> None:
        """Its memory is gone; the text stays and is computed again.

        Nothing else is lost: row invariance gives the same keys again, and noise is keyed by position."""
        self.num_cached = 0
        self.preemptions += 1

    def next_token(self, logits: np.ndarray, drawn: Many[Drawn] = ()) -> int:
        """The token this request takes after its current text; logits: float32 [vocab], raw.

        drawn: what was drafted here, when verification="mss". Without it the text does not depend on drafts.
        StructuredOutputError when its grammar cannot go on."""
        sampling = self.request.sampling
        scores = edit_logits(logits, sampling, self._history, self.num_generated, self._eos)
        if self.guide is not None:
            scores[~self.guide.mask()] = -np.inf
        token = choose_among(warp(scores, sampling), drawn, self.noise, len(self.tokens))
        if sampling.logprobs is not None:
            self._logprobs.append(token_logprob(logits, token, sampling.logprobs, self._text_of))
        return token

    def take(self, token: int) -> None:
        """Append a token and see whether the completion ends with it."""
        assert self.finish_reason is None
        if not self.num_generated:
            self._first_token_s = time.monotonic()
        if self.guide is not None:
            self.guide.advance(token)
        self.tokens.append(token)
        self._history.add(token)
        sampling = self.request.sampling
        is_stop = (token in self._eos and not sampling.ignore_eos) or token in self._stop_ids
        if is_stop and self.num_generated > sampling.min_tokens:
            self._end(FinishReason.STOP, token if token in self._stop_ids else None, token)
            return
        text = self._detokenizer.push(token)
        # as in vLLM, text before min_tokens is no part of a stop string
        released = self._stops.push(text) if self.num_generated >= sampling.min_tokens else Released(text)
        self._texts.append(released.text)
        if released.stopped_by is not None:
            self.finish_reason, self._stop_reason = FinishReason.STOP, released.stopped_by
        elif self.guide is not None and self.guide.complete:
            self._end(FinishReason.STOP, None, None)
        elif len(self.tokens) >= self.max_tokens:
            self._end(FinishReason.LENGTH, None, None)

    def _end(self, reason: FinishReason, stop_reason: int | str | None, stop_token: int | None) -> None:
        """Flush what was held; a stop token's own text is shown only when special tokens are asked for."""
        tail = "" if stop_token is None else self._shown_stop_token(stop_token)
        released = self._stops.push(tail + self._detokenizer.finish())
        self.finish_reason, self._stop_reason = reason, stop_reason
        if released.stopped_by is not None:
            self.finish_reason, self._stop_reason = FinishReason.STOP, released.stopped_by
        self._texts += [released.text, self._stops.finish()]

    def _shown_stop_token(self, token: int) -> str:
        sampling = self.request.sampling
        shown = sampling.include_stop_str_in_output or not sampling.skip_special_tokens
        return self._detokenizer.push(token) if shown else ""

    def cancel(self, reason: FinishReason) -> None:
        """End from outside (abort, error). Idempotent."""
        if self.finish_reason is None:
            self._end(reason, None, None)

    def fail(self, error: Exception) -> None:
        """End because this sequence's own computation failed."""
        self.error = f"{type(error).__name__}: {error}"
        self.finish_reason = FinishReason.ERROR

    def count_step(self, drafted: int, depth_accepted: int) -> None:
        """Note one LLM step that produced tokens of this sequence."""
        self._llm_steps += 1
        self._draft_steps += drafted > 0
        self._drafted += drafted
        self._accepted += depth_accepted
        self._per_depth.update(range(depth_accepted))

    def _text_of(self, token: int) -> str:
        return self._tokenizer.decode([token], skip_special_tokens=False)

    def chunk(self) -> Chunk:
        """What is new since the last chunk; carries the completion once the sequence has ended."""
        tokens, texts, logprobs = self._sent
        wants_logprobs = self.request.sampling.logprobs is not None
        self._sent = (self.num_generated, len(self._texts), len(self._logprobs))
        return Chunk(
            request_id=self.request.request_id,
            index=self.index,
            text="".join(self._texts[texts:]),
            token_ids=tuple(self.tokens[self.num_prompt + tokens :]),
            logprobs=tuple(self._logprobs[logprobs:]) if wants_logprobs else None,
            completion=self._completion() if self.finish_reason else None,
        )

    def _completion(self) -> Completion:
        assert self.finish_reason is not None
        return Completion(
            index=self.index,
            text="".join(self._texts),
            token_ids=tuple(self.tokens[self.num_prompt :]),
            finish_reason=self.finish_reason,
            stop_reason=self._stop_reason,
            logprobs=tuple(self._logprobs) if self.request.sampling.logprobs is not None else None,
            cached_prompt_tokens=self._num_found,
            preemptions=self.preemptions,
            speculation=SpeculationStats(
                llm_steps=self._llm_steps,
                generated_tokens=self.num_generated,
                draft_steps=self._draft_steps,
                drafted_tokens=self._drafted,
                accepted_tokens=self._accepted,
                accepted_per_depth=tuple(self._per_depth[d] for d in range(len(self._per_depth))),
            ),
            timings=Timings(
                queued_s=self._admitted_s - self._arrival_s,
                first_token_s=self._first_token_s - self._arrival_s,
                total_s=time.monotonic() - self._arrival_s,
            ),
        )
