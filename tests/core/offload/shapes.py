"""A machine and a model larger than it, by numbers alone: for tests of what is planned."""

from __future__ import annotations

from flexserve_core.offload.bandwidth import Bandwidths
from flexserve_core.offload.place import Group
from flexserve_core.offload.plan import Machine, Model

MIB = 2**20
RATES = Bandwidths(disk=1e9, memory=20e9, host_to_device=0.0, matmul={"bf16": 3e11}, direct=True)
LARGE = Model(
    groups=(Group("layers", 40 * MIB, 60),),
    resident=MIB,
    macs=1200 * MIB,
    read=2400 * MIB,
    kv_per_token=100_000,
    widest=32_000,
    kind="bf16",
    linear_kind="bf16",
    ssm_bytes=50 * MIB,
    ssm_kv_per_token=1000,
)
MACHINE = Machine(rates=RATES, compute=1500 * MIB, host=None, process=300 * MIB)
