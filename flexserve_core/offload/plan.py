"""What a model would cost on this machine, from its headers alone: what goes where, seconds a step, tree and batch.

The cost of a step is FlexGen's (the longest of disk, copy and arithmetic, see place.py), extended by speculation: a
tree of N nodes brings E(N) tokens for N + 1 rows, so where moving weights is the bottleneck large trees cost nothing.
Pure but for the bandwidths it is given. Knows nothing of tensors in memory.
Sources: FlexGen (Sheng et al., 2023), section 4; Sequoia (Chen et al., 2024) for E(N).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from flexserve_kernels import SCALE_BYTES

from flexserve_core.errors import ConfigurationError
from flexserve_core.offload.bandwidth import Bandwidths
from flexserve_core.offload.headers import Checkpoint, StoredTensor
from flexserve_core.offload.place import Group, Memory, Placement, Rates, by_percent, place
from flexserve_core.policy.static_tree import best_tree

ITEM = {"bf16": 2, "fp16": 2, "fp32": 4}
# Bytes per element of a quantised linear, its scales included: int8 one fp32 scale a row, int4 one a block of 64.
QUANTISED = {"int8": 1.002, "int4": 0.5 + 4 / 64}
LINEAR_KINDS = {"int8": "int8", "int4": "nf4"}  # as the kernels call them
_STORED_PACKED = {"U8": 2, "I8": 1}  # dtypes of quantised checkpoints, and numbers in a byte
# Share of drafts that come true, by rank of the child: stories260K drafted for by a model of its size (decision 0003).
ACCEPTANCE = (0.613, 0.157, 0.071, 0.040, 0.026)
TREES = (0, 4, 8, 16, 24, 32, 48, 64, 96, 128)
MAX_DEPTH = 8
SMALL = 2**18  # bytes below which a tensor stays in compute memory: norms, biases
_WORKSPACE = 64 * 2**20
_NEAR_BEST = 0.9  # the recommended batch is the smallest with this share of the highest throughput


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Limits in bytes. host None: compute memory is host memory. process: what the program takes without any model."""

    rates: Bandwidths
    compute: int
    host: int | None
    process: int
    disk: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    batch: int = 1  # requests that share a step
    context: int = 1024  # tokens of each
    nodes: int = 0  # drafted tokens of each that a step verifies

    @property
    def rows(self) -> int:
        return self.batch * (1 + self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What planning needs to know of a model (and of its SSM, which always stays in compute memory)."""

    groups: tuple[Group, ...]
    resident: int  # bytes that never leave compute memory
    macs: int  # multiply-adds of one row
    read: int  # bytes a step reads from compute memory, wherever they came from
    kv_per_token: int
    widest: int  # elements of the widest activation row, logits included
    kind: str
    linear_kind: str  # of most linears: `kind`, or "int8", "nf4"
    ssm_bytes: int = 0
    ssm_kv_per_token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One workload on one machine. Sizes in bytes, times in seconds."""

    workload: Workload
    placement: Placement
    kv_bytes: int
    workspace_bytes: int
    compute_bytes: int  # all that compute memory holds, the program itself included
    host_bytes: int  # of pinned host memory; 0 where compute memory is host memory
    disk_s: float
    copy_s: float
    arithmetic_s: float
    draft_s: float
    step_s: float
    bottleneck: str
    tokens_per_step: float  # of one request

    @property
    def bytes_per_step(self) -> int:
        return self.placement.moved("disk") + self.placement.moved("host")

    @property
    def tokens_per_s(self) -> float:
        return self.workload.batch * self.tokens_per_step / self.step_s


def cache_row(kind: str, kv_cache_dtype: str) -> tuple[int, int]:
    """(bytes of an element, of a row's scale) in the KV cache of a model that computes in `kind`."""
    return (1, SCALE_BYTES) if kv_cache_dtype == "int8" else (ITEM[kind], 0)


def describe(
    checkpoint: Checkpoint,
    kind: str,
    quantize: str | None,
    ssm: Checkpoint | None = None,
    kv_cache_dtype: str = "auto",
) -> Model:
    """Groups of equal tensors, in the precision they will be kept in."""
    groups: dict[tuple[str, int], Group] = {}
    quantize = quantize or checkpoint.quantised
    resident = macs = 0
    for tensor in checkpoint.tensors:
        nbytes = kept_bytes(tensor, kind, quantize)
        by_rows = tensor.is_embedding and not checkpoint.tied
        if tensor.is_matrix or (tensor.is_embedding and checkpoint.tied):
            macs += tensor.elements * _STORED_PACKED.get(tensor.dtype, 1)
        if nbytes < SMALL or (tensor.layer is None and not tensor.is_embedding and not tensor.is_head):
            resident += nbytes
            continue
        what = "embedding" if by_rows else "head" if tensor.layer is None else "layers"
        known = groups.get((what, nbytes), Group(what, nbytes, 0, by_rows))
        groups[what, nbytes] = replace(known, count=known.count + 1)
    streams = sum(group.nbytes * group.count for group in groups.values() if not group.by_rows)
    return Model(
        groups=tuple(groups.values()),
        resident=resident,
        macs=macs,
        read=streams + resident,
        kv_per_token=checkpoint.kv_bytes_per_token(*cache_row(kind, kv_cache_dtype)),
        widest=max(checkpoint.vocab_size, 4 * checkpoint.hidden_size),
        kind=kind,
        linear_kind=LINEAR_KINDS[quantize] if quantize else kind,
        ssm_bytes=weights_bytes(ssm, kind, None) if ssm else 0,
        ssm_kv_per_token=ssm.kv_bytes_per_token(ITEM[kind]) if ssm else 0,
    )


def kept_bytes(tensor: StoredTensor, kind: str, quantize: str | None) -> int:
    """Of this tensor once loaded: layers' matrices quantised, everything else in `kind`.

    What is quantised in the checkpoint stays as it is, with scales of 32 bits.
    """
    if tensor.dtype in _STORED_PACKED:
        return tensor.elements * (4 if tensor.is_scale else 1)
    if tensor.is_scale:
        return tensor.nbytes
    if quantize and tensor.is_matrix and tensor.layer is not None:
        return int(tensor.elements * QUANTISED[quantize])
    return tensor.elements * ITEM[kind]


def weights_bytes(checkpoint: Checkpoint, kind: str, quantize: str | None) -> int:
    """Of all weights once loaded."""
    return sum(kept_bytes(tensor, kind, quantize) for tensor in checkpoint.tensors)


def plan(model: Model, machine: Machine, workload: Workload, percent: Sequence[float] | None = None) -> Plan:
    """The fastest placement for one workload. percent: FlexGen's wG wC instead. ConfigurationError: does not fit."""
    kv = workload.batch * (workload.context + workload.nodes) * (model.kv_per_token + model.ssm_kv_per_token)
    workspace = _WORKSPACE + 4 * workload.rows * 4 * model.widest
    fixed = model.resident + model.ssm_bytes + kv + workspace
    fixed += machine.process if machine.host is None else 0
    arithmetic = _arithmetic(model, machine.rates, workload.rows)
    rates = Rates(machine.rates.disk, machine.rates.host_to_device or float("inf"))
    room = Memory(
        machine.compute - fixed,
        None if machine.host is None else machine.host - machine.process,
        machine.disk,
    )
    _check_room(machine, fixed, room)
    if percent is None:
        placement = place(model.groups, room, rates, arithmetic)
    else:
        placement = as_told(model.groups, room, percent)
    return _timed(model, machine, workload, placement, arithmetic, kv, workspace, fixed)


def recommend(model: Model, machine: Machine, workload: Workload) -> Plan:
    """The tree that brings most tokens per second at this batch (none without an SSM to draft it)."""
    if not model.ssm_bytes:
        return plan(model, machine, replace(workload, nodes=0))
    found = [_fitting(model, machine, replace(workload, nodes=nodes)) for nodes in TREES]
    plans = [each for each in found if each is not None]
    if not plans:  # says what is missing
        return plan(model, machine, replace(workload, nodes=0))
    return max(plans, key=lambda each: each.tokens_per_s)


def by_batch(model: Model, machine: Machine, workload: Workload, largest: int = 256) -> list[Plan]:
    """The recommended plan for batches of 1, 2, 4, … as long as they fit."""
    found, batch = [], 1
    while batch <= largest:
        try:
            found.append(recommend(model, machine, replace(workload, batch=batch)))
        except ConfigurationError:
            break
        batch *= 2
    return found


def recommended_batch(plans: Sequence[Plan]) -> Plan:
    """The smallest batch that comes near the highest throughput."""
    best = max(each.tokens_per_s for each in plans)
    return next(each for each in plans if each.tokens_per_s >= _NEAR_BEST * best)


def _fitting(model: Model, machine: Machine, workload: Workload) -> Plan | None:
    try:
        return plan(model, machine, workload)
    except ConfigurationError:
        return None


@lru_cache(maxsize=64)
def expected_tokens(nodes: int) -> tuple[float, int]:
    """(tokens of a step, levels of the tree) for the best tree of so many nodes."""
    tree = best_tree(ACCEPTANCE, nodes, MAX_DEPTH)
    depths: list[int] = []
    for parent in tree.parents:
        depths.append(1 if parent < 0 else depths[parent] + 1)
    return tree.expected_tokens, max(depths, default=0)


def _arithmetic(model: Model, rates: Bandwidths, rows: int) -> float:
    return max(model.read / rates.memory, rows * model.macs / rates.matmul[model.linear_kind])


def _check_room(machine: Machine, fixed: int, room: Memory) -> None:
    if room.compute > 0 and (room.host is None or room.host >= 0):
        return
    short = machine.process if room.compute > 0 else fixed
    name = "host_memory" if machine.host is None or room.compute > 0 else "device_memory"
    limit = machine.compute if room.compute <= 0 else machine.host
    raise ConfigurationError(
        name,
        limit,
        f"{short} bytes are needed before the first weight: the program, the SSM, KV cache and working memory",
        "Raise the limit, or lower the context or the batch.",
    )


def as_told(groups: Sequence[Group], room: Memory, percent: Sequence[float]) -> Placement:
    """FlexGen's percentages; refused when they do not fit."""
    placement = by_percent(groups, percent[0] / 100, percent[1] / 100)
    needed = placement.nbytes("compute") + placement.ring_bytes
    staged = placement.ring_bytes if placement.moved("disk") else 0
    if needed > room.compute or (room.host is not None and placement.nbytes("host") + staged > room.host):
        raise ConfigurationError(
            "percent",
            " ".join(f"{value:g}" for value in percent),
            f"{needed} bytes would be in compute memory, {room.compute} are free for weights",
            "Lower wG or wC, or raise --device-memory or --host-memory.",
        )
    return placement


def _timed(
    model: Model,
    machine: Machine,
    workload: Workload,
    placement: Placement,
    arithmetic: float,
    kv: int,
    workspace: int,
    fixed: int,
) -> Plan:
    disk, copy = placement.io_seconds(Rates(machine.rates.disk, machine.rates.host_to_device or float("inf")))
    tokens, levels = expected_tokens(workload.nodes)
    draft = levels * model.ssm_bytes / machine.rates.memory
    io = max(disk, copy)
    ahead = placement.ring_bytes / machine.rates.disk if disk >= copy and disk else 0.0
    step = max(arithmetic + draft, io + max(0.0, draft - ahead))
    times = {"disk": disk, "host to device": copy, "arithmetic or memory": arithmetic, "drafting": draft}
    staged = placement.ring_bytes if machine.host is not None and placement.moved("disk") else 0
    return Plan(
        workload=workload,
        placement=placement,
        kv_bytes=kv,
        workspace_bytes=workspace,
        compute_bytes=fixed + placement.nbytes("compute") + placement.ring_bytes,
        host_bytes=0 if machine.host is None else machine.process + placement.nbytes("host") + staged,
        disk_s=disk,
        copy_s=copy,
        arithmetic_s=arithmetic,
        draft_s=draft,
        step_s=step,
        bottleneck=max(times, key=times.__getitem__),
        tokens_per_step=tokens,
    )
