"""The law of multi-step speculative sampling: whatever is drafted, three tokens in a row have the target's joint law.

False-alarm rate of each comparison: one in a million. Bugs planted in it are in test_planted_bugs.py.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from flexserve_core.sampling import mss
from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.mss import Drawn, choose_among, draft_noise, draw
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates
from flexserve_core.testing import assert_same_law
from flexserve_core.types import SamplingParams

from ..laws import VOCAB, Table

DRAWS = 3000
TARGET, FIRST, SECOND = Table(0), Table(1), Table(2)
PARAMS = {
    "plain": SamplingParams(),
    "top-k": SamplingParams(top_k=3),
    "top-p": SamplingParams(temperature=1.4, top_p=0.8),
    "min-p": SamplingParams(temperature=0.6, min_p=0.2),
    "penalties": SamplingParams(frequency_penalty=1.5, presence_penalty=0.5, repetition_penalty=1.4),
}
# per drafter: its model (None: certain of tokens 2 and 0) and the width of each level
DRAFTERS = {
    "chain": [(FIRST, (1, 1, 1))],
    "tree": [(FIRST, (2, 3))],
    "all tokens": [(FIRST, (4,))],
    "two SSMs": [(FIRST, (2, 1)), (SECOND, (1, 2))],
    "certain": [(None, (2, 1))],
    "merged": [(FIRST, (2, 2)), (None, (2,))],
}


def drafted(text, drafters, noise, params):
    """Path → what was drawn there, of a tree of every drafter."""
    found = {}
    for number, (model, widths) in enumerate(drafters):
        own, frontier = draft_noise(noise, len(text), number), [()]
        for depth, width in enumerate(widths):
            below = []
            for path in frontier:
                if model is None:
                    ones = [Drawn.certain(token) for token in (2, 0)[:width]]
                else:  # drafts do not look at penalties, as the SSM's do not
                    plain = SamplingParams(temperature=params.temperature, top_k=params.top_k)
                    ones = [draw(model.candidates((*text, *path), plain), own, len(text) + depth, width)]
                found.setdefault(path, []).extend(ones)
                below += [(*path, token) for one in ones for token in one.tokens]
            frontier = below
    return found


def speculate(params, drafters, seed, length=3):
    """One text, in steps as the engine makes them; and how many of its tokens were drafted."""
    noise, text, accepted = KeyedNoise(seed), (), 0
    while len(text) < length:
        root, draws = len(text), drafted(text, drafters, noise, params)
        while True:
            here = draws.get(text[root:], [])
            text = (*text, choose_among(TARGET.candidates(text, params), here, noise, len(text)))
            if not any(text[-1] in one.tokens for one in here):
                break
            accepted += 1
    return text[:length], accepted


@pytest.mark.parametrize("drafters", DRAFTERS)
@pytest.mark.parametrize("params", ["plain", "penalties"])
def test_joint_law_of_three_tokens(params, drafters):
    found = [speculate(PARAMS[params], DRAFTERS[drafters], seed) for seed in range(DRAWS)]
    assert_same_law(Counter(text for text, _ in found), TARGET.law(PARAMS[params]), false_alarm=1e-6)
    assert sum(accepted for _, accepted in found) > DRAWS / 2


@pytest.mark.parametrize("params", ["top-k", "top-p", "min-p"])
def test_joint_law_with_filters(params):
    found = [speculate(PARAMS[params], DRAFTERS["merged"], seed) for seed in range(DRAWS)]
    assert_same_law(Counter(text for text, _ in found), TARGET.law(PARAMS[params]), false_alarm=1e-6)


def test_control_another_law_is_noticed():
    found = Counter(speculate(PARAMS["plain"], DRAFTERS["tree"], seed)[0] for seed in range(DRAWS))
    with pytest.raises(AssertionError, match="p ="):
        assert_same_law(found, TARGET.law(SamplingParams(temperature=1.3)))


def test_without_drafts_it_is_the_token_of_keyed_noise():
    target = TARGET.candidates((), SamplingParams())
    for seed in range(50):
        assert choose_among(target, [], KeyedNoise(seed), 7) == choose(target, KeyedNoise(seed), 7)


def test_the_same_law_is_always_accepted():
    """A draft model that equals the target: the first token drawn is the one taken, rounding or not."""
    target = FIRST.candidates((1,), SamplingParams())
    for seed in range(500):
        drawn = draw(target, draft_noise(KeyedNoise(seed), 5, 0), 5, 3)
        assert choose_among(target, [drawn], KeyedNoise(seed), 5) == drawn.tokens[0]


def test_all_tokens_in_turn_leave_no_rest():
    """With every token of its support drafted one is always accepted, or the rest of the law is what is left."""
    target = Candidates(np.array([3, 1]), np.log([0.75, 0.25]))
    drawn = [Drawn.certain(1), Drawn.certain(7), Drawn.certain(3)]
    counts = Counter(choose_among(target, drawn, KeyedNoise(seed), 0) for seed in range(2000))
    assert_same_law(counts, {3: 0.75, 1: 0.25})


def test_draws_are_without_replacement_and_in_order():
    law = TARGET.candidates((0,), SamplingParams())
    p = dict(zip(law.ids.tolist(), np.exp(law.log_probs).tolist(), strict=True))
    pairs = Counter(draw(law, KeyedNoise(seed), 3, 2).tokens for seed in range(6000))
    assert_same_law(pairs, {(a, b): p[a] * p[b] / (1 - p[a]) for a in p for b in p if a != b})
    assert sorted(draw(law, KeyedNoise(0), 3, 9).tokens) == list(range(VOCAB))


def test_impossible_tokens_are_not_drawn():
    law = Candidates(np.arange(4), np.array([-np.inf, 0.0, -np.inf, -np.inf]))
    with np.errstate(all="raise"):
        drawn = draw(law, KeyedNoise(0), 3, 4)
        target = Candidates(np.array([0, 2]), np.log([0.5, 0.5]))
        assert choose_among(target, [drawn], KeyedNoise(0), 3) in (0, 2)
    assert drawn.tokens == (1,)


def test_noise_of_drafts_is_its_own():
    noise = KeyedNoise(5, 1)
    keys = {draft_noise(noise, length, drafter).seed for length in range(30) for drafter in range(3)}
    assert len(keys | {noise.seed, noise.fork(mss._COIN).seed}) == 92
    assert draft_noise(noise, 3, 1) == draft_noise(noise, 3, 1)
