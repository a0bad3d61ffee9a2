"""`ff.init`: what the process may use, in the ancestor's words. Knows nothing of models.

Every key of FlexFlow Serve's `init` is accepted. Those that name Legion's internals have no counterpart here and are
checked and noted, those of features that this version does not have are refused when switched on.
Source: flexflow-serve, python/flexflow/serve/__init__.py.
"""

from __future__ import annotations

import dataclasses
import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch

from flexserve_core.errors import ConfigurationError
from flexserve_core.offload.sizes import parse_size


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """Sizes in MB, as the ancestor. None: look at the machine.

    offload: engines keep what fits into memory_per_gpu on the GPU and into zero_copy_memory_per_node (without a GPU:
    that and cpu_memory_per_node together) in host memory, the rest on disk. The buffers that weights move through are
    sized by the plan, whatever offload_reserve_space_size says.
    """

    num_gpus: int | None = None
    memory_per_gpu: int | None = None
    zero_copy_memory_per_node: int | None = None
    num_cpus: int | None = None  # torch threads
    cpu_memory_per_node: int | None = None
    legion_utility_processors: int | None = None
    data_parallelism_degree: int = 1
    tensor_parallelism_degree: int = 1
    pipeline_parallelism_degree: int = 1
    offload: bool = False
    offload_reserve_space_size: int | None = None
    use_4bit_quantization: bool = False
    use_8bit_quantization: bool = False
    enable_peft: bool = False
    peft_activation_reserve_space_size: int | None = None
    profiling: bool = False
    benchmarking: bool = False
    inference_debugging: bool = False
    fusion: bool = True
    log_instance_creation: bool = False


_NAMES = tuple(field.name for field in fields(RuntimeConfig))
_SWITCHES = tuple(field.name for field in fields(RuntimeConfig) if isinstance(field.default, bool))
_DEGREES = ("data_parallelism_degree", "tensor_parallelism_degree", "pipeline_parallelism_degree")
_NOT_HERE = {
    "enable_peft": "fine-tuning is not part of FlexServe",
    "profiling": "FLEXSERVE_TRACE=file.jsonl records every step instead",
    "benchmarking": "random weights in place of a checkpoint are not offered",
    "inference_debugging": "tensor dumps are not offered",
    "log_instance_creation": "there are no Legion instances",
}

_current: RuntimeConfig | None = None


def init(
    configs_dict: Mapping[str, Any] | None = None, *, strict: bool = False, **configs: Any
) -> RuntimeConfig:
    """Say what the process may use: a dict, keywords, or nothing (then the machine is looked at).

    More GPUs than there are: a warning, and what is there is used; with `strict` an error. Calling it again replaces
    the settings for engines compiled later. Raises ConfigurationError for unknown, malformed or unsupported settings.
    """
    global _current
    if configs_dict is not None and configs:
        raise ConfigurationError(
            "configs_dict",
            "a dict and keywords",
            "settings come as one dict or as keywords",
            "Use one of them.",
        )
    if configs_dict is not None and not isinstance(configs_dict, Mapping):
        raise ConfigurationError("configs_dict", configs_dict, "it is a dict", "Pass a dict or keywords.")
    given = dict(configs_dict or configs)
    for name, value in given.items():
        _check(name, value)
    config = RuntimeConfig(**given)
    _refuse_unsupported(config)
    _current = _fit_gpus(config, strict)
    if _current.num_cpus:
        torch.set_num_threads(_current.num_cpus)
    return _current


def current() -> RuntimeConfig:
    """The settings of the last `init`; the machine's own when it was never called."""
    return _current or init()


def quantisation_settings(given: Mapping[str, Any], runtime: RuntimeConfig) -> dict[str, Any]:
    """The LLM's quantisation: as given, else as `init` was told. An SSM says its own."""
    asked = {"int4": runtime.use_4bit_quantization, "int8": runtime.use_8bit_quantization}
    kinds = [kind for kind, wanted in asked.items() if wanted and given.get("quantization") is None]
    return {"quantization": kinds[0]} if kinds else {}


_PLACES = ("offload", "device_memory", "host_memory", "offload_dir", "percent")


def offload_settings(given: Mapping[str, Any], runtime: RuntimeConfig | None = None) -> dict[str, Any]:
    """The fields of EngineConfig about offload: as given (sizes may be "6GiB"), else as `init` was told."""
    found = {name: given[name] for name in _PLACES if given.get(name) is not None}
    for name in ("device_memory", "host_memory"):
        if name in found:
            found[name] = parse_size(name, found[name])
    if found or runtime is None or not runtime.offload:
        return found
    host = (runtime.zero_copy_memory_per_node or 0) + (runtime.cpu_memory_per_node or 0)
    device = runtime.memory_per_gpu if runtime.num_gpus else None
    sizes = {"host_memory": host * 2**20 or None, "device_memory": device and device * 2**20}
    return {"offload": "auto", **sizes}


def _check(name: str, value: Any) -> None:
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_NAMES)}."
        raise ConfigurationError(name, value, "there is no such setting", remedy)
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise ConfigurationError(name, value, "it is True or False", "Pass a bool.")
        return
    lowest = 0 if name == "num_gpus" else 1
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < lowest):
        raise ConfigurationError(name, value, f"it is a whole number, at least {lowest}", "Pass an int.")


def _refuse_unsupported(config: RuntimeConfig) -> None:
    for name, why in _NOT_HERE.items():
        if getattr(config, name):
            raise ConfigurationError(name, True, why, "Leave it out or set it to False.")
    if config.use_4bit_quantization and config.use_8bit_quantization:
        raise ConfigurationError(
            "use_8bit_quantization", True, "use_4bit_quantization is set too", "Set one of them."
        )
    for name in _DEGREES:
        if getattr(config, name) != 1:
            raise ConfigurationError(
                name,
                getattr(config, name),
                "this version runs a model on one device",
                "Leave it out or set it to 1.",
            )


def _fit_gpus(config: RuntimeConfig, strict: bool) -> RuntimeConfig:
    there = torch.cuda.device_count()
    wanted = there if config.num_gpus is None else config.num_gpus
    if wanted > there:
        message = f"num_gpus = {wanted}, but this machine has {there}"
        if strict:
            raise ConfigurationError(
                "num_gpus", wanted, f"this machine has {there}", "Lower it, or drop strict=True."
            )
        warnings.warn(
            f"{message}; FlexServe uses {f'{there} of them' if there else 'the CPU'}.", stacklevel=3
        )
    return dataclasses.replace(config, num_gpus=min(wanted, there))
