"""What a small model's logits propose after a node: tokens, best first, with the drafter's confidence in each.

Knows nothing of trees or of which proposals are kept.
"""

from __future__ import annotations

import numpy as np
import torch

from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates


def likeliest(logits: torch.Tensor, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids int64 and log-probabilities float64, [rows, count], the likeliest first. logits: float32."""
    log_probs = logits.log_softmax(dim=-1)
    if count == 1:
        found, ids = log_probs.max(dim=-1, keepdim=True)
    else:
        found, ids = log_probs.topk(min(count, logits.shape[-1]), dim=-1)
    return ids.cpu().numpy(), found.cpu().numpy().astype(np.float64)


def foreseen(law: Candidates, noise: KeyedNoise, position: int, width: int) -> list[tuple[int, float]]:
    """What a sampled request would take here: its noise decides the order.

    The perturbed scores, normalised, serve as confidence."""
    scores = law.log_probs + noise.gumbel(position, law.ids)
    order = np.argsort(-scores, kind="stable")[:width]
    shifted = scores - scores.max()
    log_probs = shifted - np.log(np.exp(shifted).sum())
    return [(int(law.ids[i]), float(log_probs[i])) for i in order]
