"""Fixtures of the server's tests."""

from __future__ import annotations

import pytest

from flexserve_core.testing import run_requests

from .serving import CONFIG, PROMPTS


@pytest.fixture
def server(bench, ssm_bench):
    server = bench.server([ssm_bench.ssm_drafter(CONFIG)], CONFIG)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def expected(bench):
    """Greedy tokens of every prompt, by plain decoding."""
    requests = [
        bench.request(prompt, request_id=prompt, max_new_tokens=24, ignore_eos=True) for prompt in PROMPTS
    ]
    return {key: tokens for key, [tokens] in run_requests(bench.engine(), requests).tokens.items()}
