"""Exact laws of short texts, for tests that count: of a table of logits, and of a model asked token by token."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np

from flexserve_core.sampling.warp import History, edit_logits, warp
from flexserve_core.testing import run_requests

VOCAB = 4


class Table:
    """A model of VOCAB tokens whose logits depend on the last token alone; row VOCAB: at the beginning."""

    def __init__(self, seed):
        self._logits = np.random.default_rng(seed).normal(scale=1.2, size=(VOCAB + 1, VOCAB))

    def candidates(self, text, params):
        history = History(frozenset(), Counter(text))
        row = self._logits[text[-1] if text else VOCAB]
        return warp(edit_logits(row, params, history, len(text)), params)

    def law(self, params, length=3):
        """Text → probability."""
        law = {}
        for text in product(range(VOCAB), repeat=length):
            probability = 1.0
            for index, token in enumerate(text):
                found = self.candidates(text[:index], params)
                probability *= float(np.exp(found.log_probs[found.ids == token]).sum())
            law[text] = probability
        return law


def engine_law(bench, request, length):
    """Exact law of a request's first tokens, from the model's log-probabilities by plain forwards.

    No repetition penalty: that one looks at the sign of a logit, which log-probabilities have lost."""

    def step(text):
        ids = [*request.prompt_token_ids, *text]
        plain = bench.request(ids, max_new_tokens=1, logprobs=bench.loaded.vocab_size, request_id="x")
        [token] = run_requests(bench.engine(), [plain]).results["x"].choices[0].logprobs
        logits = np.full(bench.loaded.vocab_size, -np.inf)
        for index, _, log_prob in token.top:
            logits[index] = log_prob
        history = History(frozenset(request.prompt_token_ids), Counter(text))
        return warp(edit_logits(logits, request.sampling, history, len(text)), request.sampling)

    law = {(): 1.0}
    for _ in range(length):
        law = {
            (*text, int(token)): probability * float(np.exp(log_prob))
            for text, probability in law.items()
            for found in [step(text)]
            for token, log_prob in zip(found.ids, found.log_probs, strict=True)
        }
    return law
