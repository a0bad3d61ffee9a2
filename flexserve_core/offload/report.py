"""`flexserve plan`: a model's name and some limits in, everything the plan says out, as one JSON-ready dict.

Finds the checkpoint, the limits and the bandwidths, asks plan.py and explains the answer. Loads no weight.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download

from flexserve_core.config import KV_CACHE_DTYPES, check_choice
from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.catalog import resolve
from flexserve_core.models.precision import kernel_kind, pick_device, pick_dtype
from flexserve_core.offload.bandwidth import Bandwidths, measured
from flexserve_core.offload.headers import Checkpoint, read_checkpoint
from flexserve_core.offload.memory import device_available, host_available, process_bytes
from flexserve_core.offload.percent import weight_shares
from flexserve_core.offload.place import RING_TENSORS
from flexserve_core.offload.plan import (
    ACCEPTANCE,
    QUANTISED,
    Machine,
    Model,
    Plan,
    Workload,
    by_batch,
    describe,
    expected_tokens,
    plan,
    recommend,
    recommended_batch,
)

_FREE_SHARE = 0.9  # of what is free now, when no limit is given


def plan_model(
    name: str,
    *,
    ssm: str | None = None,
    quantize: str | None = None,
    kv_cache_dtype: str = "auto",
    dtype: str = "auto",
    device: str = "auto",
    device_memory: int | None = None,
    host_memory: int | None = None,
    batch: int | None = None,
    context: int = 1024,
    percent: Sequence[float] | None = None,
    offload_dir: str | None = None,
    measure_again: bool = False,
) -> dict[str, Any]:
    """What goes where, memory per tier, step time, bottleneck, recommended tree and batch.

    Sizes in bytes, times in seconds. batch None: plan for one request, recommend a batch. Raises ModelError,
    ConfigurationError, OffloadError.
    """
    if quantize is not None:
        check_choice("quantize", quantize, QUANTISED)
    check_choice("kv_cache_dtype", kv_cache_dtype, KV_CACHE_DTYPES)
    where, _ = pick_device(device)
    kind = kernel_kind(pick_dtype(dtype, where)[0])
    checkpoint = find_checkpoint(name)
    model = describe(checkpoint, kind, quantize, find_checkpoint(ssm) if ssm else None, kv_cache_dtype)
    rates = measured(disk_of(checkpoint, offload_dir), where, model.linear_kind, measure_again)
    machine = machine_limits(rates, where, device_memory, host_memory)
    workload = Workload(batch=batch or 1, context=context)
    chosen = recommend(model, machine, workload)
    if percent is not None:
        shares = weight_shares(percent, machine.host is not None)
        chosen = plan(model, machine, chosen.workload, shares)
    batches = by_batch(model, machine, workload)
    return _report(checkpoint, model, machine, chosen, batches, quantize, where)


def find_checkpoint(name: str) -> Checkpoint:
    """A model by the name a person types; of the hub only what is on this machine already."""
    source = resolve(name)
    if source.is_local:
        return read_checkpoint(name, Path(source.location))
    try:
        folder = snapshot_download(
            source.location, allow_patterns=["config.json", "*.safetensors"], local_files_only=True
        )
    except Exception as error:  # the hub's library raises many kinds; each means that it is not here
        raise ModelError(
            name, "it is not on this machine yet, so its headers cannot be read", "Download it first."
        ) from error
    return read_checkpoint(name, Path(folder))


def machine_limits(
    rates: Bandwidths,
    device: torch.device,
    device_memory: int | None,
    host_memory: int | None,
    disk: bool = True,
    libraries: int | None = None,
    held: int = 0,
) -> Machine:
    """Limits as given, else what this process takes and most of what is free.

    libraries: bytes of mapped files that are the program's (None: all that are mapped now); they are page cache, so
    what is free has them already. held: bytes of weights in memory, which are not the program's.
    """
    process = max(0, process_bytes(libraries) - held)
    host = host_memory or int(_FREE_SHARE * host_available()) + process_bytes(0)
    if device.type == "cuda":
        compute = device_memory or int(_FREE_SHARE * device_available(device))
        return Machine(rates=rates, compute=compute, host=host, process=process, disk=disk)
    if device_memory is not None:
        raise ConfigurationError(
            "device_memory",
            device_memory,
            f"the model computes on the {device.type}, whose memory is host memory",
            "Give host_memory (--host-memory) instead.",
        )
    return Machine(rates=rates, compute=host, host=None, process=process, disk=disk)


def named_folder(offload_dir: str) -> Path:
    """The folder that a person asked for. ConfigurationError if there is none."""
    folder = Path(offload_dir).expanduser()
    if not folder.is_dir():
        raise ConfigurationError(
            "offload_dir", offload_dir, "there is no such folder", "Create it, or name another one."
        )
    return folder


def disk_of(checkpoint: Checkpoint, offload_dir: str | None) -> Path:
    """A folder on the disk that weights would be read from; a packaged model's own may be read-only."""
    if offload_dir:
        return named_folder(offload_dir)
    folder = checkpoint.tensors[0].file.parent
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())


