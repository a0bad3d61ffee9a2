"""From an engine's settings to a model with its weights in their places: limits, what else needs memory, the placement.

Knows nothing of requests; engine/build.py calls it in place of plain loading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from flexserve_core.config import EngineConfig
from flexserve_core.engine.cost_cache import folder as cost_folder
from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.precision import kernel_kind, pick_dtype
from flexserve_core.offload.bandwidth import Bandwidths, measured, remembered
from flexserve_core.offload.headers import Checkpoint
from flexserve_core.offload.kv_swap import KVSwap, SwapCosts
from flexserve_core.offload.loading import Offloader
from flexserve_core.offload.memory import library_bytes
from flexserve_core.offload.percent import weight_shares
from flexserve_core.offload.place import Group, Memory, Placement, Rates, place
from flexserve_core.offload.plan import ITEM, LINEAR_KINDS, SMALL, Machine, as_told, cache_row, weights_bytes
from flexserve_core.offload.report import find_checkpoint, machine_limits, named_folder
from flexserve_core.offload.sizes import shown
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.types import Choice

_SPARE = 1.5  # of a model's size, for caches and what else comes
_KV_SHARE = 0.25  # of what is left for weights and cache together
_WORKSPACE = 64 * 2**20
_DEFAULT_SEQ_LENGTH = 4096
_LONG_TEXT = 4096  # tokens: what is not worth keeping of so many is never
_SWAP_SHARE = 2  # times the cache: of preempted texts kept elsewhere
_NO_RATES = Bandwidths(
    disk=1e9, memory=1e10, host_to_device=0.0, matmul={}, direct=False
)  # only the limits count


@dataclass(slots=True)
class OffloadPlan:
    """What is decided while the model loads. kv_bytes: all that its and its SSMs' caches may take."""

    keeper: Offloader
    folder: Path
    kv_bytes: int = 0

    def kv_swap(self, runner: ModelRunner) -> tuple[KVSwap | None, Choice]:
        """Where preempted texts wait, once the cache is there; None where computing them again is as good."""
        on_gpu = runner.device.type == "cuda"
        quantised = runner.loaded.quantisation.kind
        kind = LINEAR_KINDS[quantised] if quantised else kernel_kind(runner.loaded.dtype)
        rates = remembered(self.folder, runner.device, kind)
        what = "preempted texts"
        if rates is None:
            reason = "what this machine moves is not measured yet: flexserve plan does"
            return None, Choice(what=what, chosen="computed again", reason=reason)
        speed = rates.host_to_device if on_gpu else rates.disk
        row_s = runner.loaded.num_parameters / next(iter(rates.matmul.values()))
        costs = SwapCosts(move=runner.bytes_per_token() / speed, compute=row_s)
        reason = f"moving a token twice {2e6 * costs.move:.0f} µs, computing it {1e6 * row_s:.0f} µs"
        if not costs.worth(_LONG_TEXT):
            return None, Choice(what=what, chosen="computed again", reason=reason)
        limit = _SWAP_SHARE * runner.pool.num_slots * runner.bytes_per_token()
        swap = KVSwap(runner.store, costs, limit, None if on_gpu else self.folder)
        return swap, Choice(
            what=what, chosen=f"wait {'in host memory' if on_gpu else 'on disk'}", reason=reason
        )

    def choice(self) -> Choice:
        """In words."""
        placement = self.keeper.placement
        moved = placement.nbytes("disk") + placement.nbytes("host")
        if not moved:
            return Choice(what="weights", chosen="all in memory", reason="they fit")
        stay = placement.nbytes("compute")
        chosen = f"{shown(stay)} stay, {shown(placement.nbytes('disk'))} on disk"
        if placement.nbytes("host"):
            chosen += f", {shown(placement.nbytes('host'))} in host memory"
        return Choice(
            what="weights",
            chosen=chosen,
            reason=f"the limit; a step moves {shown(placement.moved('disk') + placement.moved('host'))} through "
            f"a ring of {shown(placement.ring_bytes)}",
        )


