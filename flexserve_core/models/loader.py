"""Loads a checkpoint with transformers and prepares it for the engine.

Only safetensors, never pickle; never code from a checkpoint. Knows nothing of caches or requests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, GenerationConfig

from flexserve_core.errors import ModelError, TokenizerMismatchError
from flexserve_core.models.bitsandbytes_format import quantised_kind, split_stored
from flexserve_core.models.catalog import ModelSource, resolve
from flexserve_core.models.checkpoint import checkpoint_folder, open_checkpoint, stored_dtype
from flexserve_core.models.families.adapter import install
from flexserve_core.models.families.registry import family_of
from flexserve_core.models.grow import grow_config, grow_weights, growth_to
from flexserve_core.models.prepare import (
    prepare,
    prepare_norms,
    refuse_unsupported,
    unsupported_attention,
)
from flexserve_core.models.quantise import (
    FULL_PRECISION,
    Quantisation,
    held_weight,
    loading_failure,
    loading_options,
    require_quantiser,
)
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.runner.attention import ADAPTED, IMPLEMENTATION, register

_DEFAULT_MAX_SEQ_LENGTH = 4096


class WeightKeeper(Protocol):
    """Decides where a model's weights live while it is prepared."""

    def wait(self, name: str, weight: Tensor) -> Tensor:
        """A quantised tensor is read, whose layer is prepared later: the same numbers, where they may wait."""
        ...

    def take(self, path: str, module: nn.Module) -> None:
        """A linear layer has been prepared."""
        ...

    def finish(self, model: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
        """All have; the rest of the model still has the checkpoint's dtype and is to have `dtype`."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A prepared model with its tokenizer; `model` maps packed ids to logits inside the engine only."""

    name: str
    source: ModelSource
    model: nn.Module
    config: Any
    tokenizer: Tokenizer
    dtype: torch.dtype
    device: torch.device
    reference_attention: str  # transformers' attention implementation that ours is compared with
    quantisation: Quantisation
    num_parameters: int  # a tensor that several modules share (a tied head) counts once

    @property
    def vocab_size(self) -> int:
        return int(self.config.get_text_config().vocab_size)

    def eos_token_ids(self) -> frozenset[int]:
        """Every id that ends a text, from generation_config, config and tokenizer."""
        generation = getattr(self.model, "generation_config", None)
        found: set[int] = set()
        for value in (
            getattr(generation, "eos_token_id", None),
            self.config.eos_token_id,
            self.tokenizer.eos_id,
        ):
            found.update(value if isinstance(value, (list, tuple)) else [value] if value is not None else [])
        return frozenset(int(token) for token in found)

    def max_positions(self) -> int:
        """Tokens a sequence may have by the model's own limit; a default where it states none."""
        return _max_positions(self.config)


def load_model(
    name: str,
    dtype: torch.dtype,
    device: torch.device,
    *,
    revision: str | None = None,
    cache_dir: str | None = None,
    grown: str | None = None,
    quantisation: Quantisation = FULL_PRECISION,
    keeper: WeightKeeper | None = None,
) -> LoadedModel:
    """Load and prepare; ModelError when there is no such model or it cannot run here.

    grown: a size of `config.GROWN_SIZES` that a local llama is grown to in memory (`models/grow.py`).
    quantisation: of the linear layers, while they are read; they compute in bf16 then (`models/quantise.py`).
    keeper: sees to where the weights live (`offload/loading.py`).
    """
    register()
    source = resolve(name)
    config = _load_config(source, revision, cache_dir)
    refuse_unsupported(name, config)
    tokenizer = Tokenizer.load(source, revision, cache_dir)
    adapted = family_of(config) is not None
    stored_kind = quantised_kind(name, config)
    if stored_kind is not None:
        _check_stored(name, stored_kind, quantisation, dtype)
        quantisation = replace(quantisation, kind=stored_kind)
    require_quantiser(quantisation, stored_kind is not None)
    wait = keeper.wait if keeper else None
    where: dict[str, Any] = {}
    try:
        if grown is not None:
            where = _grown(source, config, grown, quantisation)
        elif stored_kind is not None:
            where = _quantised(source, config, wait)
        else:
            where = {"pretrained_model_name_or_path": source.location, "config": config}
            where |= {"revision": revision, **loading_options(quantisation.kind, wait=wait)}
        model = _model_class(config, where).from_pretrained(
            **where,
            dtype=_as_stored(source)
            if keeper and not quantisation.kind
            else dtype,  # keepers convert one by one
            attn_implementation=None if adapted else IMPLEMENTATION,
            use_safetensors=True,
            cache_dir=cache_dir,
            trust_remote_code=False,
            local_files_only=source.offline,
        )
    except ModelError:
        raise
    except Exception as error:  # transformers raises many kinds; each means that this model cannot be served
        if (failure := loading_failure(where)) is not None:
            raise failure from None
        if isinstance(error, KeyError) and error.args == (IMPLEMENTATION,):
            raise unsupported_attention(name, config, "its code knows a fixed list of attentions") from error
        raise ModelError(
            name, f"its weights cannot be loaded ({_first_line(error)})", "Check the folder or id."
        ) from error
    model = model.eval().requires_grad_(False)
    reference = _adapt(model, dtype) if adapted else "eager"
    parameters = _count_parameters(model)
    if keeper is None:
        model = nn.Module.to(model, device)  # before layers are prepared, which they are for a device
    prepare(name, model, dtype, keeper.take if keeper else None, quantisation.head, device)
    if keeper is not None:
        keeper.finish(model, dtype, device)
    model = nn.Module.to(model, device)
    prepare_norms(model)
    return LoadedModel(
        name, source, model, model.config, tokenizer, dtype, device, reference, quantisation, parameters
    )


def _as_stored(source: ModelSource) -> torch.dtype | str:
    """So that nothing is converted twice, or all at once; "auto" believes config.json, which may be wrong."""
    return (stored_dtype(source.location) if source.is_local else None) or "auto"


def _count_parameters(model: nn.Module) -> int:
    """A tensor that several modules share counts once."""
    plain = {p.data_ptr(): p.numel() for p in model.parameters() if p.numel()}
    held = (held_weight(module) for module in model.modules())
    return sum(plain.values()) + sum(weight.shape[0] * weight.shape[1] for weight in held if weight)


def _model_class(config: Any, where: dict[str, Any]) -> Any:
    """What from_pretrained is asked of: the Auto class does not do without a checkpoint's place."""
    return MODEL_FOR_CAUSAL_LM_MAPPING[type(config)] if "state_dict" in where else AutoModelForCausalLM


def _check_stored(name: str, kind: str, asked: Quantisation, dtype: torch.dtype) -> None:
    """What cannot be done with a checkpoint that is quantised already."""
    problem = None
    if asked.kind not in (None, kind):
        problem = f"it is quantised to {kind} already, so it cannot be quantised to {asked.kind}"
    elif dtype != torch.bfloat16:
        problem = f"its weights are {kind}, and are multiplied in bfloat16, not in {dtype}".replace(
            "torch.", ""
        )
    if problem is not None:
        raise ModelError(name, problem, "Leave out quantization, and set dtype = bfloat16.")


def _quantised(
    source: ModelSource, config: Any, wait: Callable[[str, Tensor], Tensor] | None
) -> dict[str, Any]:
    """What from_pretrained takes in place of a name for a quantised checkpoint: we read its weights ourselves."""
    folder = checkpoint_folder(source)
    config = copy.deepcopy(config)
    del config.quantization_config
    plain, stored = split_stored(source.name, open_checkpoint(source.name, folder))
    return {
        "pretrained_model_name_or_path": None,
        "config": config,
        "state_dict": plain,
        "generation_config": _generation_config(folder),
        **loading_options(None, stored, wait),
    }


def _grown(source: ModelSource, config: Any, size: str, quantisation: Quantisation) -> dict[str, Any]:
    """The same for a grown model: no checkpoint, but weights to be made one by one."""
    if not source.is_local:
        raise ModelError(source.name, "only local models are grown", "Download it and name its folder.")
    growth = growth_to(source.name, config, size)
    weights = open_checkpoint(source.name, source.location)
    return {
        "pretrained_model_name_or_path": None,
        "config": grow_config(config, growth),
        "state_dict": grow_weights(config, growth, weights),
        "generation_config": _generation_config(Path(source.location)),
        **loading_options(quantisation.kind),
    }


def _generation_config(folder: Path) -> GenerationConfig | None:
    there = (folder / "generation_config.json").is_file()
    return GenerationConfig.from_pretrained(folder) if there else None


def _adapt(model: nn.Module, dtype: torch.dtype) -> str:
    """Put the engine's attention into a model that bypasses AttentionInterface; returns what it was loaded with.

    Loaded with transformers' default, so that the replaced modules compute what `generate` would.
    """
    config: Any = model.config
    family = family_of(config)
    assert family is not None
    install(model, family, family.score_terms(config, dtype, _max_positions(config)))
    default, config._attn_implementation = config._attn_implementation, ADAPTED
    return default


def _max_positions(config: Any) -> int:
    config = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return _DEFAULT_MAX_SEQ_LENGTH


def _load_config(source: ModelSource, revision: str | None, cache_dir: str | None) -> Any:
    try:
        return AutoConfig.from_pretrained(
            source.location,
            revision=revision,
            cache_dir=cache_dir,
            trust_remote_code=False,
            local_files_only=source.offline,
        )
    except Exception as error:  # transformers raises many kinds; the message names what was tried
        where = "the folder" if source.is_local else "the Hugging Face hub and its local cache"
        raise ModelError(
            source.name,
            f"no usable config.json in {where} ({_first_line(error)})",
            "Check the name; without a network only local folders, cached models and `demo` can be served.",
        ) from error


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def check_same_vocabulary(llm: LoadedModel, ssm: LoadedModel) -> None:
    """TokenizerMismatchError unless a draft token id means the same to both models."""
    ours, theirs = llm.tokenizer.vocabulary(), ssm.tokenizer.vocabulary()
    if ours == theirs:
        return
    differing = sorted(token for token in ours.keys() | theirs.keys() if ours.get(token) != theirs.get(token))
    raise TokenizerMismatchError(
        ssm.name,
        f"its tokenizer differs from that of {llm.name!r} in {len(differing)} of {len(ours)} tokens "
        f"(for example {differing[0]!r})",
        "A draft model must share the LLM's tokenizer; choose another SSM or leave it out.",
    )
