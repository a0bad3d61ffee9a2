"""The GPU's ring, on a GPU where there is one."""

from __future__ import annotations

import pytest
import torch

from flexserve_core.offload.loading import Offloader
from flexserve_core.offload.place import Placement, Share
from flexserve_core.testing import write_tiny_model


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("tier", ["host", "disk"])
def test_weights_stream_to_the_device(tmp_path, tier):
    from flexserve_core.models.loader import load_model
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
