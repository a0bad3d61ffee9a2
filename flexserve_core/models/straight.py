"""A decoder's forward without what transformers puts around it: the same modules, called in the same order.

Outputs that are classes, their recording, defaults out of the config: all that takes 0.1 to 0.2 ms of every forward, a
third of a small SSM's. Only for families whose bodies are written like Llama's; whether a model's really is, its user
has to see for itself. Knows nothing of caches.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

LIKE_LLAMA = frozenset({"llama", "mistral", "olmo", "olmo2", "phi3", "qwen2", "qwen3", "smollm3"})


class StraightDecoder:
    """Embedding, layers, norm, head. `model`: the family's causal language model."""

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model
        self._body: Any = model.model

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, **options: Any) -> Tensor:
        """Logits [1, len(rows), vocab] of int64 ids and positions [1, T]; rows: int64, of the T.

        options: for every layer, down to its attention."""
        body = self._body
        hidden = body.embed_tokens(ids)
        embeddings = body.rotary_emb(hidden, position_ids=positions)
        for layer in body.layers:
            hidden = layer(
                hidden,
                attention_mask=None,
                position_ids=positions,
                past_key_values=None,
                use_cache=False,
                position_embeddings=embeddings,
                **options,
            )
        return self._model.lm_head(body.norm(hidden)[:, rows])


def straight_decoder(model: nn.Module, model_type: str) -> StraightDecoder | None:
    """None for a family that is written otherwise, and for models whose weights are brought when they run.

    Those take so long that nothing would be gained, and a proof would bring all of them once more."""
    streams = any(parameter.numel() == 0 for parameter in model.parameters())
    return StraightDecoder(model) if model_type in LIKE_LLAMA and not streams else None
