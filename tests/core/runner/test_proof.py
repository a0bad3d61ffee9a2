"""The load-time proof holds where rows are independent, and notices where they are not."""

from __future__ import annotations

import copy

import pytest
import torch
from flexserve_kernels.checks import unequal_rows
from torch import nn

from flexserve_core.models.loader import load_model
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.proof import prove
from flexserve_core.testing import write_tiny_model


class CentredOverRows(nn.Module):
    """Subtracts the mean over the rows of the batch, as a batch norm would."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.inner(x)
        return out - 0.01 * out.mean(dim=-2, keepdim=True)


def proof_of(folder, dtype=torch.float32, spoil=lambda model: None):
    loaded = load_model(str(folder), dtype, torch.device("cpu"))
    spoil(loaded.model)
    runner = ModelRunner(loaded)
    runner.allocate(32, 16)
    return {item.what.split("'")[0]: item for item in prove(runner)}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_holds_for_a_tiny_model(tiny_pair, dtype, threads):
    torch.set_num_threads(threads)
    try:
        proof = proof_of(tiny_pair[0], dtype)
    finally:
        torch.set_num_threads(1)
    assert len(proof) == 3
    assert all(item.holds for item in proof.values()), proof


def test_a_batch_dependent_module_is_caught(tiny_pair):
    def spoil(model):
        layer = model.model.layers[0]
        layer.mlp = CentredOverRows(layer.mlp)

    proof = proof_of(tiny_pair[0], spoil=spoil)
    assert not proof["a tree"].holds


def test_a_linear_that_depends_on_its_batch_is_caught(tiny_pair):
    def spoil(model):
        projection = model.model.layers[0].mlp.down_proj
        right = projection.forward
        projection.forward = lambda x: right(x) * (1.0 + 2**-20 * (x.shape[-2] > 1))

    proof = proof_of(tiny_pair[0], spoil=spoil)
    assert not proof["linear rows are independent"].holds
    assert not proof["a tree"].holds


def test_torch_s_own_linear_is_caught_where_it_depends_on_its_batch(tmp_path):
    """On a machine whose BLAS happens to compute rows independently there is nothing to catch."""
    folder = write_tiny_model(tmp_path, hidden_size=256, intermediate_size=688)
    plain = nn.Linear(688, 256, bias=False)
    if unequal_rows(plain, torch.randn(34, 688)) == 0:
        pytest.skip("this machine's fp32 matmul computes rows independently")

    def spoil(model):
        for layer in model.model.layers:
            layer.mlp.down_proj = nn.Linear(688, 256, bias=False)

    assert not proof_of(folder, spoil=spoil)["a tree"].holds


def test_wrong_attention_is_caught(tiny_pair, monkeypatch):
    from flexserve_core.runner import attention

    right = attention.tree_attention
    monkeypatch.setattr(
        attention, "tree_attention", lambda *args, scale, **rest: right(*args, scale=2 * scale, **rest)
    )
    proof = proof_of(tiny_pair[0])
    assert proof["a tree"].holds  # wrong, but the same everywhere
    assert not proof["attention agrees with transformers"].holds


@pytest.mark.parametrize("family", ["qwen3", "gpt_bigcode", "gemma2", "opt"])
def test_holds_for_other_families(tmp_path, family):
    assert all(item.holds for item in proof_of(write_tiny_model(tmp_path, family=family)).values())


def test_the_proof_leaves_the_model_as_it_was(bench):
    before = copy.deepcopy(bench.loaded.model.state_dict())
    bench.runner.allocate(32, 16)
    prove(bench.runner)
    assert all(torch.equal(before[name], tensor) for name, tensor in bench.loaded.model.state_dict().items())
    assert bench.loaded.model.config._attn_implementation == "flexserve"
