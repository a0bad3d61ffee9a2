"""What logits propose: the likeliest first, with probabilities over the whole vocabulary."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates
from flexserve_core.speculation.children import foreseen, likeliest


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_likeliest_come_first_with_their_probabilities(count):
    logits = torch.randn(5, 20, generator=torch.Generator().manual_seed(count))
    ids, log_probs = likeliest(logits, count)
    expected = logits.double().log_softmax(-1).sort(dim=-1, descending=True)
    kept = min(count, 20)
    assert ids.tolist() == expected.indices[:, :kept].tolist()
    np.testing.assert_allclose(log_probs, expected.values[:, :kept].numpy(), atol=1e-6)


def test_a_sampled_request_is_foreseen_by_its_own_noise():
    ids = np.arange(10)
    law = Candidates(ids, np.log(np.full(10, 0.1)))
    noise = KeyedNoise(3, 0)
    found = foreseen(law, noise, position=7, width=3)
    order = np.argsort(-noise.gumbel(7, ids))
    assert [token for token, _ in found] == order[:3].tolist()
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    assert sum(np.exp(p) for _, p in foreseen(law, noise, 7, 10)) == pytest.approx(1.0)
