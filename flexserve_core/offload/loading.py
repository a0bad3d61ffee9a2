"""Loads a model whose weights do not all fit: puts away what is converted, decides what stays, streams the rest.

`take` is called for every linear layer as soon as it is prepared, so that a converted or quantised model never exists
in memory as a whole; `finish` places everything, brings back what stays and attaches the streamer. Weights that
transformers only mapped cost no memory until then. Knows nothing of requests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flexserve_core.offload.attach import EmbeddingOnDisk, let_go, set_data, stream, tensors_of
from flexserve_core.offload.device import DeviceSlots
from flexserve_core.offload.memory import give_back_freed, keep_no_freed
from flexserve_core.offload.nameless import raw, remove_stale, waiting_on_disk
from flexserve_core.offload.pages import aligned_memory
from flexserve_core.offload.place import RING_TENSORS, Group, Placement
from flexserve_core.offload.plan import SMALL
from flexserve_core.offload.slots import HostSlots, Piece, Slots, slot_bytes, unpack
from flexserve_core.offload.store import LINE, WeightStore, is_mapped
from flexserve_core.offload.streamer import Streamer


@dataclass(slots=True)
class _Unit:
    """A module and those of its tensors that are worth moving."""

    path: str
    module: nn.Module
    names: list[str]
    nbytes: int
    by_rows: bool = False
    pinned: bool = False  # waits in host memory, not on disk
    away: dict[str, Piece] = field(default_factory=dict)  # what has been put on disk


class Offloader:
    """One model's way to its places.

    folder: for weights that do not lie in the checkpoint as they are needed. decide: what stays, given the model.
    small: bytes below which a tensor always stays. at_once: put converted weights away as they come; False where all
    will probably stay.
    """

    def __init__(
        self,
        folder: Path,
        decide: Callable[[nn.Module, list[Group]], Placement],
        small: int = SMALL,
        at_once: bool = True,
    ) -> None:
        remove_stale(folder)
        self._folder = folder
        self._store = WeightStore(folder)
        self._decide = decide
        self._small = small
        self._at_once = at_once
        self._units: dict[int, _Unit] = {}  # by the module's id, in the model's order
        self.placement = Placement((), 0)
        self.streamer: Streamer | None = None

    @property
    def written_bytes(self) -> int:
        """In a file of ours."""
        return self._store.written_bytes

    def wait(self, name: str, weight: Tensor) -> Tensor:
        """A quantised tensor waits on disk until its layer is prepared, unless all will probably stay."""
        if not self._at_once or weight.nbytes < self._small:
            return weight
        return waiting_on_disk(self._folder, name, weight)

    @property
    def held_bytes(self) -> int:
        """Of weights that are to be placed and still take memory of their own."""
        return sum(
            tensor.nbytes
            for unit in self._units.values()
            for name, tensor in tensors_of(unit.module).items()
            if name in unit.names and name not in unit.away and not is_mapped(tensor)
        )

    def take(self, path: str, module: nn.Module) -> None:
        """A linear layer is ready: what is not mapped from a file goes to disk now."""
        names = [name for name, tensor in tensors_of(module).items() if self._movable(tensor)]
        if names:
            unit = _Unit(path, module, names, sum(tensors_of(module)[name].nbytes for name in names))
            self._units[id(module)] = unit
            if self._at_once:
                self._put_away(unit, mapped=False)

    def finish(self, model: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
        """Everything to its place. Raises ConfigurationError, and OffloadError when the disk fails."""
        _convert_rest(model, dtype)
        self._take_embeddings(model)
        give_back_freed()  # what remains is what the program takes
        self.placement = self._decide(model, self.groups())
        moving = self._choose(self.placement)
        tied = _tied_embeddings(model, moving)
        for unit in self._units.values():
            if id(unit.module) in moving:
                self._put_away(unit, mapped=True)
                if unit.pinned and not unit.by_rows:
                    self._pin(unit)
            elif moving or unit.away:
                self._bring_back(unit)
        on_disk = [(unit.module, unit) for unit in moving.values() if unit.by_rows] + tied
        for module, unit in on_disk:
            _replace(model, module, EmbeddingOnDisk(self._store, unit.away["weight"]))
        if moving:
            keep_no_freed()
            _unmap(model)
            self._store.forget_cached()
        self._attach([unit for unit in moving.values() if not unit.by_rows], device)

    def groups(self) -> list[Group]:
        """What there is to place; of equal ones the first gives the name."""
        alike: dict[tuple[int, bool], list[str]] = defaultdict(list)
        for unit in self._units.values():
            alike[unit.nbytes, unit.by_rows].append(unit.path)
        return [Group(paths[0], nbytes, len(paths), by_rows) for (nbytes, by_rows), paths in alike.items()]

    def _take_embeddings(self, model: nn.Module) -> None:
        """Plain embeddings, but not those whose weight is the head's: they go where the head goes."""
        heads = {
            tensor.data_ptr() for unit in self._units.values() for tensor in tensors_of(unit.module).values()
        }
        for path, module in model.named_modules():
            if type(module) is not nn.Embedding or module.max_norm is not None:
                continue
            weight = tensors_of(module)["weight"]
            if self._movable(weight) and weight.data_ptr() not in heads:
                self._units[id(module)] = _Unit(path, module, ["weight"], weight.nbytes, by_rows=True)

    def _movable(self, tensor: Tensor) -> bool:
        return tensor.nbytes >= self._small and tensor.is_contiguous() and tensor.device.type == "cpu"

    def _choose(self, placement: Placement) -> dict[int, _Unit]:
        """The units that move, by module id; of equal ones those that stay are spread evenly over the model.

        Of those that move the first wait in pinned host memory, as many as the placement says.
        """
        chosen: dict[int, _Unit] = {}
        for share in placement.shares:
            alike = [
                unit
                for unit in self._units.values()
                if (unit.nbytes, unit.by_rows) == (share.group.nbytes, share.group.by_rows)
            ]
            stay, count, moving = share.compute, len(alike), 0
            for index, unit in enumerate(alike):
                if (index + 1) * stay // count == index * stay // count:
                    chosen[id(unit.module)] = unit
                    unit.pinned = moving < share.host
                    moving += 1
        return {key: unit for key, unit in self._units.items() if key in chosen}

    def _put_away(self, unit: _Unit, mapped: bool) -> None:
        """To disk and out of memory. mapped: also what costs no memory as it is."""
        for name in unit.names:
            if mapped or not is_mapped(tensors_of(unit.module)[name]):
                self._put_one(unit, name)

    def _put_one(self, unit: _Unit, name: str) -> None:
        if name in unit.away:
            return
        tensor = tensors_of(unit.module)[name]
        extent = self._store.put(f"{unit.path}.{name}", tensor)
        unit.away[name] = Piece(extent, tensor.dtype, tuple(tensor.shape))
        del tensor
        let_go(unit.module, name)
        give_back_freed()

    def _bring_back(self, unit: _Unit) -> None:
        """Into memory of our own, at the same place within a cache line."""
        for name in unit.names:
            self._put_one(unit, name)
            piece = unit.away.pop(name)
            memory = aligned_memory(piece.extent.slot_bytes)
            self._store.read(piece.extent, memory.numpy().data)
            set_data(unit.module, name, unpack(memory, 0, [piece])[0])

    def _pin(self, unit: _Unit) -> None:
        """Bring what is on disk into pinned host memory, for the copies to the device."""
        for name, piece in unit.away.items():
            memory = torch.empty(piece.extent.slot_bytes, dtype=torch.uint8, pin_memory=True)
            self._store.read(piece.extent, memory.numpy().data)
            unit.away[name] = replace(piece, pinned=memory)

    def _attach(self, moving: Sequence[_Unit], device: torch.device) -> None:
        if not moving:
            return
        units = [[unit.away[name] for name in unit.names] for unit in moving]
        size = RING_TENSORS * max(map(slot_bytes, units))
        if device.type == "cuda":
            slots: Slots = DeviceSlots(self._store, size, device)
        else:
            slots = HostSlots(self._store, size)
        self.streamer = Streamer(units, slots)
        for index, unit in enumerate(moving):
            stream(unit.module, unit.names, index, self.streamer)


