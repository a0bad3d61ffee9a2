"""What the server's tests share: an observer, a gate in front of the model, greedy requests."""

from __future__ import annotations

import threading

from flexserve_core.config import EngineConfig
from flexserve_core.runner.model_runner import ModelRunner

CONFIG = EngineConfig(max_seq_length=128, max_requests_per_batch=4, max_queued_requests=6)
PROMPTS = ["The cat", "Once", "a b c", "One day, in a land", "Tim", "z"]


class Observer:
    """Collects what it is told; `step_seen` is set at every step."""

    def __init__(self):
        self.steps, self.results, self.step_seen = [], [], threading.Event()

    def on_step(self, record):
        self.steps.append(record)
        self.step_seen.set()

    def on_request(self, result):
        self.results.append(result)


class Gate:
    """Holds the model's forward until it is opened, so that a test decides what happens during a step."""

    def __init__(self, monkeypatch):
        self.entered, self._open = threading.Event(), threading.Event()
        self.error: Exception | None = None
        right = ModelRunner.forward

        def forward(runner, batch):
            self.entered.set()
            assert self._open.wait(30)
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            return right(runner, batch)

        monkeypatch.setattr(ModelRunner, "forward", forward)

    def open(self):
        self._open.set()


def greedy(server, prompt, **fields):
    return server.make_request(
        prompt=prompt, **{"temperature": 0.0, "max_new_tokens": 24, "ignore_eos": True, **fields}
    )


def endless(server, **fields):
    return greedy(server, "The cat", max_new_tokens=120, **fields)


def idle(server):
    """The next step's end is the moment at which everything of ended requests must be free."""
    server.submit(greedy(server, "x", max_new_tokens=1)).result()
    stats = server.stats()
    return (stats.running, stats.waiting, stats.kv_usage) == (0, 0, 0.0)
