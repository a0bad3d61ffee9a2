"""Saves and resumes a training run: weights and optimizer state in safetensors, the rest in JSON."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from training.optimizer import Optimizer


@dataclass(frozen=True)
class State:
    """Where a run stands: steps done, tokens seen, seconds spent, the loss curve as (step, loss) pairs.

    `earlier` lists the runs that this one continues, oldest first, as {"step", "tokens", "seconds", "seed"}.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)
    earlier: list[dict[str, float]] = field(default_factory=list)


def save(folder: Path, model: nn.Module, optimizer: Optimizer, state: State) -> None:
    """Writes a checkpoint; `state.json` is replaced last, so a run killed here still has the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    save_file(weights, folder / f"model-{state.step}.safetensors")
    save_file(optimizer.tensors(), folder / f"optimizer-{state.step}.safetensors")
    draft = folder / "state.json.tmp"
    draft.write_text(json.dumps(asdict(state)))
    os.replace(draft, folder / "state.json")
    for old in folder.glob("*.safetensors"):
        if not old.stem.endswith(f"-{state.step}"):
            old.unlink()


def stored(folder: Path) -> State:
    """What `state.json` of a run's folder says."""
    raw = json.loads((folder / "state.json").read_text())
    raw["curve"] = [tuple(point) for point in raw["curve"]]
    return State(**raw)


def load(folder: Path, model: nn.Module, optimizer: Optimizer) -> State:
    """Restores the last checkpoint in place; a fresh `State` when there is none."""
    if not (folder / "state.json").exists():
        return State()
    state = stored(folder)
    model.load_state_dict(load_file(folder / f"model-{state.step}.safetensors"), strict=False)
    optimizer.restore(load_file(folder / f"optimizer-{state.step}.safetensors"))
    return state


def continued(source: Path, seed: int, folder: Path) -> None:
    """Makes `folder` the start of a new run from the checkpoint in `source`, a run of `seed`.

    Weights and optimizer state are taken over; steps, tokens and seconds begin at 0, what was spent before is kept in
    `State.earlier`. Does nothing when `folder` holds a run already.
    """
    if (folder / "state.json").exists():
        return
    if not (source / "state.json").exists():
        raise FileNotFoundError(
            f"continue_from: {source} holds no training run; give a folder with a state.json"
        )
    done = stored(source)
    spent = {"step": done.step, "tokens": done.tokens, "seconds": done.seconds, "seed": seed}
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("model", "optimizer"):
        shutil.copyfile(source / f"{part}-{done.step}.safetensors", folder / f"{part}-0.safetensors")
    (folder / "state.json").write_text(json.dumps(asdict(State(earlier=[*done.earlier, spent]))))