def _convert_rest(model: nn.Module, dtype: torch.dtype) -> None:
    """What is no linear layer (norms, embeddings, biases) was loaded as it is stored."""
    config: Any = model.config
    stored = config.dtype
    for parameter in model.parameters():
        if parameter.dtype == stored:
            parameter.data = parameter.data.to(dtype)
    config.dtype = dtype


def own_copy(tensor: Tensor) -> Tensor:
    """In memory that is mapped from no file, at the same place within a cache line."""
    phase = tensor.data_ptr() % LINE
    memory = aligned_memory(phase + tensor.nbytes)[phase:]
    memory.copy_(raw(tensor))
    return memory.view(tensor.dtype).view(tensor.shape)


def _unmap(model: nn.Module) -> None:
    """Copy what is still mapped (norms, biases): under pressure its pages would be read again and again."""
    for module in model.modules():
        for name, tensor in tensors_of(module).items():
            if is_mapped(tensor):
                set_data(module, name, own_copy(tensor))


def _tied_embeddings(model: nn.Module, moving: Mapping[int, _Unit]) -> list[tuple[nn.Module, _Unit]]:
    """Embeddings that share the weight of a linear layer which moves."""
    owners = {
        tensors_of(unit.module)[name].data_ptr(): unit
        for unit in moving.values()
        for name in unit.names
        if name not in unit.away
    }
    return [
        (module, owners[module.weight.data_ptr()])
        for module in model.modules()
        if type(module) is nn.Embedding and id(module) not in moving and module.weight.data_ptr() in owners
    ]


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in model.modules():
        for name, child in parent.named_children():
            if child is old:
                setattr(parent, name, new)
                return
