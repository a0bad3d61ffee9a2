"""Greedy tokens of transformers' own `generate`, request by request: what plain decoding must equal in float32.

Knows nothing of engines.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from flexserve_core.types import Request


def transformers_tokens(
    folder: Path | str, requests: Sequence[Request], eos: Collection[int], dtype: torch.dtype = torch.float32
) -> dict[str, list[tuple[int, ...]]]:
    """Request id → the tokens of its one choice."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    found = {}
    for request in requests:
        ids = torch.tensor([request.prompt_token_ids])
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=request.sampling.max_new_tokens,
            eos_token_id=sorted(eos) or None,
            pad_token_id=0,
        )
        found[request.request_id] = [tuple(out[0, ids.shape[1] :].tolist())]
    return found
