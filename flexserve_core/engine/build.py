"""From an EngineConfig to a server that can start: load, choose, prove, size the caches, wire up.

The one place that knows all rooms. Every automatic choice comes out as a `Choice` with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

import torch
from flexserve_kernels import available

from flexserve_core.config import DEMO_MODEL, DEMO_SSM, EngineConfig
from flexserve_core.engine.engine import Engine
from flexserve_core.engine.policies import is_adaptive, make_policy, measure
from flexserve_core.engine.server import EngineServer
from flexserve_core.env import flag
from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.catalog import embedded_models
from flexserve_core.models.loader import LoadedModel, check_same_vocabulary, load_model
from flexserve_core.models.precision import kernel_kind, pick_device, pick_dtype
from flexserve_core.models.quantise import Quantisation
from flexserve_core.offload.setup import OffloadPlan, offload_plan
from flexserve_core.policy.policy import Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.proof import prove
from flexserve_core.runner.timing import ForwardTimes
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.expansion import expansion_of
from flexserve_core.speculation.registry import create_drafter
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.types import Choice, EngineInfo, Limits, ProofItem

Progress = Callable[[str], None]
_DEFAULT_MAX_SEQ_LENGTH = 4096
_KV_SHARE = 0.4  # of the memory that is free after loading
_PROOF_BLOCKS = 32
_MSS = Choice(
    what="verification",
    chosen="mss",
    reason="as configured; a sampled text has the law of plain decoding, but depends on its drafts",
)


def build_server(
    config: EngineConfig,
    progress: Progress | None = None,
    wrap_policy: Callable[[Policy], Policy] | None = None,
) -> EngineServer:
    """Load and wire everything; not started. `progress` is told, in words, what happens next.

    wrap_policy: what it makes of the policy of speculation decides in its place.

    Raises ModelError, ConfigurationError.
    """
    # In a thread of its own: every thread that ran torch keeps a pool of workers, and once the pools together exceed
    # the CPUs libgomp puts waiting workers to sleep, which tripled the time of a small model's step.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="flexserve-build") as apart:
        return apart.submit(_build, config, progress or (lambda _: None), wrap_policy).result()


def _build(
    config: EngineConfig, say: Progress, wrap_policy: Callable[[Policy], Policy] | None
) -> EngineServer:
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    speculating = config.speculation and not flag("FLEXSERVE_REFERENCE")
    device, device_choice = pick_device(config.device)
    dtype, dtype_choice = pick_dtype(config.dtype, device, bool(config.quantization or config.quantize_head))
    offload = offload_plan(config, _ssm_names(config) if speculating else (), dtype, device)
    runner, proof = _load_proven(config.model, dtype, device, config, say, offload)
    ssms = _load_ssms(config, runner.loaded, device, say) if speculating else []
    limits = _limits(config, runner.loaded)
    tree_nodes = config.max_tree_nodes if speculating else 0
    times, remembered = _time(config, [runner, *ssms], say) if speculating else ([], False)
    kv_choice = _allocate(config, runner, ssms, limits, tree_nodes, offload.kv_bytes if offload else None)
    swap, swap_choice = offload.kv_swap(runner) if offload else (None, None)
    drafters = _drafters(config, runner.loaded, ssms, limits) if speculating else []
    policy, policy_choice = make_policy(config, times, len(drafters), remembered)
    engine = Engine(
        runner,
        drafters,
        policy=wrap_policy(policy) if wrap_policy else policy,
        mss=config.verification == "mss",
        swap=swap,
        max_requests=config.max_requests_per_batch,
        max_rows=limits.max_tokens_per_batch,
        max_tree_nodes=tree_nodes,
        max_tree_depth=len(config.tree_shape) if config.tree_shape else config.max_tree_depth,
    )
    kernels = [Choice(what=op.op, chosen=op.chosen, reason=op.reason) for op in available(device)]
    info = EngineInfo(
        model=config.model,
        grown=config.grown,
        quantization=runner.loaded.quantisation.kind,
        quantize_head=runner.loaded.quantisation.head,
        kv_cache_dtype="int8" if runner.cache_dtype == torch.int8 else None,
        model_type=runner.loaded.config.model_type,
        device=str(device),
        dtype=str(dtype).removeprefix("torch."),
        num_parameters=runner.loaded.num_parameters,
        ssms=tuple(ssm.loaded.name for ssm in ssms),
        speculation=_in_words(config, drafters),
        choices=(
            *(device_choice, dtype_choice, kv_choice, *([offload.choice()] if offload else [])),
            *([swap_choice] if swap_choice else []),
            *([policy_choice] if drafters else []),
            *([_MSS] if drafters and config.verification == "mss" else []),
            *kernels,
        ),
        proof=proof,
        limits=limits,
        version=flexserve_version(),
        has_chat_template=runner.loaded.tokenizer.has_chat_template,
        torch=torch.__version__,
        threads=torch.get_num_threads(),
    )
    return EngineServer(engine, runner.loaded.tokenizer, info, config.max_queued_requests)


def flexserve_version() -> str:
    try:
        return version("flexserve")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+unknown"


def _load_proven(
    name: str,
    dtype: torch.dtype,
    device: torch.device,
    config: EngineConfig,
    say: Progress,
    offload: OffloadPlan | None,
) -> tuple[ModelRunner, tuple[ProofItem, ...]]:
    """The model, once row invariance is shown to hold for it here; refused otherwise."""
    say(f"loading {name}")
    runner = ModelRunner(
        load_model(
            *(name, dtype, device),
            revision=config.revision,
            cache_dir=config.cache_dir,
            grown=config.grown,
            quantisation=Quantisation(config.quantization, config.quantize_head),
            keeper=offload.keeper if offload else None,
        ),
        torch.int8 if config.kv_cache_dtype == "int8" else None,
    )
    runner.allocate(_PROOF_BLOCKS, 16)
    say(f"checking that {name} computes rows independently on this machine")
    proof = prove(runner)
    if all(item.holds for item in proof):
        return runner, proof
    failed = "; ".join(f"{item.what}: {item.detail}" for item in proof if not item.holds)
    raise ModelError(
        name,
        f"row invariance does not hold on this machine in {kernel_kind(dtype)} ({failed}), so speculation could "
        "change its output",
        "Try another --dtype (float32), or report the output of `flexserve info`.",
    )


def _time(config: EngineConfig, runners: list[ModelRunner], say: Progress) -> tuple[list[ForwardTimes], bool]:
    if not is_adaptive(config):
        return [], False
    say("measuring what a step costs here")
    for runner in runners:
        runner.allocate(_PROOF_BLOCKS, 16)
    return measure(config, runners)


def _ssm_names(config: EngineConfig) -> tuple[str, ...]:
    if config.ssms is not None:
        return config.ssms
    return (DEMO_SSM,) if config.model == DEMO_MODEL and DEMO_SSM in embedded_models() else ()


def _load_ssms(
    config: EngineConfig, llm: LoadedModel, device: torch.device, say: Progress
) -> list[ModelRunner]:
    dtype, _ = pick_dtype(config.ssm_dtype or config.dtype, device, config.ssm_quantization is not None)
    runners = []
    for name in _ssm_names(config):
        say(f"loading the small model {name}")
        quantisation = Quantisation(config.ssm_quantization)
        loaded = load_model(name, dtype, device, cache_dir=config.cache_dir, quantisation=quantisation)
        check_same_vocabulary(llm, loaded)
        runners.append(ModelRunner(loaded))
    return runners


def _limits(config: EngineConfig, llm: LoadedModel) -> Limits:
    possible = llm.max_positions()
    asked = config.max_seq_length
    if asked is not None and asked > possible:
        raise ConfigurationError(
            "max_seq_length",
            asked,
            f"{llm.name} has positions for {possible} tokens",
            "Lower it, or leave it out.",
        )
    return Limits(
        vocab_size=llm.vocab_size,
        max_seq_length=asked or min(possible, _DEFAULT_MAX_SEQ_LENGTH),
        max_requests_per_batch=config.max_requests_per_batch,
        max_tokens_per_batch=max(config.max_tokens_per_batch, config.max_requests_per_batch),
    )


def _allocate(
    config: EngineConfig,
    runner: ModelRunner,
    ssms: list[ModelRunner],
    limits: Limits,
    tree_nodes: int,
    most: int | None,
) -> Choice:
    """Give every model the same number of KV blocks: enough for a full batch if memory allows, and for one text.

    most: bytes for them; None: a share of what is free.
    """
    size = config.kv_block_size
    least = -(-limits.max_seq_length // size)
    wanted = -(-(limits.max_seq_length + tree_nodes) // size) * config.max_requests_per_batch
    bytes_per_block = size * sum(each.bytes_per_token() for each in [runner, *ssms])
    affordable = (int(_free_bytes(runner.device) * _KV_SHARE) if most is None else most) // bytes_per_block
    blocks = config.num_kv_blocks or min(wanted, affordable)
    if config.num_kv_blocks is not None and blocks < least:
        raise ConfigurationError(
            "num_kv_blocks",
            blocks,
            f"one text of max_seq_length = {limits.max_seq_length} tokens needs {least} blocks of {size}",
            "Raise it, or lower max_seq_length.",
        )
    if blocks < least:
        raise ConfigurationError(
            "max_seq_length",
            limits.max_seq_length,
            f"one such sequence needs {least * bytes_per_block >> 20} MiB of KV cache and "
            f"{affordable * bytes_per_block >> 20} MiB are affordable",
            "Lower max_seq_length.",
        )
    for each in [runner, *ssms]:
        each.allocate(blocks, size, config.prefix_caching)
    reason = "a full batch fits" if blocks >= wanted else "memory allows no more; long texts will take turns"
    if config.num_kv_blocks is not None:
        reason = "as configured"
    chosen = f"{blocks} blocks of {size} tokens, {blocks * bytes_per_block / 2**20:.0f} MiB"
    if runner.cache_dtype == torch.int8:
        chosen += ", the LLM's in int8"
    return Choice(what="KV cache", chosen=chosen, reason=reason)


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _drafters(
    config: EngineConfig, llm: LoadedModel, ssms: list[ModelRunner], limits: Limits
) -> list[Drafter]:
    expansion = expansion_of(config)
    max_rows = config.ssm_max_tokens_per_batch or limits.max_tokens_per_batch
    drafters: list[Drafter] = [SSMDrafter(ssm, expansion, max_rows, llm.vocab_size) for ssm in ssms]
    options = config.text_drafter_options
    return [*drafters, *(create_drafter(name, **options.get(name, {})) for name in config.text_drafters)]


def _in_words(config: EngineConfig, drafters: list[Drafter]) -> str:
    if not drafters:
        return "off"
    shape = f"trees of up to {config.max_tree_nodes} nodes"
    if config.tree_shape:
        shape = f"trees <{','.join(map(str, config.tree_shape))}>"
    elif config.beam_width:
        shape = f"beams of {config.beam_width}"
    return f"{shape} from {' + '.join(drafter.name for drafter in drafters)}"
