"""Finds the fastest settings for a person's own prompts on this machine, one question at a time.

Precision first, then who drafts, then how large trees may be, then threads: each trial changes one thing of the best
so far. At the end the winner and the default run in turns, as a machine's speed drifts over a minute. Knows nothing of
terminals and files.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from flexserve_core.config import EngineConfig
from flexserve_core.engine.build import build_server
from flexserve_core.speculation.speculative_config import speculative_keys
from flexserve_core.tuning.workload import Run, run_prompts

TREE_SIZES = (8, 24, 48)
_CONFIRMING_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting of `question` and how fast it was: in the fastest pass, as other work only ever slows one."""

    question: str
    answer: str
    config: EngineConfig
    tokens_per_s: float
    tokens_per_step: float
    passes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """best_over_default: tokens per second of the winner over the given settings, in turns; 1 when it won itself."""

    trials: tuple[Trial, ...]
    best: EngineConfig
    best_over_default: float
    tokens_differing: int  # between the trials that must agree: those of one precision


def tune(
    config: EngineConfig,
    prompts: Sequence[str],
    *,
    seconds: float = 60.0,
    max_new_tokens: int = 64,
    batch: int = 1,
    dtypes: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Spends about `seconds` on measuring, loading not counted. dtypes: precisions to try beside the given one.

    Raises ModelError, ConfigurationError."""
    questions = _questions(config, dtypes)
    trials_in_all = sum(len(answers) for _, answers in questions) + 2
    share = seconds / trials_in_all
    best, trials, texts, differing = config, [], {}, 0
    for question, answers in questions:
        measured = []
        for answer, settings in answers:
            say(f"{question}: {answer}")
            candidate = replace(best, **settings)
            trial, tokens = _measure(question, answer, candidate, prompts, max_new_tokens, batch, share)
            differing += _differing(texts.setdefault(candidate.dtype, tokens), tokens)
            measured.append(trial)
        trials += measured
        best = max(measured, key=lambda trial: trial.tokens_per_s).config
    ratio = 1.0 if best == config else _in_turns(config, best, prompts, max_new_tokens, batch, say)
    if ratio < 1.0:
        best, ratio = config, 1.0  # what looked faster was the weather
    return Tuning(trials=tuple(trials), best=best, best_over_default=ratio, tokens_differing=differing)


_Answers = list[tuple[str, dict[str, object]]]


def _questions(config: EngineConfig, dtypes: Sequence[str]) -> list[tuple[str, _Answers]]:
    """What to ask, in order; a question with one answer needs no trial, but the first, which times the default."""
    questions: list[tuple[str, _Answers]] = [
        ("precision", [(dtype, {"dtype": dtype}) for dtype in dict.fromkeys((config.dtype, *dtypes))])
    ]
    if config.speculation:
        questions.append(("drafters", list(_drafters(config))))
        sizes = sorted({*TREE_SIZES, config.max_tree_nodes})
        if config.tree_shape is None:
            questions.append(("tree nodes", [(str(size), {"max_tree_nodes": size}) for size in sizes]))
    counts = sorted({1, max(1, (os.cpu_count() or 1) // 2), torch.get_num_threads()})
    questions.append(("threads", [(str(count), {"threads": count}) for count in counts]))
    return [
        (question, answers) for question, answers in questions if len(answers) > 1 or question == "precision"
    ]


def _drafters(config: EngineConfig) -> Iterator[tuple[str, dict[str, object]]]:
    """None, the text drafters alone, and each set of the given SSMs with and without them."""
    yield "none", {"speculation": False}
    everyone: tuple[str, ...] | None = config.ssms
    subsets: list[tuple[str, ...] | None] = [()]
    if everyone is None:
        subsets.append(None)  # the demo model's own
    else:
        subsets += [s for size in range(1, len(everyone) + 1) for s in itertools.combinations(everyone, size)]
    for ssms in subsets:
        for text in dict.fromkeys((config.text_drafters, ())):
            if ssms == () and not text:
                continue
            named = (*(("its own SSMs",) if ssms is None else ssms), *text)
            yield " + ".join(named), {"ssms": ssms, "text_drafters": text}


def _measure(
    question: str,
    answer: str,
    config: EngineConfig,
    prompts: Sequence[str],
    max_new_tokens: int,
    batch: int,
    seconds: float,
) -> tuple[Trial, tuple[tuple[int, ...], ...]]:
    with _own_threads(), build_server(config) as server:
        run_prompts(server, prompts[:batch], max_new_tokens, batch)  # what is paid once is no speed
        runs: list[Run] = []
        until = time.monotonic() + seconds
        while not runs or time.monotonic() < until:
            runs.append(run_prompts(server, prompts, max_new_tokens, batch))
    trial = Trial(
        question=question,
        answer=answer,
        config=config,
        tokens_per_s=max(run.tokens_per_s for run in runs),
        tokens_per_step=runs[-1].tokens_per_step,
        passes=len(runs),
    )
    return trial, runs[0].tokens


def _in_turns(
    default: EngineConfig,
    best: EngineConfig,
    prompts: Sequence[str],
    max_new_tokens: int,
    batch: int,
    say: Callable[[str], None],
) -> float:
    """Ratio of the winner's fastest pass to the default's, over rounds in which they take turns."""
    say("the winner and the given settings in turns")
    fastest = [0.0, 0.0]
    for _ in range(_CONFIRMING_ROUNDS):
        for number, config in enumerate((default, best)):
            with _own_threads(), build_server(config) as server:
                run_prompts(server, prompts[:batch], max_new_tokens, batch)
                speed = run_prompts(server, prompts, max_new_tokens, batch).tokens_per_s
                fastest[number] = max(fastest[number], speed)
    return fastest[1] / fastest[0]


@contextmanager
def _own_threads() -> Iterator[None]:
    """torch's thread count is the process's; a trial leaves it as it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _differing(mine: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]]) -> int:
    return sum(
        sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))
        for one, other in zip(mine, theirs, strict=True)
    )


def serve_options(config: EngineConfig) -> dict[str, object]:
    """The long options of `flexserve serve` that say the same, for its --config."""
    found: dict[str, object] = {"model": config.model, "dtype": config.dtype}
    found |= {name: value for name in ("grown", "threads") if (value := getattr(config, name)) is not None}
    if not config.speculation:
        return found | {"no-speculation": True}
    return found | {"speculative-config": speculative_keys(config)}
