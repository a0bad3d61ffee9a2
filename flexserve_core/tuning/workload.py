"""Runs prompts on a server and says how fast they went.

Knows nothing of which settings are compared.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flexserve_core.engine.server import EngineServer

DEFAULT_PROMPTS = (
    "Who are you, and what can you do?",
    "Explain speculative inference in two sentences.",
    "Tell me a short story about a cat.",
    "Give me three travel tips for Tokyo.",
    "What is 17 + 25?",
    "List five colors.",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over prompts. tokens: of every prompt, to compare."""

    seconds: float
    tokens: tuple[tuple[int, ...], ...]
    llm_steps: int

    @property
    def num_tokens(self) -> int:
        return sum(map(len, self.tokens))

    @property
    def tokens_per_s(self) -> float:
        return self.num_tokens / self.seconds

    @property
    def tokens_per_step(self) -> float:
        return self.num_tokens / self.llm_steps


def run_prompts(
    server: EngineServer, prompts: Sequence[str], max_new_tokens: int, batch: int, **sampling: object
) -> Run:
    """Every prompt, `batch` at a time; greedy with a fixed seed unless `sampling` says otherwise."""
    started, tokens, steps = time.perf_counter(), [], 0
    for first in range(0, len(prompts), batch):
        fields = {"temperature": 0.0, "seed": 0, "max_new_tokens": max_new_tokens, **sampling}
        requests = [
            server.make_request(**_asked(server, prompt), **fields)
            for prompt in prompts[first : first + batch]
        ]
        for stream in [server.submit(request) for request in requests]:
            [choice] = stream.result().choices
            tokens.append(choice.token_ids)
            steps += choice.speculation.llm_steps
    return Run(time.perf_counter() - started, tuple(tokens), steps)


def _asked(server: EngineServer, prompt: str) -> dict[str, object]:
    """As a turn of a chat where the model knows chats."""
    if server.info.has_chat_template:
        return {"messages": [{"role": "user", "content": prompt}]}
    return {"prompt": prompt}
