"""The load-time proof: does this model, on this machine, at this thread count, keep row invariance?

Three questions, asked with the model's own shapes and invented tokens: are the linears' rows independent of their
company; does a tree of proposals, a chunked prefill and a crowd give the very bits that plain decoding gives; does
our attention agree with transformers' own (to a tolerance: the sums are ordered differently).
Knows nothing of requests. Source: reference measurements in docs/LOG.md; the rule is docs/architecture.md, "Exactness".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from flexserve_kernels import input_dtype, is_linear, revealing_linear, unequal_rows

from flexserve_core.runner.batch import Segment, chain_segment, pack, tree_segment
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.tree import TokenTree, TreeBuilder
from flexserve_core.types import ProofItem

_ROW_COUNTS = (1, 2, 5, 16, 17, 32, 33)
_MAX_ROWS = 34
_PROMPT = 21  # tokens; longer than one linear block when two sequences are packed
_SLOTS_PER_SEQUENCE = 64


def prove(runner: ModelRunner) -> tuple[ProofItem, ...]:
    """Run every check. Overwrites the runner's cache: call it before the first request."""
    return (_prove_linears(runner), _prove_forward(runner), _agree_with_transformers(runner))


@torch.inference_mode()
def _prove_linears(runner: ModelRunner) -> ProofItem:
    """One layer of every distinct shape, rows alone against rows in company."""
    shapes: dict[tuple[int, int, bool, str], Any] = {}
    for module in runner.loaded.model.modules():
        if is_linear(module):
            layer: Any = module
            key = (layer.out_features, layer.in_features, layer.bias is None, layer.method)
            shapes.setdefault(key, layer)
    failing = []
    for module in shapes.values():
        _, rows = revealing_linear(module.in_features, 1, _MAX_ROWS, input_dtype(module))
        if unequal_rows(module, rows.to(runner.device), _ROW_COUNTS):
            failing.append(f"{module.in_features}→{module.out_features}")
    methods = sorted({module.method for module in shapes.values()})
    detail = f"{len(shapes)} shapes, {'; '.join(methods)}, {torch.get_num_threads()} threads"
    return ProofItem(
        what="linear rows are independent",
        holds=not failing,
        detail=detail + (f"; differing: {', '.join(failing)}" if failing else ""),
    )


def _branching_tree(tokens: list[int], wrong: int) -> TokenTree:
    """The path `tokens`, with a wrong sibling before each of its nodes."""
    builder, node = TreeBuilder(), -1
    for token in tokens:
        builder.add(node, wrong, 0.0, "proof")
        node = builder.add(node, token, 0.0, "proof")
    return builder.build()


def _prove_forward(runner: ModelRunner) -> ProofItem:
    """Plain decoding of a few tokens against one tree, in a crowd, after a chunked prefill: bitwise."""
    vocab = runner.loaded.vocab_size
    prompt = [(7 * i + 3) % vocab for i in range(_PROMPT)]
    other = [(11 * i + 5) % vocab for i in range(_PROMPT)]
    path = [(13 * i + 2) % (vocab - 1) for i in range(4)]
    slots = np.arange(4 * _SLOTS_PER_SEQUENCE, dtype=np.int64).reshape(4, -1)

    def logits(*segments: Segment) -> torch.Tensor:
        return runner.forward(pack(segments, runner.device))

    whole = [logits(chain_segment(prompt, 0, slots[0], want_last=True))[0]]
    for step, token in enumerate(path):
        whole.append(logits(chain_segment([token], _PROMPT + step, slots[0], want_last=True))[0])

    logits(chain_segment(prompt[:9], 0, slots[1], want_last=True))
    tree = _branching_tree(path, wrong=vocab - 1)
    crowd = logits(
        chain_segment(other, 0, slots[2], want_last=True),
        tree_segment(prompt[9:], 9, tree, slots[1]),
        chain_segment(other[:5], 0, slots[3], want_last=True),
    )
    way = tree.way(path)
    assert len(way) == len(path)
    nodes = [0, *(1 + node for node in way)]  # rows among the tree segment's wanted ones, the root's first
    differing = sum(not torch.equal(whole[i], crowd[1 + row]) for i, row in enumerate(nodes))
    return ProofItem(
        what="a tree's logits equal plain decoding's, bit for bit",
        holds=differing == 0,
        detail=f"{len(nodes)} rows in a crowd of {len(tree) + len(other) + 17}, {differing} differing",
    )


@torch.inference_mode()
def _agree_with_transformers(runner: ModelRunner) -> ProofItem:
    """Our attention against transformers' own on the same weights: without our context the model computes it."""
    vocab = runner.loaded.vocab_size
    prompt = [(5 * i + 1) % vocab for i in range(_PROMPT)]
    slots = np.arange(_SLOTS_PER_SEQUENCE, dtype=np.int64)
    ours = runner.forward(pack([chain_segment(prompt, 0, slots, want_last=True)], runner.device))[0]
    model, config = runner.loaded.model, runner.loaded.config
    ours_by_name = config._attn_implementation
    try:
        # not set_attn_implementation, which passes over families that do not use AttentionInterface
        config._attn_implementation = runner.loaded.reference_attention
        theirs = (
            model(input_ids=torch.tensor([prompt], device=runner.device), use_cache=False)
            .logits[0, -1]
            .float()
        )
    finally:
        config._attn_implementation = ours_by_name
    scale = theirs.abs().max().clamp_min(1e-6)
    error = float((ours - theirs).abs().max() / scale)
    tolerance = 1e-4 if runner.loaded.dtype == torch.float32 else 5e-2
    if runner.cache_dtype == torch.int8:
        tolerance = 5e-2  # keys and values are rounded to 8 bits, transformers' are not
    if "int8" in (runner.loaded.quantisation.kind, runner.loaded.quantisation.head):
        tolerance = 0.15  # rounding activations to 8 bits turns small differences into whole steps
    return ProofItem(
        what=f"attention agrees with transformers' {runner.loaded.reference_attention}",
        holds=error <= tolerance,
        detail=f"largest difference {error:.1e} of the largest logit (limit {tolerance:.0e})",
    )
