"""One model with its KV cache: packed rows in, logits out.

Knows nothing of requests, trees or sampling: a batch says which rows exist and where their keys lie.
"""

from __future__ import annotations

import inspect

import torch

from flexserve_core.errors import ModelError
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.kv.store import KVStore, LayerShape
from flexserve_core.models.loader import LoadedModel
from flexserve_core.models.prepare import unsupported_attention
from flexserve_core.models.straight import StraightDecoder, straight_decoder
from flexserve_core.runner.attention import AttentionContext, PagedAttention, ShapeProbe
from flexserve_core.runner.batch import PackedBatch

_PROBE_ROWS = 3


class ModelRunner:
    """Owns the model's KV pool and tensors; `allocate` must be called before `forward`.

    cache_dtype: of keys and values, the model's own or torch.int8. ModelError where its heads do not fit int8 rows.
    """

    def __init__(self, loaded: LoadedModel, cache_dtype: torch.dtype | None = None) -> None:
        self.loaded = loaded
        self.cache_dtype = cache_dtype or loaded.dtype
        self.device = loaded.device
        self._keeps_logits = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters
        self._straight: StraightDecoder | None = None
        self.layers, logits = self._probe_layers()
        self._straight = self._proven_straight(logits)
        self._check_cache_rows()
        self.pool = BlockPool(0, 1)
        self.store = KVStore((), 0, self.cache_dtype, loaded.device)

    def allocate(self, num_blocks: int, block_size: int, share_prefixes: bool = True) -> None:
        """(Re)create an empty cache of num_blocks × block_size slots."""
        self.pool = BlockPool(num_blocks, block_size, share_prefixes)
        self.store = KVStore(self.layers, self.pool.num_slots, self.cache_dtype, self.device)

    def bytes_per_token(self) -> int:
        """KV-cache bytes of one token over all layers."""
        return sum(layer.bytes_per_token(self.cache_dtype) for layer in self.layers)

    def _check_cache_rows(self) -> None:
        try:
            self.bytes_per_token()
        except ValueError as error:
            raise ModelError(self.loaded.name, str(error), "Leave out kv_cache_dtype.") from error

    @torch.inference_mode()
    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """Logits, float32 [len(batch.logit_rows), vocab], on the device. Writes the rows' keys and values."""
        context = PagedAttention(self.store, batch.plan)
        return self._run(batch.token_ids, batch.position_ids, batch.logit_rows, context)

    def _run(
        self, ids: torch.Tensor, positions: torch.Tensor, rows: torch.Tensor, context: AttentionContext
    ) -> torch.Tensor:
        if self._straight is not None:
            return self._straight(ids, positions, rows, flexserve_context=context)[0].float()
        options = {"logits_to_keep": rows} if self._keeps_logits else {}
        output = self.loaded.model(
            input_ids=ids, position_ids=positions, use_cache=False, flexserve_context=context, **options
        )
        logits = output.logits[0]
        return (logits if self._keeps_logits else logits[rows]).float()

    @property
    def runs_straight(self) -> bool:
        """Whether forwards leave out what transformers puts around a decoder."""
        return self._straight is not None

    @torch.inference_mode()
    def _probe_layers(self) -> tuple[tuple[LayerShape, ...], torch.Tensor]:
        """Run a few tokens to learn each layer's cache row; refuses a model whose attention bypasses the engine.

        With the logits that came of it."""
        probe = ShapeProbe()
        try:
            logits = self._run(*self._probe_rows(), probe)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise unsupported_attention(
                self.loaded.name, self.loaded.config, f"a first forward failed: {error}"
            ) from error
        expected = self.loaded.config.get_text_config().num_hidden_layers
        if len(probe.layers) != expected:
            found = f"{len(probe.layers)} of its {expected} layers use transformers' attention interface"
            raise unsupported_attention(self.loaded.name, self.loaded.config, found)
        return tuple(probe.layers), logits

    @torch.inference_mode()
    def _proven_straight(self, logits: torch.Tensor) -> StraightDecoder | None:
        """None where it does not give the model's own logits, bit for bit."""
        straight = straight_decoder(self.loaded.model, self.loaded.config.get_text_config().model_type)
        if straight is None:
            return None
        try:
            found = straight(*self._probe_rows(), flexserve_context=ShapeProbe())
        except (AttributeError, RuntimeError, TypeError, ValueError):  # this version's is written otherwise
            return None
        return straight if torch.equal(found[0].float(), logits) else None

    def _probe_rows(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids, positions and rows wanted of a forward for trying."""
        count = min(_PROBE_ROWS, self.loaded.vocab_size, self.loaded.max_positions())
        numbers = torch.arange(count, device=self.device)
        return numbers[None], numbers[None], numbers[count // 2 :]
