"""Keyed noise: a function of its key alone, with the moments of a Gumbel variable, uncorrelated across keys."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.sampling.noise import KeyedNoise

TOKENS = np.arange(20_000, dtype=np.int64)
EULER_GAMMA = 0.5772156649015329
VARIANCE = math.pi**2 / 6


@given(st.integers(0, 2**63 - 1), st.integers(0, 7), st.integers(0, 4096), st.randoms())
def test_independent_of_order_subset_and_calls_before(seed, choice, position, random):
    noise = KeyedNoise(seed, choice)
    whole = noise.gumbel(position, np.arange(64))
    subset = np.array(random.sample(range(64), 10))
    noise.gumbel(position + 1, subset)
    np.testing.assert_array_equal(noise.gumbel(position, subset), whole[subset])
    np.testing.assert_array_equal(KeyedNoise(seed, choice).gumbel(position, np.arange(64)), whole)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_moments(seed):
    values = KeyedNoise(seed).gumbel(17, TOKENS)
    spread = math.sqrt(VARIANCE / len(TOKENS))
    assert abs(values.mean() - EULER_GAMMA) < 5 * spread
    assert abs(values.var() - VARIANCE) < 0.1
    # exp(-exp(-g)) is uniform: no tenth is over- or underfull by more than five standard deviations
    counts, _ = np.histogram(np.exp(-np.exp(-values)), bins=10, range=(0, 1))
    expected = len(TOKENS) / 10
    assert np.abs(counts - expected).max() < 5 * math.sqrt(expected * 0.9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((5, 0, 10), (5, 0, 11)),
        ((5, 0, 10), (5, 1, 10)),
        ((5, 0, 10), (6, 0, 10)),
        ((5, 1, 10), (6, 0, 10)),
        ((5, 1, 10), (5, 0, 11)),
        ((0, 0, 0), (2**32, 0, 0)),
    ],
)
def test_uncorrelated_between_keys(one, other):
    left = KeyedNoise(one[0], one[1]).gumbel(one[2], TOKENS)
    right = KeyedNoise(other[0], other[1]).gumbel(other[2], TOKENS)
    assert abs(np.corrcoef(left, right)[0, 1]) < 5 / math.sqrt(len(TOKENS))
    assert abs(np.corrcoef(left[1:], right[:-1])[0, 1]) < 5 / math.sqrt(len(TOKENS))


def test_no_two_keys_share_their_noise():
    one = np.array([0])
    drawn = {
        float(KeyedNoise(seed, choice).gumbel(position, one)[0])
        for seed in range(20)
        for choice in range(8)
        for position in range(50)
    }
    assert len(drawn) == 20 * 8 * 50
