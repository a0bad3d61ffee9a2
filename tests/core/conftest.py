"""Fixtures of the core's tests: tiny models, each loaded once; integrity checks at every step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core.testing import Bench, run_requests, write_tiny_model, write_tiny_pair

from .exactness import SIZES, make_requests, transformers_tokens


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tiny matrices gain nothing from threads; tests that are about threads set their own number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _check_every_step(monkeypatch):
    monkeypatch.setenv("FLEXSERVE_CHECK", "1")


@pytest.fixture(scope="session")
def tiny_pair(tmp_path_factory):
    """Folders (LLM, SSM) of a random llama and a disturbed copy of it."""
    return write_tiny_pair(tmp_path_factory.mktemp("tiny-pair"))


@pytest.fixture(scope="session")
def bench(tiny_pair):
    """The tiny LLM, fp32."""
    return Bench(tiny_pair[0])


@pytest.fixture(scope="session")
def ssm_bench(tiny_pair):
    """The tiny SSM, fp32."""
    return Bench(tiny_pair[1])


@pytest.fixture(scope="session")
def bf16_bench(tiny_pair):
    """The tiny LLM, bf16."""
    return Bench(tiny_pair[0], torch.bfloat16)


@pytest.fixture(scope="session")
def int8_cache_bench(tiny_pair):
    """The tiny LLM, fp32, its keys and values in int8."""
    return Bench(tiny_pair[0], cache_dtype=torch.int8)


@pytest.fixture(scope="session")
def letters_bench(tmp_path_factory):
    """A model over the letters a to e (and the two special tokens), for laws that are counted."""
    return Bench(write_tiny_model(tmp_path_factory.mktemp("letters"), alphabet="abcde", seed=3, spread=0.12))


@pytest.fixture(scope="session")
def greedy(bench, tiny_pair):
    """Requests, transformers' tokens and the report of plain decoding, one request at a time."""
    requests = make_requests(bench)
    plain = run_requests(bench.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    expected = transformers_tokens(tiny_pair[0], requests, bench.loaded.eos_token_ids())
    return requests, expected, plain