def _report(
    checkpoint: Checkpoint,
    model: Model,
    machine: Machine,
    chosen: Plan,
    batches: Sequence[Plan],
    quantize: str | None,
    device: torch.device,
) -> dict[str, Any]:
    best = recommended_batch(batches) if batches else chosen
    rates = machine.rates
    return {
        "model": checkpoint.name,
        "device": str(device),
        "dtype": model.kind,
        "stored_dtype": checkpoint.dtype,
        "quantize": quantize or checkpoint.quantised,
        "weights_bytes": sum(g.nbytes * g.count for g in model.groups) + model.resident,
        "placement": [
            {
                "what": s.group.name,
                "nbytes": s.group.nbytes,
                "count": s.group.count,
                "by_rows": s.group.by_rows,
            }
            | {"compute": s.compute, "host": s.host, "disk": s.disk}
            for s in chosen.placement.shares
        ],
        "memory": {
            "compute": {
                "limit": machine.compute,
                "needed": chosen.compute_bytes,
                "weights": chosen.placement.nbytes("compute") + model.resident,
                "ring": chosen.placement.ring_bytes,
                "kv_cache": chosen.kv_bytes,
                "workspace": chosen.workspace_bytes,
                "ssm": model.ssm_bytes,
                "program": machine.process if machine.host is None else 0,
            },
            "host": {
                "limit": machine.host,
                "needed": chosen.host_bytes,
                "weights": chosen.placement.nbytes("host"),
            },
            "disk": {"weights": chosen.placement.nbytes("disk")},
        },
        "workload": {"batch": chosen.workload.batch, "context": chosen.workload.context},
        "bytes_per_step": chosen.bytes_per_step,
        "step_s": chosen.step_s,
        "parts_s": {
            "disk": chosen.disk_s,
            "host_to_device": chosen.copy_s,
            "arithmetic": chosen.arithmetic_s,
            "drafting": chosen.draft_s,
        },
        "bottleneck": chosen.bottleneck,
        "recommended": {
            "tree_nodes": chosen.workload.nodes,
            "tree_depth": expected_tokens(chosen.workload.nodes)[1],
            "batch": best.workload.batch,
        },
        "tokens_per_step": chosen.tokens_per_step,
        "tokens_per_s": chosen.tokens_per_s,
        "batches": [
            {"batch": each.workload.batch, "tree_nodes": each.workload.nodes}
            | {"step_s": each.step_s, "tokens_per_s": each.tokens_per_s}
            for each in batches
        ],
        "bandwidths": {
            "disk": rates.disk,
            "disk_is_direct": rates.direct,
            "memory": rates.memory,
            "host_to_device": rates.host_to_device,
            "matmul_macs": rates.matmul[model.linear_kind],
        },
        "assumptions": {"acceptance_by_rank": ACCEPTANCE, "ring_tensors": RING_TENSORS},
    }
