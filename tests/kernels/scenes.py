"""Sequences, rows, shapes and options that attention is tried with."""

from __future__ import annotations

import pytest
import torch

LENGTHS = (1, 5, 64, 65, 131, 200)
ROWS = [(0, 0), (1, 0), (1, 4), (2, 62), (2, 63), (3, 63), (3, 64), (4, 127), (4, 128), (4, 130), (5, 199)]
ROWS += [(5, p) for p in range(7, 190, 6)]
SHAPES = {
    "gqa": ((4, 2), (64, 64)),
    "mqa, odd head size": ((8, 1), (80, 80)),
    "tiny heads": ((6, 6), (8, 8)),
    "large heads": ((2, 1), (256, 256)),
    "neither a multiple of 16": ((3, 3), (72, 33)),
    "more heads than a tile holds": ((257, 1), (8, 8)),
}
ROUGH_BIAS = (torch.tensor([[0.5], [0.25], [0.11], [0.0]]).bfloat16() * torch.arange(200)).float()  # [Hq, P]
OPTIONS = {
    "plain": {},
    "softcap": {"softcap": 3.0},
    "window": {"window": 37},
    "window of one": {"window": 1},
    "sinks": {"sinks": torch.linspace(-2, 4, 4)},
    "alibi": {"alibi_slopes": torch.tensor([0.5, 0.25, 0.125, 0.0625])},
    "key bias": {"key_bias": ROUGH_BIAS},
    "all": {
        "softcap": 5.0,
        "window": 70,
        "sinks": torch.tensor([1.0, -1.0, 0.0, 8.0]),
        "alibi_slopes": torch.tensor([0.01, 0.02, 0.5, 0.0]),
        "key_bias": torch.linspace(-3, 3, 4 * 231).reshape(4, 231).sin(),
    },
}
BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)  # vectors and tiles
