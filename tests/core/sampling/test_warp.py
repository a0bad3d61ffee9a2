"""Warping against transformers' own processors and plain oracles; ties go to the lowest id."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import History, edit_logits, is_plain_greedy, warp
from flexserve_core.types import SamplingParams

VOCAB = 50
NO_HISTORY = History(frozenset())


def logits_of(seed):
    return np.random.default_rng(seed).normal(scale=3.0, size=VOCAB)


def probabilities(candidates, size=VOCAB):
    out = np.zeros(size)
    out[candidates.ids] = np.exp(candidates.log_probs)
    return out


def transformers_probabilities(logits, params, prompt=()):
    processors = LogitsProcessorList()
    if params.repetition_penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    processors.append(TemperatureLogitsWarper(float(params.temperature)))
    if params.top_k:
        processors.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1.0:
        processors.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        processors.append(MinPLogitsWarper(params.min_p))
    ids = torch.tensor([list(prompt) or [0]])
    scores = processors(ids, torch.tensor(logits)[None])
    return torch.softmax(scores, dim=-1)[0].numpy()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.3},
        {"temperature": 1.7},
        {"top_k": 1},
        {"top_k": 7},
        {"top_k": 500},
        {"top_p": 0.05},
        {"top_p": 0.8},
        {"min_p": 0.1},
        {"min_p": 1.0},
        {"temperature": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.02},
        {"repetition_penalty": 1.8, "temperature": 1.2, "top_p": 0.95},
    ],
    ids=str,
)
def test_filters_equal_transformers(seed, fields):
    params, logits, prompt = SamplingParams(**fields), logits_of(seed), (3, 3, 8, 20)
    scores = edit_logits(logits, params, History(frozenset(prompt)), 0)
    expected = transformers_probabilities(logits, params, prompt)
    np.testing.assert_allclose(probabilities(warp(scores, params)), expected, atol=1e-12)


@given(
    st.lists(st.floats(-20, 20), min_size=2, max_size=30),
    st.floats(0.05, 5),
    st.integers(0, 30),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_candidates_are_a_distribution(scores, temperature, top_k, top_p, min_p):
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    candidates = warp(np.array(scores), params)
    assert np.exp(candidates.log_probs).sum() == pytest.approx(1.0)
    assert len(set(candidates.ids.tolist())) == len(candidates.ids) > 0
    assert not top_k or len(candidates.ids) <= top_k
    assert int(np.argmax(scores)) in candidates.ids, "the likeliest token always stays"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"temperature": 0.0}, [1]),
        ({"top_k": 1}, [1]),
        ({"top_k": 2}, [1, 2]),
        ({"top_p": 0.2}, [1]),
        ({"top_p": 0.5}, [1, 2]),
        ({"min_p": 1.0}, [1, 2, 4]),
    ],
    ids=str,
)
def test_ties_go_to_the_lowest_id(fields, kept):
    scores = np.array([-50.0, 1.0, 1.0, -50.0, 1.0])
    assert warp(scores, SamplingParams(**fields)).ids.tolist() == kept


def test_exact_ties_of_noise_go_to_the_lowest_id(monkeypatch):
    monkeypatch.setattr(KeyedNoise, "gumbel", lambda self, position, tokens: np.zeros(len(tokens)))
    candidates = warp(np.array([0.0, 2.0, 2.0, 2.0]), SamplingParams(top_k=4))
    assert choose(candidates, KeyedNoise(0), 5) == 1


@pytest.mark.parametrize("temperature", [1e-308, 1e-300, 1e-5, 100.0])
def test_extreme_temperatures_stay_numbers(temperature):
    logits = logits_of(0)
    candidates = warp(logits, SamplingParams(temperature=temperature, top_p=0.9))
    assert np.isfinite(candidates.log_probs[0])
    if temperature < 1:
        assert candidates.ids.tolist() == [int(np.argmax(logits))]


def test_penalties():
    logits = np.array([2.0, -2.0, 1.0, 0.5])
    history = History(frozenset({0, 1}), Counter({2: 3, 1: 1}))
    edited = edit_logits(logits, SamplingParams(repetition_penalty=2.0), history, 4)
    np.testing.assert_allclose(edited, [1.0, -4.0, 0.5, 0.5])
    edited = edit_logits(logits, SamplingParams(presence_penalty=0.5), history, 4)
    np.testing.assert_allclose(edited, [2.0, -2.5, 0.5, 0.5])  # the completion only
    edited = edit_logits(logits, SamplingParams(frequency_penalty=0.5), history, 4)
    np.testing.assert_allclose(edited, [2.0, -2.5, -0.5, 0.5])
    edited = edit_logits(logits, SamplingParams(logit_bias=((3, 4.0), (0, -1.0))), history, 4)
    np.testing.assert_allclose(edited, [1.0, -2.0, 1.0, 4.5])


def test_min_tokens_bans_every_end_until_then():
    params = SamplingParams(min_tokens=3, stop_token_ids=(2,))
    for generated in range(5):
        edited = edit_logits(np.zeros(4), params, NO_HISTORY, generated, frozenset({1}))
        assert np.isneginf(edited).tolist() == [False, generated < 3, generated < 3, False]
        assert set(warp(edited, params).ids[np.isfinite(warp(edited, params).log_probs)]) == set(
            [0, 3] if generated < 3 else [0, 1, 2, 3]
        )


def test_nothing_to_edit_changes_nothing():
    logits = logits_of(1).astype(np.float32)
    before = logits.copy()
    assert is_plain_greedy(SamplingParams(temperature=0.0))
    assert not is_plain_greedy(SamplingParams(temperature=0.0, min_tokens=1))
    np.testing.assert_array_equal(edit_logits(logits, SamplingParams(), NO_HISTORY, 0), before)
    edit_logits(logits, SamplingParams(logit_bias=((0, 5.0),)), NO_HISTORY, 0)
    np.testing.assert_array_equal(logits, before)


@given(st.integers(0, 1000), st.sets(st.integers(0, VOCAB - 1), min_size=1, max_size=20))
def test_a_restricted_set_of_ids(seed, ids):
    ids = np.array(sorted(ids))
    scores = logits_of(seed)
    params = SamplingParams(top_k=5, temperature=0.7)
    found = warp(scores[ids], params, ids)
    masked = np.full(VOCAB, -np.inf)
    masked[ids] = scores[ids]
    expected = warp(masked, params)
    size = len(found.ids)
    assert found.ids.tolist() == expected.ids[:size].tolist()
    np.testing.assert_allclose(found.log_probs, expected.log_probs[:size])
