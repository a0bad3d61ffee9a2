"""Writes the two model cards from measured results; holds no measured number of its own."""

# ruff: noqa: E501

from __future__ import annotations

from typing import Any

_HEAD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
"""


def _table(by_category: dict[str, list[int]]) -> str:
    rows = [f"| {name} | {passed} / {asked} |" for name, (passed, asked) in by_category.items()]
    passed, asked = (sum(pair[index] for pair in by_category.values()) for index in (0, 1))
    total = f"| **all** | **{passed} / {asked} ({100 * passed / asked:.1f} %)** |"
    return "\n".join(["| category | passed |", "|---|---|", *rows, total])


def _training(run: dict[str, Any]) -> str:
    last = [loss for _, loss in run["curve"][-5:]]
    before = "".join(
        f"seed {one['seed']:.0f}, {one['step']} steps, {one['tokens'] / 1e6:.1f} M tokens, {one['seconds'] / 60:.0f} minutes "
        "of stepping; then, continuing it with the learning rate back at 60 %, "
        for one in run["earlier"]
    )
    return (
        f"{before}seed {run['seed']}, {run['step']} steps, {run['tokens'] / 1e6:.1f} M tokens, {run['seconds'] / 60:.0f} minutes "
        f"of stepping; last logged training losses {', '.join(f'{loss:.3f}' for loss in last)}"
    )


def llm_card(results: dict[str, Any]) -> str:
    """The card of the LLM."""
    heldout, notes = results["llm_heldout"], results.get("notes", "")
    return f"""{_HEAD}
# demo: the model embedded in FlexServe

A `LlamaForCausalLM` of {heldout["parameters"]:,} parameters (bf16, tied embeddings, byte-level BPE of 1536 tokens, at most
1024 positions). It is there so that a fresh install can chat at once and so that tests and benchmarks have a real trained
pair. It holds short English chats about FlexServe, some cities, capitals, small sums, unit conversions and short stories;
for everything else it says that it is a tiny demo model. It is wrong often enough that nothing should depend on it.

## Data
Synthetic only: dialogues and short texts produced by the generators in `training/corpus/` from templates, tables and seeds,
with paraphrases, typing noise and follow-up questions. No text from elsewhere, no other model's output, no personal data.
Facts (capitals, sights, definitions) come from small tables in those files and may be dated or incomplete.

## Training
{_training(results["llm_training"])}. Muon for hidden matrices, AdamW for the rest, bf16 autocast, packed rows of 1024
tokens, user text weighted 0.1. {notes}`python -m training all` rebuilds it.

## Held-out
Loss on generated text under a seed not used in training: {heldout["loss"]:.3f} nats per token (weighted as in training).
Greedy answers to {len(heldout["answers"])} hand-written questions that no training template produces
(`training/heldout.py`), judged by program:

{_table(heldout["by_category"])}

The same for `training/blind.py`, written later without the templates and those questions at hand (some frames of advice
questions were seen), and whose misses nobody has looked at:

{_table(heldout["blind"])}

## Chat format
`<|begin|><|system|>…<|end|><|user|>…<|end|><|assistant|>…<|end|>`; the end of text is `<|end|>`. Raw text is continued
after `<|begin|>`, which the tokenizer adds.
"""


def ssm_card(results: dict[str, Any]) -> str:
    """The card of the SSM."""
    heldout, run = results["ssm_heldout"], results["ssm_training"]
    return f"""{_HEAD}
# demo-ssm: the draft model of FlexServe's embedded pair

A one-layer `LlamaForCausalLM` of {heldout["parameters"]:,} parameters with the tokenizer of `demo`. Alone it writes little
sense; it guesses what `demo` will say next.

## Training
Distilled from `demo`: {_training(run)}. Half of the rows are corpus text, half are greedy answers of `demo` to
{run["own_outputs"]} prompts from the corpus; the loss is KL to `demo` and cross-entropy to its first choice.

## Held-out
Along `demo`'s greedy answers to the questions of `training/heldout.py` ({heldout["positions"]} tokens): its first guess is
`demo`'s token at {100 * heldout["top1"]:.1f} % of positions, one of its first three guesses at {100 * heldout["top3"]:.1f} %.
"""


def ssm_2_card(results: dict[str, Any]) -> str:
    """The card of the second SSM."""
    heldout, run = results["ssm_2_heldout"], results["ssm_2_training"]
    return f"""{_HEAD}
# demo-ssm-2: the second draft model of FlexServe's embedded models

A one-layer `LlamaForCausalLM` of {heldout["parameters"]:,} parameters with the tokenizer of `demo`, made to stand beside
`demo-ssm`: it is trained for the positions where the first guess of `demo-ssm` is wrong, and is the weaker of the two alone.

## Training
Starts from `demo-ssm`: {_training(run)}. The rows are of the same kind as those of `demo-ssm`; the loss is cross-entropy to
`demo`'s first choice, and positions that `demo-ssm` guesses right weigh a twentieth.

## Held-out
Along `demo`'s greedy answers to the questions of `training/heldout.py` ({heldout["positions"]} tokens), the share of positions
where `demo`'s token is

| among | % |
|---|---|
| the first guess of `demo-ssm` | {100 * heldout["first"]:.1f} |
| the first guess of `demo-ssm-2` | {100 * heldout["second"]:.1f} |
| the first guesses of both | {100 * heldout["either"]:.1f} |
| the first two guesses of `demo-ssm` alone (a draft of the same size) | {100 * heldout["twice"]:.1f} |
"""
