"""Quantises a model's linear layers while transformers loads it, one tensor at a time.

A quantiser of our own in transformers' loading: each weight is read, quantised and let go before the next is read, so
that the model never exists in full precision. What comes out is held by its module until `prepare` makes a layer of it.
The choice of layers is bitsandbytes' own: every linear but the head and tied weights. Weights of a checkpoint that is
quantised already come from `stored`. Knows nothing of how a quantised layer computes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import torch
from flexserve_kernels import NF4_BLOCK, QuantisedWeight, join_rows, quantise_int8, quantise_nf4
from torch import Tensor, nn
from transformers.core_model_loading import ConversionOps
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.auto import (
    AUTO_QUANTIZATION_CONFIG_MAPPING,
    register_quantization_config,
    register_quantizer,
)
from transformers.quantizers.base import HfQuantizer, get_keys_to_not_convert
from transformers.utils.quantization_config import QuantizationConfigMixin

from flexserve_core.errors import ConfigurationError, FlexServeError

_PART = 2**21  # elements
_METHOD = "flexserve"
_HELD = "flexserve_weight"


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What becomes of the weights. kind: "int8", "int4"; None: as stored. head: "int8", or None for full precision."""

    kind: str | None = None
    head: str | None = None


FULL_PRECISION = Quantisation()


def require_quantiser(asked: Quantisation, is_stored: bool = False) -> None:
    """ConfigurationError when there is something to quantise and nothing to do it with. is_stored: all but the head."""
    kind = asked.head if is_stored else asked.kind or asked.head
    if kind is not None and importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigurationError(
            *("quantization", kind, "bitsandbytes, which quantises, is not installed"),
            "pip install 'flexserve[quantize]'",
        )


def quantise(kind: str, weight: Tensor) -> QuantisedWeight:
    """By bitsandbytes' quantisers. weight [N, K]. A part of the rows at a time: they take several times its size."""
    rows = max(NF4_BLOCK, _PART // weight.shape[1] // NF4_BLOCK * NF4_BLOCK)  # whole blocks
    quantiser = quantise_int8 if kind == "int8" else quantise_nf4
    whole = join_rows([quantiser(part) for part in weight.split(rows)])
    assert whole is not None
    return whole


def linear_names(model: nn.Module) -> list[str]:
    """Paths of the layers that are quantised: linears, but not the head and nothing that is tied."""
    kept = set(get_keys_to_not_convert(model))
    return [
        path
        for path, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and path not in kept
    ]


def loading_failure(options: Mapping[str, Any]) -> FlexServeError | None:
    """What went wrong while weights were quantised. options: what from_pretrained was called with."""
    return getattr(options.get("quantization_config"), "failure", None)


def held_weight(module: nn.Module) -> QuantisedWeight | None:
    """The weight that loading has quantised; None for a layer in full precision."""
    return getattr(module, _HELD, None)


def take_weight(module: nn.Module) -> QuantisedWeight | None:
    """The same, on the device where the module is, and the module no longer has it."""
    held: QuantisedWeight | None = vars(module).pop(_HELD, None)
    if held is None:
        return None
    assert isinstance(module.weight, Tensor)
    device = module.weight.device
    return _with_tensors(held, lambda tensor: tensor.to(device))


def _with_tensors(weight: QuantisedWeight, change: Callable[[Tensor], Tensor]) -> QuantisedWeight:
    found = {field.name: getattr(weight, field.name) for field in fields(weight)}
    return replace(weight, **{k: change(v) for k, v in found.items() if isinstance(v, Tensor)})


@torch.no_grad()
def hold_quantised(module: nn.Module, kind: str) -> None:
    """Quantise a loaded linear layer; a weight that others share stays with them."""
    assert isinstance(module.weight, Tensor)
    setattr(module, _HELD, quantise(kind, module.weight))


def loading_options(
    kind: str | None,
    stored: Mapping[str, Callable[[], QuantisedWeight]] | None = None,
    wait: Callable[[str, Tensor], Tensor] | None = None,
) -> dict[str, Any]:
    """Further arguments of from_pretrained. stored: weights that are quantised already, by parameter.

    wait: given its name, puts a quantised tensor where it waits for its layer to be prepared, and returns it; None: in
    memory.
    """
    if kind is None and not stored:
        return {}
    if _METHOD not in AUTO_QUANTIZATION_CONFIG_MAPPING:
        register_quantization_config(_METHOD)(_StreamingConfig)
        register_quantizer(_METHOD)(_StreamingQuantizer)
    return {"quantization_config": _StreamingConfig(kind, stored, wait)}


class _StreamingConfig(QuantizationConfigMixin):
    """Travels through transformers' configuration for the time of loading."""

    def __init__(
        self,
        kind: str | None,
        stored: Mapping[str, Callable[[], QuantisedWeight]] | None = None,
        wait: Callable[[str, Tensor], Tensor] | None = None,
    ) -> None:
        self.quant_method = _METHOD  # pyright: ignore[reportAttributeAccessIssue]
        self.kind = kind
        self.stored = stored
        self.wait = wait
        self.failure: FlexServeError | None = None  # of ours, which transformers would put into a report

    def __deepcopy__(self, memo: dict[int, Any]) -> _StreamingConfig:
        return self  # it belongs to one load


class _StreamingQuantizer(HfQuantizer):
    """Says which parameters are quantised, and leaves nothing behind in the model."""

    quantization_config: _StreamingConfig  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, quantization_config: _StreamingConfig, **kwargs: Any) -> None:
        super().__init__(quantization_config, **kwargs)
        self.pre_quantized = False  # transformers then reads one tensor at a time
        self.names: frozenset[str] = frozenset(quantization_config.stored or ())

    def _process_model_before_weight_loading(self, model: nn.Module, **_: Any) -> None:
        if self.quantization_config.kind is not None:
            self.names = frozenset(f"{path}.weight" for path in linear_names(model))

    def param_needs_quantization(self, model: nn.Module, param_name: str, **_: Any) -> bool:
        return param_name in self.names

    def get_quantize_ops(self) -> ConversionOps:
        return _Quantise(self.quantization_config)

    def _process_model_after_weight_loading(self, model: Any, **_: Any) -> Any:
        self.remove_quantization_config(model)
        return model

    def is_serializable(self) -> bool:
        return False

    @property
    def is_trainable(self) -> bool:
        return False


class _Quantise(ConversionOps):
    """Leaves the quantised weight with its module, and an empty parameter where the weight was."""

    def __init__(self, config: _StreamingConfig) -> None:
        self._config = config

    @torch.no_grad()
    def convert(self, input_dict: dict[str, Any], *, model: nn.Module, **_: Any) -> dict[str, Tensor]:
        empty = {}
        for name, value in input_dict.items():
            weight = value[0] if isinstance(value, list) else value
            module = model.get_submodule(name.rpartition(".")[0])
            try:
                setattr(module, _HELD, self._held(name, weight.t() if type(module) is Conv1D else weight))
            except FlexServeError as error:
                self._config.failure = self._config.failure or error
                raise
            empty[name] = torch.empty(0, dtype=weight.dtype)
        return empty

    def _held(self, name: str, weight: Tensor) -> QuantisedWeight:
        config = self._config
        if config.stored is not None:
            held = config.stored[name]()
        else:
            assert config.kind is not None
            held = quantise(config.kind, weight)
        return _with_tensors(held, partial(config.wait, name)) if config.wait else held