def offload_plan(
    config: EngineConfig, ssms: Sequence[str], dtype: torch.dtype, device: torch.device
) -> OffloadPlan | None:
    """None when the model is loaded as a whole. ssms: names of the models that stay in compute memory.

    Raises ConfigurationError for settings that cannot be.
    """
    if config.offload == "none":
        return None
    on_gpu = device.type == "cuda"
    if config.offload == "cpu" and not on_gpu:
        raise ConfigurationError(
            "offload", "cpu", f"the model computes on the {device.type} anyway", "Use auto or disk."
        )
    if config.percent is not None:
        weight_shares(config.percent, on_gpu)
    folder = _folder(config)
    rates = measured(folder, device, kernel_kind(dtype)) if on_gpu else _NO_RATES
    libraries = library_bytes()
    at_once = not _fits(config, dtype, device) or config.percent is not None
    keeper = Offloader(folder, lambda model, groups: decide(model, groups), SMALL, at_once)
    found = OffloadPlan(keeper, folder)

    def decide(model: nn.Module, groups: list[Group]) -> Placement:
        disk = config.offload != "cpu"
        limits = (config.device_memory, config.host_memory)
        machine = machine_limits(rates, device, *limits, disk, libraries, keeper.held_bytes)
        room, found.kv_bytes = _room(config, ssms, machine, model, dtype, device)
        if config.percent is not None:
            return as_told(groups, room, weight_shares(config.percent, on_gpu))
        return place(groups, room, Rates(rates.disk, rates.host_to_device or float("inf")))

    return found


def _room(
    config: EngineConfig,
    names: Sequence[str],
    machine: Machine,
    model: Any,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Memory, int]:
    """(what weights and their ring may take, what the KV caches may take)."""
    shape = Checkpoint(config.model, (), model.config.get_text_config().to_dict())
    ssms = [find_checkpoint(name) for name in names]
    ssm_kind = kernel_kind(
        pick_dtype(config.ssm_dtype or config.dtype, device, config.ssm_quantization is not None)[0]
    )
    ssm_bytes = sum(weights_bytes(ssm, ssm_kind, config.ssm_quantization) for ssm in ssms)
    small = sum(each.nbytes for each in model.parameters() if each.nbytes < SMALL)
    host = machine.host is None
    rows = config.max_tokens_per_batch
    workspace = _WORKSPACE + 2 * 4 * min(rows, 512) * 4 * shape.hidden_size
    left = machine.compute - ssm_bytes - workspace - (machine.process if host else small)
    per_token = shape.kv_bytes_per_token(*cache_row(kernel_kind(dtype), config.kv_cache_dtype))
    per_token += sum(ssm.kv_bytes_per_token(ITEM[ssm_kind]) for ssm in ssms)
    kv = _kv_bytes(config, shape, per_token, left)
    if left - kv <= 0:
        raise ConfigurationError(
            "host_memory" if host else "device_memory",
            shown(machine.compute),
            f"{shown(machine.compute - left + kv)} are needed before the first weight: the program, the SSM, working "
            "memory and the cache of one text",
            "Raise it, or lower max_seq_length.",
        )
    return Memory(left - kv, None if host else (machine.host or 0) - machine.process, machine.disk), kv


def _fits(config: EngineConfig, dtype: torch.dtype, device: torch.device) -> bool:
    """By its headers the model will probably stay in compute memory as a whole; it is decided later.

    OffloadError for a damaged checkpoint.
    """
    try:
        weights = find_checkpoint(config.model)
    except ModelError:
        return False  # not on this machine yet
    machine = machine_limits(_NO_RATES, device, config.device_memory, config.host_memory)
    needed = weights_bytes(weights, kernel_kind(dtype), config.quantization)
    return config.grown is None and needed * _SPARE < machine.compute - machine.process


def _kv_bytes(config: EngineConfig, shape: Checkpoint, per_token: int, left: int) -> int:
    """A full batch's cache if it is a modest share of memory, at least one text's."""
    limit = next(
        (
            shape.config[n]
            for n in ("max_position_embeddings", "n_positions", "max_seq_len")
            if n in shape.config
        ),
        _DEFAULT_SEQ_LENGTH,
    )
    length = config.max_seq_length or min(int(limit), _DEFAULT_SEQ_LENGTH)
    longest = (length + config.max_tree_nodes + config.kv_block_size) * per_token
    if config.num_kv_blocks is not None:
        return config.num_kv_blocks * config.kv_block_size * per_token
    return min(config.max_requests_per_batch * longest, max(longest, int(_KV_SHARE * left)))


def _folder(config: EngineConfig) -> Path:
    """Where a file of converted weights would go; by default beside what is remembered of this machine."""
    if config.offload_dir is None:
        folder = cost_folder().parent / "offload"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return named_folder(config.offload_dir)
