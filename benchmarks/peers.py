"""transformers beside us: the same weights as it runs them, and its own `generate` timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM

from flexserve_core import DEMO_MODEL, resolve
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.grow import grow_config, grow_weights, growth_to


def in_transformers(name: str, dtype: torch.dtype = torch.bfloat16, **settings: Any) -> Any:
    """The model as transformers runs it. name: `demo@300M` is the embedded one grown, the weights `--grown` serves."""
    plain, _, size = name.partition("@")
    source = resolve(plain)
    if not size:
        return AutoModelForCausalLM.from_pretrained(source.location, dtype=dtype, **settings).eval()
    config = AutoConfig.from_pretrained(source.location)
    growth = growth_to(DEMO_MODEL, config, size)
    weights = grow_weights(config, growth, open_checkpoint(DEMO_MODEL, source.location))
    grown: Any = grow_config(config, growth)
    return LlamaForCausalLM.from_pretrained(
        None, config=grown, state_dict=weights, dtype=dtype, **settings
    ).eval()


@torch.inference_mode()
def timed_generate(
    model: Any,
    prompt: Sequence[int],
    new_tokens: int,
    *,
    to_the_end: bool = True,
    clock: Callable[[], float] = time.perf_counter,
    **settings: Any,
) -> tuple[float, int]:
    """(seconds, new tokens) of a greedy generate at batch 1. to_the_end: EOS does not stop it."""
    ids = torch.tensor([list(prompt)])
    if to_the_end:
        settings["min_new_tokens"] = new_tokens
    started = clock()
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=new_tokens,
        use_cache=True,
        **settings,
    )
    return clock() - started, out.shape[1] - ids.shape[1]
