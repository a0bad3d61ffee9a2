"""Does a sampler draw from the law it claims? Pearson's chi-square test with a stated false-alarm rate.

Knows nothing of engines: counts and probabilities in, an AssertionError or a p-value out.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import torch

_MIN_EXPECTED = 5.0  # rarer outcomes are pooled, where the chi-square approximation is poor

Outcome = TypeVar("Outcome", bound=Hashable)


def assert_same_law(
    counts: Mapping[Outcome, int], law: Mapping[Outcome, float], *, false_alarm: float = 1e-6
) -> float:
    """AssertionError unless `counts` could have been drawn from `law`; returns the p-value.

    counts: how often each outcome occurred. law: exact probabilities, summing to 1. false_alarm: how often a correct
    sampler would be accused; an outcome of probability 0 is always an accusation.
    """
    impossible = [outcome for outcome, count in counts.items() if count and law.get(outcome, 0.0) <= 0.0]
    assert not impossible, f"impossible outcomes occurred: {impossible[:5]}"
    p_value = chi_square_p_value(counts, law)
    assert p_value >= false_alarm, (
        f"p = {p_value:.2e} for {sum(counts.values())} draws; limit {false_alarm:.0e}"
    )
    return p_value


def chi_square_p_value(counts: Mapping[Outcome, int], law: Mapping[Outcome, float]) -> float:
    """Probability that draws from `law` lie at least as far from it as `counts` do."""
    assert abs(sum(law.values()) - 1.0) < 1e-9, "the law's probabilities must sum to 1"
    total = sum(counts.values())
    cells, rare = [], [0.0, 0.0]
    for outcome, probability in law.items():
        expected, seen = probability * total, float(counts.get(outcome, 0))
        if expected >= _MIN_EXPECTED:
            cells.append((seen, expected))
        else:
            rare = [rare[0] + seen, rare[1] + expected]
    if rare[1] >= _MIN_EXPECTED:
        cells.append((rare[0], rare[1]))
    elif rare[1] > 0 and cells:  # too rare even together: they join the smallest cell
        smallest = min(range(len(cells)), key=lambda index: cells[index][1])
        cells[smallest] = (cells[smallest][0] + rare[0], cells[smallest][1] + rare[1])
    assert len(cells) > 1, "too few draws for this law: every outcome is rarer than 5 expected draws"
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    half = torch.tensor([(len(cells) - 1) / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))
