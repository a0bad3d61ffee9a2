"""Lets modules run with weights that are elsewhere: hooks that fetch them just before, an embedding read by rows.

Between two runs a module's weight is empty, so using it unfetched is an error and not a wrong number. Knows nothing of
what is placed where.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from flexserve_core.offload.extents import Extent
from flexserve_core.offload.pages import aligned_memory
from flexserve_core.offload.slots import Piece
from flexserve_core.offload.store import WeightStore
from flexserve_core.offload.streamer import Streamer


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """A module's own parameters and buffers by name, not those of its children."""
    own = {**module._parameters, **module._buffers}
    return {name: tensor for name, tensor in own.items() if tensor is not None}


def set_data(module: nn.Module, name: str, data: Tensor) -> None:
    """Put another tensor in a parameter's or buffer's place. (Its `.data` would leave what it was a view of alive.)"""
    if name in module._parameters:
        module._parameters[name] = nn.Parameter(data, requires_grad=False)
    else:
        module._buffers[name] = data


def let_go(module: nn.Module, name: str) -> None:
    """Free a weight's memory; the module cannot run until it is brought back."""
    tensor = tensors_of(module)[name]
    set_data(module, name, torch.empty(0, dtype=tensor.dtype, device=tensor.device))


def stream(module: nn.Module, names: Sequence[str], unit: int, streamer: Streamer) -> None:
    """From now on the module fetches the weights `names`, the pieces of `unit`, whenever it runs."""

    def bring(module: nn.Module, _: Any) -> None:
        for name, data in zip(names, streamer.acquire(unit), strict=True):
            set_data(module, name, data)

    def drop(module: nn.Module, *_: Any) -> None:
        for name in names:
            let_go(module, name)

    module.register_forward_pre_hook(bring)
    module.register_forward_hook(drop, always_call=True)


class EmbeddingOnDisk(nn.Module):
    """ids [...] → [..., H], like nn.Embedding: the rows are read from disk when they are looked up."""

    def __init__(self, store: WeightStore, piece: Piece) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = piece.shape
        self._store = store
        self._piece = piece
        self._row_bytes = piece.extent.nbytes // self.num_embeddings
        self._scratch = aligned_memory(Extent("", piece.extent.file, 4095, self._row_bytes).slot_bytes)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"

    def forward(self, ids: Tensor) -> Tensor:
        wanted, places = torch.unique(ids.reshape(-1).cpu(), return_inverse=True)
        rows = torch.stack([self._row(int(index)) for index in wanted]).to(ids.device)
        return rows[places.to(ids.device)].reshape(*ids.shape, self.embedding_dim)

    def _row(self, index: int) -> Tensor:
        if not 0 <= index < self.num_embeddings:
            raise IndexError(f"token {index} of {self.num_embeddings}")
        whole = self._piece.extent
        extent = Extent(whole.label, whole.file, whole.offset + index * self._row_bytes, self._row_bytes)
        self._store.read(extent, self._scratch.numpy().data[: extent.slot_bytes])
        row = self._scratch[extent.before : extent.before + extent.nbytes].clone()
        return row.view(self._piece.dtype)
