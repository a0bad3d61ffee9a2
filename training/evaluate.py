"""Asks a model the held-out questions greedily, judges the answers, and measures the SSM against its LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.checkers import Answer, well_formed
from training.heldout import Prompt
from training.tokens import Packer, load_tokenizer
from training.train import cross_entropy

MAX_NEW_TOKENS = 200
HELDOUT_SEED = 777_000  # a corpus seed that training never uses


@dataclass(frozen=True)
class Verdict:
    """One question, its answer, and whether it passed."""

    prompt: Prompt
    answer: Answer
    passed: bool


@dataclass(frozen=True)
class Agreement:
    """How the SSM follows the LLM on the LLM's greedy answers: shares of so many positions."""

    top1: float
    top3: float
    positions: int


@dataclass(frozen=True)
class Pair:
    """Two SSMs on the LLM's greedy answers, as shares of so many positions that hold the LLM's token.

    `first`, `second`: a model's first guess; `either`: one of the two first guesses; `twice`: one of the first two
    guesses of the first SSM alone, a draft of the same size as both first guesses together.
    """

    first: float
    second: float
    either: float
    twice: float
    positions: int


def load(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A trained folder, in fp32 for judging (bf16 weights are exact in it)."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), load_tokenizer(folder)


def prompt_ids(tokenizer: PreTrainedTokenizerFast, prompt: Prompt) -> list[int]:
    """The ids a server would feed: the chat template around the turns, or BOS and the raw text."""
    if prompt.raw:
        return tokenizer(prompt.user)["input_ids"]
    turns = [
        (role, text)
        for pair in prompt.history
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    messages = [{"role": role, "content": text} for role, text in [*turns, ("user", prompt.user)]]
    return cast(
        list[int], tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    )


@torch.inference_mode()
def complete(
    model: LlamaForCausalLM, prompts: Sequence[list[int]], limit: int = MAX_NEW_TOKENS, batch: int = 32
) -> list[list[int]]:
    """Greedy completions in the order given, EOS included where the model ended."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    pad, end = model.config.pad_token_id, model.config.eos_token_id
    found: dict[int, list[int]] = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        width = max(len(prompts[index]) for index in chosen)
        ids = torch.tensor(
            [[pad] * (width - len(prompts[i])) + list(prompts[i]) for i in chosen], device=model.device
        )
        output = cast(Any, model).generate(
            input_ids=ids, attention_mask=(ids != pad).long(), max_new_tokens=limit, do_sample=False
        )
        for index, row in zip(chosen, output[:, width:].tolist(), strict=True):
            found[index] = row[: row.index(end) + 1] if end in row else row
    return [found[index] for index in range(len(prompts))]


def judge(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[Prompt]
) -> list[Verdict]:
    """Asks every prompt and applies its check and the check of form."""
    completions = complete(model, [prompt_ids(tokenizer, prompt) for prompt in prompts])
    verdicts = []
    for prompt, ids in zip(prompts, completions, strict=True):
        finished = ids[-1:] == [tokenizer.eos_token_id]
        answer = Answer(str(tokenizer.decode(ids[:-1] if finished else ids)), finished)
        verdicts.append(Verdict(prompt, answer, well_formed(answer) and prompt.check(answer.text)))
    return verdicts


def by_category(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int]]:
    """Category → (passed, asked), in order of appearance."""
    table: dict[str, tuple[int, int]] = {}
    for verdict in verdicts:
        passed, asked = table.get(verdict.prompt.category, (0, 0))
        table[verdict.prompt.category] = (passed + verdict.passed, asked + 1)
    return table


@torch.no_grad()
def heldout_loss(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rows: int = 16, length: int = 512
) -> float:
    """Mean weighted loss (nats per token) on corpus rows under a seed that training never uses."""
    return float(cross_entropy(model, Packer(tokenizer, HELDOUT_SEED, rows, length).batch(0)))


@torch.inference_mode()
def guesses(
    llm: LlamaForCausalLM,
    ssms: Sequence[LlamaForCausalLM],
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[Prompt],
) -> torch.Tensor:
    """Whether an SSM's k-th guess is the LLM's token, over the LLM's greedy answers: bool [positions, ssm, 3]."""
    starts = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    hits = []
    for start, ids in zip(starts, complete(llm, starts), strict=True):
        row = torch.tensor([start + ids], device=llm.device)
        tops = [ssm(input_ids=row).logits[0, len(start) - 1 : -1].topk(3).indices for ssm in ssms]
        hits.append(torch.stack(tops, dim=1) == torch.tensor(ids, device=llm.device)[:, None, None])
    return torch.cat(hits)


def agreement(hits: torch.Tensor) -> Agreement:
    """How often an SSM's first and first three guesses hold the LLM's token; `hits` bool [positions, 3]."""
    return Agreement(
        float(hits[:, 0].float().mean()), float(hits.any(-1).float().mean()), positions=len(hits)
    )


def together(hits: torch.Tensor) -> Pair:
    """What a second SSM adds to the first; `hits` bool [positions, 2, 3]."""
    tops = hits[:, :, 0].float()
    return Pair(
        first=float(tops[:, 0].mean()),
        second=float(tops[:, 1].mean()),
        either=float(tops.amax(-1).mean()),
        twice=float(hits[:, 0, :2].any(-1).float().mean()),
        positions=len(hits),
    )
