"""Settings for many prompts at once: the batch with which each weight that is brought serves enough rows.

Under offload a step costs what it moves until arithmetic takes longer, so throughput rises with the batch until then,
or until the cache of more texts takes the room of more weights; the plan finds where. Knows nothing of requests.
Source: FlexGen (Sheng et al., 2023), section 4.2: its block schedule, where a layer serves block after block; here all
rows of a step pass a layer together (docs/decisions/0010-offload.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flexserve_core.config import EngineConfig
from flexserve_core.errors import ModelError
from flexserve_core.models.precision import kernel_kind, pick_device, pick_dtype
from flexserve_core.offload.bandwidth import measured
from flexserve_core.offload.headers import Checkpoint
from flexserve_core.offload.plan import Machine, Model, Plan, Workload, by_batch, describe
from flexserve_core.offload.report import disk_of, find_checkpoint, machine_limits

_BYTES_PER_TOKEN = 2  # of a prompt, at least, in most texts: rather too many cache blocks than too few
_MOST = 1024  # as config allows
_SPARE = 128 * 2**20  # that the program will take more than now, once it runs
_DEFAULT_SEQ_LENGTH = 4096


def for_many(config: EngineConfig, prompt_bytes: Sequence[int], new_tokens: int) -> EngineConfig:
    """`config` with the batch and the cache that bring most tokens a second when all these prompts are there at once.

    prompt_bytes: length of each prompt in UTF-8; new_tokens: that each may get. Unchanged without offload, where the
    model's headers are not here yet, and where num_kv_blocks says what the cache is. Raises ConfigurationError.
    """
    if config.offload == "none" or config.num_kv_blocks is not None or not prompt_bytes:
        return config
    try:
        model, machine, longest = _situation(config)
    except ModelError:
        return config
    average = sum(prompt_bytes) / len(prompt_bytes) / _BYTES_PER_TOKEN + new_tokens
    size = config.kv_block_size
    room = min(int(average) + 1, longest) + (config.max_tree_nodes if config.speculation else 0)
    blocks = -(-room // size) + 1  # of one text
    best = best_batch(model, machine, blocks * size, len(prompt_bytes))
    if best is None:  # loading says what does not fit
        return config
    requests = min(best.workload.batch, len(prompt_bytes), _MOST)
    least = -(-longest // size)
    return replace(config, max_requests_per_batch=requests, num_kv_blocks=max(requests * blocks, least))


def best_batch(model: Model, machine: Machine, context: int, prompts: int) -> Plan | None:
    """The batch of the highest throughput; None where not even one text fits. context: tokens of each."""
    largest = 1 << (min(prompts, _MOST) - 1).bit_length()
    plans = by_batch(model, machine, Workload(context=context), largest)
    return max(plans, key=lambda each: each.tokens_per_s, default=None)


def _situation(config: EngineConfig) -> tuple[Model, Machine, int]:
    """(model, machine, tokens of the longest text)."""
    device, _ = pick_device(config.device)
    dtype, _ = pick_dtype(config.dtype, device, bool(config.quantization or config.quantize_head))
    checkpoint = find_checkpoint(config.model)
    names = (config.ssms or ()) if config.speculation else ()
    ssm = find_checkpoint(names[0]) if names else None
    model = describe(checkpoint, kernel_kind(dtype), config.quantization, ssm, config.kv_cache_dtype)
    rates = measured(disk_of(checkpoint, config.offload_dir), device, model.linear_kind)
    limits = (config.device_memory, config.host_memory)
    machine = machine_limits(rates, device, *limits, disk=config.offload != "cpu")
    machine = replace(machine, process=machine.process + _SPARE)
    return model, machine, config.max_seq_length or _longest(checkpoint)


def _longest(checkpoint: Checkpoint) -> int:
    try:
        own = checkpoint.number("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
    except ModelError:
        return _DEFAULT_SEQ_LENGTH
    return min(own, _DEFAULT_SEQ_LENGTH)
