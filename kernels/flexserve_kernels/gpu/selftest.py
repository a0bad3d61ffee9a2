"""Are the compiled kernels right on this GPU? Asked once, before the first use: each against the torch reference.

A GPU or a Triton nobody tried must not give wrong tokens: what fails here is not used, and `available()` says so.
"""

from __future__ import annotations

import torch

from flexserve_kernels.checks import AttentionScene
from flexserve_kernels.gpu.attention import tree_attention
from flexserve_kernels.gpu.kv import kv_move
from flexserve_kernels.plan import AttentionPlan
from flexserve_kernels.reference import kv as reference_kv
from flexserve_kernels.reference.attention import tree_attention as reference_attention

_ATOL = 2e-2  # bf16
_PLAN = ("slots", "positions", "group", "trunk_slots", "trunk_length", "tail_slots")


def failure(device: torch.device) -> str:
    """What went wrong on `device`, empty when nothing did. Never raises."""
    try:
        return _attention_failure(device) or _move_failure(device)
    except Exception as error:  # a compiler's or a driver's, whatever its type: then this is no GPU for them
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _attention_failure(device: torch.device) -> str:
    scene = AttentionScene.random((70, 600), heads=(8, 2), dtype=torch.bfloat16)
    q, plan = scene.pack([(0, 65), (1, 512), (1, 599)], tail=3)
    there = AttentionPlan(**{name: getattr(plan, name).to(device) for name in _PLAN})
    got = tree_attention(q.to(device), scene.k_cache.to(device), scene.v_cache.to(device), there, scale=0.125)
    expected = reference_attention(q, scene.k_cache, scene.v_cache, plan, scale=0.125)
    error = float((got.cpu().float() - expected.float()).abs().max())
    return "" if error <= _ATOL else f"attention differs from the reference by {error:.3g}"


def _move_failure(device: torch.device) -> str:
    caches = [torch.arange(32 * 48, dtype=torch.float32).reshape(32, 2, 24) for _ in range(2)]
    src, dst = torch.arange(9), torch.arange(9).roll(1)
    moved = [cache.to(device, copy=True) for cache in caches]
    kv_move(moved[0], moved[1], src.to(device), dst.to(device))
    reference_kv.kv_move(caches[0], caches[1], src, dst)
    same = all(torch.equal(a.cpu(), b) for a, b in zip(moved, caches, strict=True))
    return "" if same else "kv_move differs from the reference"
