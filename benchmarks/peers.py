"""The models that benchmarks compare with, as transformers runs them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, LlamaForCausalLM

from flexserve_core import DEMO_MODEL, resolve
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.grow import grow_config, grow_weights, growth_to


def grown_in_transformers(size: str, dtype: torch.dtype = torch.bfloat16, **settings: Any) -> Any:
    """The embedded model grown to "100M", "300M" or "1.1B", the weights that `--grown` serves."""
    source = resolve(DEMO_MODEL)
    config = AutoConfig.from_pretrained(source.location)
    growth = growth_to(DEMO_MODEL, config, size)
    weights = grow_weights(config, growth, open_checkpoint(DEMO_MODEL, source.location))
    grown: Any = grow_config(config, growth)
    return LlamaForCausalLM.from_pretrained(
        None, config=grown, state_dict=weights, dtype=dtype, **settings
    ).eval()
