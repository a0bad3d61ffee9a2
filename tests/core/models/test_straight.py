"""A decoder run straight gives the model's own logits, or is not run straight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from flexserve_core.models.loader import load_model
from flexserve_core.models.straight import LIKE_LLAMA, straight_decoder
from flexserve_core.runner.batch import chain_segment, pack, tree_segment
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.tree import TreeBuilder
from flexserve_core.testing import FAMILIES, write_tiny_model

CPU = torch.device("cpu")
DTYPES = [torch.float32, torch.bfloat16]


def load(folder, family="llama", dtype=torch.float32):
    settings = {} if family in FAMILIES else FAMILIES["llama"]
    return load_model(str(write_tiny_model(folder, family=family, **settings)), dtype, CPU)


def logits(runner: ModelRunner) -> torch.Tensor:
    """Of a prompt, and of a tree behind it."""
    runner.allocate(8, 16)
    builder = TreeBuilder()
    builder.add_chain([7, 8], -0.1, "s")
    builder.add_chain([9], -0.5, "s")
    slots = np.arange(64, dtype=np.int64)
    segments = chain_segment(range(40), 0, slots, True), tree_segment([5], 40, builder.build(), slots)
    return torch.cat([runner.forward(pack([segment], CPU)) for segment in segments])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("family", sorted(LIKE_LLAMA))
def test_it_gives_the_models_own_logits(tmp_path, family, dtype):
    runner = ModelRunner(load(tmp_path, family, dtype))
    assert runner.runs_straight
    found = logits(runner)
    runner._straight = None
    assert torch.equal(found, logits(runner))


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - LIKE_LLAMA))
def test_families_that_are_written_otherwise_run_as_they_are(tmp_path, family):
    assert not ModelRunner(load(tmp_path, family)).runs_straight


class Loud(nn.Module):
    """Another body than its family's name promises: its logits are twice as large."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.model, self.lm_head, self._inner = inner.model, inner.lm_head, inner

    def forward(self, logits_to_keep=0, **inputs):
        output = self._inner(logits_to_keep=logits_to_keep, **inputs)
        output.logits = 2 * output.logits
        return output


def test_a_body_that_does_something_else_is_found_out(tmp_path):
    loaded = load(tmp_path)
    runner = ModelRunner(loaded)
    own = logits(runner)
    object.__setattr__(loaded, "model", Loud(loaded.model))
    loud = ModelRunner(loaded)
    assert (runner.runs_straight, loud.runs_straight) == (True, False)
    assert torch.equal(logits(loud), 2 * own)


def test_a_body_of_other_parts_is_found_out(tmp_path):
    loaded = load(tmp_path)
    body = loaded.model.model
    rotary = body.rotary_emb
    del body.rotary_emb
    body.turning = rotary
    body.forward = lambda **inputs: _with_rotary(body, rotary, inputs)
    assert not ModelRunner(loaded).runs_straight


def _with_rotary(body: nn.Module, rotary: nn.Module, inputs: dict) -> object:
    body.rotary_emb = rotary
    try:
        return type(body).forward(body, **inputs)
    finally:
        del body.rotary_emb


def test_weights_that_are_brought_are_not_brought_for_a_proof(tmp_path):
    model = load(tmp_path).model
    assert straight_decoder(model, "llama") is not None
    name, weight = next(iter(model.named_parameters()))
    weight.data = torch.empty(0)
    assert straight_decoder(model, "llama") is None, name
