"""Muon for the hidden matrices, AdamW for embeddings and norms, and the warm-up/stable/decay schedule.

Muon: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); torch's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Schedule:
    """Learning-rate factor: `warmup` steps up to `peak`, flat, then linear down over the last `decay` of the run."""

    warmup: int = 40
    decay: float = 0.35
    floor: float = 0.02
    peak: float = 1.0

    def factor(self, step: int, progress: float) -> float:
        """The factor at this step, `progress` in [0, 1] of the whole run."""
        up = min(1.0, (step + 1) / self.warmup)
        down = min(1.0, (1.0 - min(progress, 1.0)) / self.decay)
        return self.peak * max(self.floor, min(up, down))


class Optimizer:
    """Both optimizers as one, with state that can be written as named tensors."""

    def __init__(self, model: nn.Module, lr: float, embedding_lr: float, weight_decay: float = 0.05):
        named = dict(model.named_parameters())
        hidden = {
            name for name, p in named.items() if p.ndim == 2 and "embed" not in name and "lm_head" not in name
        }
        self._names = {id(parameter): name for name, parameter in named.items()}
        self._parameters = named
        muon = [named[name] for name in sorted(hidden)]
        adam = [parameter for name, parameter in named.items() if name not in hidden]
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(
                muon, lr=lr, weight_decay=weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(adam, lr=embedding_lr, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0),
        )
        self._rates = tuple(part.param_groups[0]["lr"] for part in self.parts)

    def step(self, factor: float) -> None:
        """One update at `factor` times the base rates; gradients are cleared."""
        for part, rate in zip(self.parts, self._rates, strict=True):
            part.param_groups[0]["lr"] = rate * factor
            part.step()
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state as `parameter|slot` → tensor."""
        found = {}
        for part in self.parts:
            for parameter, slots in part.state.items():
                for slot, value in slots.items():
                    found[f"{self._names[id(parameter)]}|{slot}"] = torch.as_tensor(value).clone()
        return found

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """The inverse of `tensors`."""
        owner = {id(p): part for part in self.parts for p in part.param_groups[0]["params"]}
        for key, value in tensors.items():
            name, slot = key.split("|")
            parameter = self._parameters[name]
            owner[id(parameter)].state[parameter][slot] = value.to(parameter.device if value.ndim else "cpu")
