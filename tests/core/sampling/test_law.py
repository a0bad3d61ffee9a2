"""The law of keyed sampling: joint frequencies of consecutive tokens equal the exact product of probabilities.

False-alarm rate of each comparison: one in a million. The controls show that the test sees what it should see.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.testing import assert_same_law, chi_square_p_value, run_requests
from flexserve_core.testing.scripted import Plant, ScriptedDrafter
from flexserve_core.types import SamplingParams

from ..laws import VOCAB, Table, engine_law

DRAWS = 4000
TABLE = Table(0)
PARAMS = [
    SamplingParams(),
    SamplingParams(temperature=0.6),
    SamplingParams(top_k=3),
    SamplingParams(temperature=1.4, top_p=0.8),
    SamplingParams(min_p=0.25),
    SamplingParams(frequency_penalty=1.5, presence_penalty=0.5, repetition_penalty=1.4),
    SamplingParams(logit_bias=((2, 1.0),), temperature=0.9),
]


def draw(params, seed, position=lambda index: 40 + index, length=3):
    text = ()
    for index in range(length):
        text = (*text, choose(TABLE.candidates(text, params), KeyedNoise(seed), position(index)))
    return text


@pytest.mark.parametrize("params", PARAMS, ids=lambda p: f"T{p.temperature}k{p.top_k}p{p.top_p}m{p.min_p}")
def test_joint_law_of_three_tokens(params):
    counts = Counter(draw(params, seed) for seed in range(DRAWS))
    assert_same_law(counts, TABLE.law(params), false_alarm=1e-6)


def test_law_over_choices_of_one_seed():
    counts = Counter(
        choose(TABLE.candidates((), SamplingParams()), KeyedNoise(3, index), 0) for index in range(DRAWS)
    )
    assert_same_law(counts, {text[0]: p for text, p in TABLE.law(SamplingParams(), 1).items()})


def test_control_noise_reused_across_positions():
    """Each token alone has the right law, so only the joint one can tell."""
    counts = Counter(draw(SamplingParams(), seed, position=lambda index: 40) for seed in range(DRAWS))
    first = Counter({(a,): 0 for a in range(VOCAB)})
    for text, count in counts.items():
        first[text[:1]] += count
    assert_same_law(first, TABLE.law(SamplingParams(), 1))
    with pytest.raises(AssertionError, match="p ="):
        assert_same_law(counts, TABLE.law(SamplingParams()))


def test_control_another_temperature():
    counts = Counter(draw(SamplingParams(temperature=0.9), seed) for seed in range(DRAWS))
    with pytest.raises(AssertionError, match="p ="):
        assert_same_law(counts, TABLE.law(SamplingParams(temperature=1.1)))


def test_control_an_impossible_outcome():
    with pytest.raises(AssertionError, match="impossible"):
        assert_same_law({"a": 500, "b": 500, "c": 1}, {"a": 0.5, "b": 0.5, "c": 0.0})


def test_the_test_s_own_false_alarm_rate():
    generator = np.random.default_rng(1)
    law = dict(enumerate([0.5, 0.2, 0.2, 0.09, 0.01]))
    p_values = [
        chi_square_p_value(dict(enumerate(generator.multinomial(1000, list(law.values())))), law)
        for _ in range(1000)
    ]
    assert 60 <= sum(p < 0.1 for p in p_values) <= 145  # 100 expected, ± 4.7 standard deviations


# -- the engine's own draws ------------------------------------------------------------------------------------

ENGINE_FIELDS = {"temperature": 1.3, "top_k": 3, "frequency_penalty": 0.5}


def test_engine_law_with_speculation(letters_bench):
    bench, draws = letters_bench, 1500
    assert bench.loaded.vocab_size == 7
    requests = [
        bench.request(
            "abcab", request_id=str(seed), seed=seed, max_new_tokens=3, ignore_eos=True, **ENGINE_FIELDS
        )
        for seed in range(draws)
    ]
    prompt = requests[0].prompt_token_ids
    law = engine_law(bench, requests[0], 3)
    assert len(law) == 27
    # whatever is planted, the law is the target's: the drafter always proposes the same texts
    likely = sorted(law, key=lambda text: -law[text])
    texts = [[*prompt, *text] for text in likely[:3]]
    drafter = ScriptedDrafter(texts, [Plant(1, rank=1), Plant(1, rank=2)], bench.loaded.vocab_size)
    report = run_requests(bench.engine([drafter]), requests)
    counts = Counter(tokens for [tokens] in report.tokens.values())
    assert_same_law(counts, law, false_alarm=1e-6)
    assert report.accepted_per_depth[1] > draws / 10
