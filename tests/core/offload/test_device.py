"""The GPU's ring, on a GPU where there is one."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import is_linear
from flexserve_kernels.cpu.linear import PackedLinear
from flexserve_kernels.reference.quantised import Int8Linear
from flexserve_kernels.registry import native_library
from transformers import AutoModelForCausalLM

from flexserve_core.models.loader import load_model
from flexserve_core.models.prepare import prepare
from flexserve_core.models.quantise import Quantisation, loading_options
from flexserve_core.offload.loading import Offloader
from flexserve_core.offload.place import Placement, Share
from flexserve_core.testing import write_tiny_model


@pytest.mark.parametrize("kind", [None, "int8", "int4"])
def test_layers_are_prepared_for_where_they_will_compute(tmp_path, kind):
    """In host memory, without what only a CPU can compute with: no GPU is needed to see that."""
    folder = write_tiny_model(tmp_path / "m")
    model = load_model(
        str(folder), torch.bfloat16, torch.device("cpu"), quantisation=Quantisation(kind)
    ).model
    assert any(isinstance(module, PackedLinear) for module in model.modules()) == (
        native_library() is not None
    )
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, **loading_options(kind))
    prepare("m", plain, torch.bfloat16, lambda path, module: None, device=torch.device("cuda"))
    layers = [module for module in plain.modules() if is_linear(module)]
    assert layers
    assert not any(isinstance(layer, PackedLinear) for layer in layers)
    assert all("tile64" in layer.method for layer in layers if not isinstance(layer, Int8Linear))
    assert {tensor.device.type for layer in layers for tensor in layer.state_dict().values()} == {"cpu"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("tier", ["host", "disk"])
def test_weights_stream_to_the_device(tmp_path, tier):
    from flexserve_core.runner.batch import chain_segment, pack
    from flexserve_core.runner.model_runner import ModelRunner

    device = torch.device("cuda", 0)
    folder = write_tiny_model(tmp_path / "m")

    def decide(_, groups):
        counts = {"host": 0, "disk": 0}
        return Placement(tuple(Share(g, 0, **{**counts, tier: g.count}) for g in groups), 2**20)

    keeper = Offloader(tmp_path, decide, small=1000)
    streamed = load_model(str(folder), torch.bfloat16, device, keeper=keeper)
    resident = load_model(str(folder), torch.bfloat16, device)
    slots = torch.arange(64).numpy()
    logits = []
    for loaded in (resident, streamed, streamed):
        runner = ModelRunner(loaded)
        runner.allocate(8, 16)
        logits.append(
            runner.forward(pack([chain_segment(list(range(40)), 0, slots, want_last=True)], device))
        )
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2])
