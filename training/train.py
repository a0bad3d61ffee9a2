"""The training loop, shared by the LLM (plain cross-entropy) and the SSM (a loss against its teacher).

Knows nothing of what the batches hold. bf16 autocast over fp32 weights; budget in tokens, minutes or both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM

from training import checkpoint
from training.optimizer import Optimizer, Schedule
from training.tokens import Rows

Batches = Callable[[int], Rows]
Loss = Callable[[LlamaForCausalLM, Rows], torch.Tensor]


@dataclass(frozen=True)
class Budget:
    """When to stop: after so many tokens, or so many minutes, whichever comes first (0 means no limit)."""

    tokens: int = 0
    minutes: float = 0.0

    def __post_init__(self) -> None:
        if self.tokens <= 0 and self.minutes <= 0:
            raise ValueError(
                f"budget: tokens={self.tokens} and minutes={self.minutes} set no limit; give one of them"
            )

    def progress(self, state: checkpoint.State) -> float:
        """The used share of the budget, 1 when it is spent."""
        by_tokens = state.tokens / self.tokens if self.tokens > 0 else 0.0
        by_time = state.seconds / 60 / self.minutes if self.minutes > 0 else 0.0
        return min(1.0, max(by_tokens, by_time))


@dataclass(frozen=True)
class Recipe:
    """How to train: rates, schedule, how often to save, how hard to clip."""

    lr: float = 4e-3
    embedding_lr: float = 5e-3
    schedule: Schedule = field(default_factory=Schedule)
    clip: float = 1.0
    save_minutes: float = 4.0
    log_every: int = 20


def device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def placed(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """The model itself, moved to `device()`."""
    torch.nn.Module.to(model, device())
    return model


def weighted(losses: torch.Tensor, rows: Rows) -> torch.Tensor:
    """The mean of per-token losses [R*L] under the rows' weights."""
    weights = rows.weights.flatten().to(losses.device)
    return (losses * weights).sum() / weights.sum()


def cross_entropy(model: LlamaForCausalLM, rows: Rows) -> torch.Tensor:
    """Next-token loss, weighted per token."""
    ids = rows.ids.to(model.device)
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
    )
    return weighted(losses, rows)


def compiled(model: LlamaForCausalLM, loss: Loss) -> Loss:
    """The same loss through torch.compile, one graph per shape of rows; it needs a C++ compiler and a minute at first.

    Attention is written out then: fused with its neighbours it beats torch's CPU flash kernel at these short rows.
    """
    model.set_attn_implementation("eager")
    return torch.compile(loss, dynamic=False)


def run(
    model: LlamaForCausalLM,
    batches: Batches,
    loss: Loss,
    budget: Budget,
    recipe: Recipe,
    folder: Path,
    on_save: Callable[[], None] | None = None,
) -> checkpoint.State:
    """Trains until the budget is spent, from the checkpoint in `folder` if any; returns the final state."""
    optimizer = Optimizer(model, recipe.lr, recipe.embedding_lr)
    state = checkpoint.load(folder, model, optimizer)
    saved = time.monotonic()
    model.train()
    with tqdm(
        total=100.0, initial=100 * budget.progress(state), unit="%", bar_format=_BAR, mininterval=5
    ) as bar:
        while (progress := budget.progress(state)) < 1.0:
            state = _step(model, optimizer, batches, loss, recipe, state, progress)
            _report(bar, state, budget)
            if time.monotonic() - saved > 60 * recipe.save_minutes:
                checkpoint.save(folder, model, optimizer, state)
                if on_save:
                    on_save()
                saved = time.monotonic()
    checkpoint.save(folder, model, optimizer, state)
    model.eval()
    return state


_BAR = "{desc}: {percentage:5.1f}% [{elapsed} done, {remaining} to go] {postfix}"


def _step(
    model: LlamaForCausalLM,
    optimizer: Optimizer,
    batches: Batches,
    loss: Loss,
    recipe: Recipe,
    state: checkpoint.State,
    progress: float,
) -> checkpoint.State:
    began = time.monotonic()
    rows = batches(state.step)
    value = loss(model, rows)
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step(recipe.schedule.factor(state.step, progress))
    curve = state.curve
    if state.step % recipe.log_every == 0:
        curve = [*curve, (state.step, round(float(value.detach()), 4))]
    return replace(
        state,
        step=state.step + 1,
        tokens=state.tokens + rows.weights.numel(),
        seconds=state.seconds + time.monotonic() - began,
        curve=curve,
    )


def _report(bar: tqdm, state: checkpoint.State, budget: Budget) -> None:
    bar.set_description(f"step {state.step}", refresh=False)
    rate = state.tokens / max(state.seconds, 1e-9)
    bar.set_postfix_str(
        f"{state.tokens / 1e6:.2f}M tokens, {rate:,.0f}/s, loss {state.curve[-1][1]:.3f}", refresh=False
    )
    bar.update(100 * budget.progress(state) - bar.n)
