"""What the scripted engine says of itself."""

from __future__ import annotations

from flexserve_core.types import EngineInfo, Limits, ProofItem


def fake_info(limits: Limits) -> EngineInfo:
    return EngineInfo(
        model="fake-model",
        model_type="llama",
        device="cpu",
        dtype="float32",
        num_parameters=1,
        ssms=(),
        speculation="off",
        choices=(),
        proof=(ProofItem(what="linear rows", holds=True, detail="bitwise equal"),),
        limits=limits,
        version="0.0",
        has_chat_template=True,
    )
