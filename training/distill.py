"""Tunes the SSM on the LLM: same tokens, the LLM's own greedy answers, a loss against its distribution.

Half the rows are corpus documents, half are answers that the LLM itself wrote to training prompts. The target
on both is the LLM's distribution (KL) and its first choice (cross-entropy), which greedy acceptance asks for.
Sequence-level and word-level distillation follow Kim & Rush, "Sequence-Level Knowledge Distillation" (2016).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random

import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.corpus import documents
from training.corpus.dialogue import Document
from training.evaluate import complete
from training.tokens import ASSISTANT, Packer, Rows
from training.train import Loss, weighted

PROMPT_WEIGHT = 0.1


@dataclass(frozen=True)
class Sample:
    """A prompt and what the LLM wrote after it, as ids."""

    prompt: list[int]
    completion: list[int]


def training_prompts(tokenizer: PreTrainedTokenizerFast, seed: int, count: int) -> list[list[int]]:
    """Prompts from corpus documents: a dialogue up to one of its answers, or the start of a raw text."""
    rng = Random(f"prompts/{seed}")
    packer = Packer(tokenizer, seed, 1, 1)
    assistant = tokenizer.get_vocab()[ASSISTANT]
    found = []
    for item in islice(documents(f"prompts/{seed}"), count):
        if item.text:
            ids = packer.encode(item)[0]
            found.append(ids[: rng.randint(2, max(3, len(ids) // 3))])
            continue
        kept = rng.randint(1, len(item.exchanges))
        ids = packer.encode(Document(item.category, item.exchanges[:kept], item.system))[0]
        last = len(ids) - 1 - ids[::-1].index(assistant)
        found.append(ids[: last + 1])
    return [ids for ids in found if len(ids) <= 600]


def own_outputs(
    llm: LlamaForCausalLM, prompts: Sequence[list[int]], file: Path, limit: int = 160, chunk: int = 256
) -> list[Sample]:
    """The LLM's greedy answers, kept in `file` (JSON lines) so that an interrupted run can go on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = file.read_text().splitlines() if file.exists() else []
    samples = [Sample(**json.loads(line)) for line in lines]
    with file.open("a") as out, tqdm(total=len(prompts), initial=len(samples), desc="own outputs") as bar:
        for start in range(len(samples), len(prompts), chunk):
            batch = prompts[start : start + chunk]
            for prompt, completion in zip(batch, complete(llm, batch, limit, batch=chunk), strict=True):
                samples.append(Sample(list(prompt), completion))
                out.write(json.dumps({"prompt": prompt, "completion": completion}) + "\n")
            out.flush()
            bar.update(len(batch))
    return samples[: len(prompts)]


class Mixture:
    """Batches for the SSM: half corpus rows, half rows packed from the LLM's own answers."""

    def __init__(self, packer: Packer, samples: Sequence[Sample]):
        self._packer, self._samples = packer, samples

    def batch(self, step: int) -> Rows:
        """The rows of one step, a pure function of the packer's seed and the step."""
        corpus = self._packer.batch(step)
        rng = Random(f"mixture/{self._packer.seed}/{step}")
        rows = [self._row(rng) for _ in range(self._packer.rows)]
        ids = torch.tensor([ids for ids, _ in rows])
        weights = torch.tensor([weights for _, weights in rows])[:, 1:]
        return replace(corpus, ids=torch.cat([corpus.ids, ids]), weights=torch.cat([corpus.weights, weights]))

    def _row(self, rng: Random) -> tuple[list[int], list[float]]:
        size = self._packer.length + 1
        ids: list[int] = []
        weights: list[float] = []
        while len(ids) < size:
            sample = rng.choice(self._samples)
            ids += sample.prompt + sample.completion
            weights += [PROMPT_WEIGHT] * len(sample.prompt) + [1.0] * len(sample.completion)
        return ids[:size], weights[:size]


def against(llm: LlamaForCausalLM, first_choice: float = 0.5) -> Loss:
    """A student's loss against the LLM: KL(LLM ‖ student) and cross-entropy to the LLM's first choice."""

    def loss(student: LlamaForCausalLM, rows: Rows) -> torch.Tensor:
        ids = rows.ids.to(student.device)[:, :-1]
        with torch.autocast(student.device.type, dtype=torch.bfloat16):
            with torch.no_grad():
                teacher = llm(input_ids=ids, use_cache=False).logits.float().flatten(0, 1)
            logits = student(input_ids=ids, use_cache=False).logits.float().flatten(0, 1)
        divergence = torch.nn.functional.kl_div(
            logits.log_softmax(-1), teacher.log_softmax(-1), reduction="none", log_target=True
        ).sum(-1)
        choice = torch.nn.functional.cross_entropy(logits, teacher.argmax(-1), reduction="none")
        return weighted((1 - first_choice) * divergence + first_choice * choice, rows)

    return loss


def boosted(llm: LlamaForCausalLM, first: LlamaForCausalLM, kept: float = 0.05) -> Loss:
    """The loss of a second student, for the positions where the first one's guess is not the LLM's choice.

    The other positions weigh `kept` times as much, so that the student does not forget how sentences go. SpecInfer
    (Miao et al., 2024), section 3, drops whole prompts that the first student gets right; here it is single positions.
    """

    def loss(student: LlamaForCausalLM, rows: Rows) -> torch.Tensor:
        ids = rows.ids.to(student.device)[:, :-1]
        with torch.autocast(student.device.type, dtype=torch.bfloat16):
            with torch.no_grad():
                choice = llm(input_ids=ids, use_cache=False).logits.argmax(-1)
                missed = first(input_ids=ids, use_cache=False).logits.argmax(-1) != choice
            logits = student(input_ids=ids, use_cache=False).logits.float().flatten(0, 1)
        losses = torch.nn.functional.cross_entropy(logits, choice.flatten(), reduction="none")
        weights = rows.weights.to(missed.device) * torch.where(missed, 1.0, kept)
        return weighted(losses, replace(rows, weights=weights))

    return loss


def start_from(student: LlamaForCausalLM, llm: LlamaForCausalLM) -> None:
    """Gives the student the LLM's embeddings and final norm; both models must share their width."""
    if student.config.hidden_size != llm.config.hidden_size:
        raise ValueError(
            f"hidden_size: {student.config.hidden_size} (student) is not {llm.config.hidden_size} (LLM)"
        )
    with torch.no_grad():
        student.model.embed_tokens.weight.copy_(llm.model.embed_tokens.weight)
        student.model.norm.weight.copy_(llm.model.norm.weight)
