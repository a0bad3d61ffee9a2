"""The token the LLM itself takes at a position: one rule for greedy and sampled requests.

argmax over the warped distribution of log p + keyed noise; greedy is its noise-free limit. Ties go to the lowest id.
Knows nothing of trees: verification asks this function at each node it visits.
"""

from __future__ import annotations

from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates


def choose(candidates: Candidates, noise: KeyedNoise, position: int) -> int:
    """Token id drawn from `candidates` for sequence position `position`."""
    if len(candidates.ids) == 1:
        return int(candidates.ids[0])
    perturbed = candidates.log_probs + noise.gumbel(position, candidates.ids)
    best = perturbed.max()
    return int(candidates.ids[perturbed == best].min())
