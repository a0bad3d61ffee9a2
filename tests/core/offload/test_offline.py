"""Many prompts at once under offload: the batch the plan chooses, and that each weight brought serves all its rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flexserve_core import EngineConfig, build_server, for_many
from flexserve_core.offload import offline, setup
from flexserve_core.offload.place import Group
from flexserve_core.testing import write_tiny_model

from .shapes import LARGE, MACHINE, MIB, RATES

MODEL = replace(LARGE, ssm_bytes=0, ssm_kv_per_token=0)
ARITHMETIC_BOUND = (
    2400 * MIB / 1e9 / (1200 * MIB / 3e11)
)  # rows whose arithmetic takes as long as all the moving


def batch_of(model=MODEL, machine=MACHINE, context=100, prompts=1000):
    found = offline.best_batch(model, machine, context, prompts)
    return found and found.workload.batch


def test_the_batch_grows_until_arithmetic_bounds_it():
    room = replace(MACHINE, compute=9000 * MIB)
    heavier = replace(MODEL, groups=(Group("layers", 40 * MIB, 400),), macs=8000 * MIB, read=16000 * MIB)
    chosen = batch_of(heavier, room, context=10)
    assert ARITHMETIC_BOUND / 4 < chosen <= 2 * ARITHMETIC_BOUND
    slower = replace(RATES, matmul={"bf16": 3e10})
    assert batch_of(heavier, replace(room, rates=slower), context=10) < chosen / 4


def test_the_batch_is_as_large_as_the_prompts_or_the_memory_allow():
    assert batch_of(prompts=3) <= 4
    assert batch_of(context=100) > batch_of(context=2000) >= 1
    assert batch_of(machine=replace(MACHINE, compute=310 * MIB)) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("offline") / "m")


@pytest.fixture
def config(folder, monkeypatch):
    monkeypatch.setattr(offline, "measured", lambda *_: RATES)
    return EngineConfig(model=str(folder), ssms=(), device="cpu", dtype="bfloat16", max_seq_length=128)


def test_the_disk_that_is_measured_is_the_one_that_is_read(config, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(offline, "measured", lambda folder, *_: asked.append(folder) or RATES)
    for_many(replace(config, offload="disk"), [40], 20)
    for_many(replace(config, offload="disk", offload_dir=str(tmp_path)), [40], 20)
    assert asked == [Path(config.model), tmp_path]


def test_settings_follow_the_plan(config, monkeypatch):
    assert for_many(config, [40] * 300, 20) == config, "without offload nothing is brought"
    streaming = replace(config, offload="disk")
    assert for_many(replace(streaming, num_kv_blocks=64), [40] * 300, 20).max_requests_per_batch == 16
    assert for_many(replace(streaming, model="/nowhere"), [40] * 300, 20).max_requests_per_batch == 16
    found = for_many(streaming, [40] * 300, 20)
    assert found.num_kv_blocks is not None
    assert found.num_kv_blocks * 16 >= found.max_requests_per_batch * (20 + 20 + config.max_tree_nodes)
    monkeypatch.setattr(offline, "best_batch", lambda *_: None)
    assert for_many(streaming, [40] * 300, 20) == streaming


def test_weights_brought_once_serve_the_whole_batch(config, monkeypatch):
    """Counted: 48 texts of 8 tokens in one batch move little more than one text does, and say the same."""
    monkeypatch.setattr(setup, "SMALL", 1000)
    streaming = replace(
        config, offload="disk", percent=(0, 0, 100, 0, 100, 0), speculation=False, max_queued_requests=64
    )
    prompts = [f"The cat {number}" for number in range(48)]

    def run(settings, texts):
        with build_server(settings) as server:
            requests = [server.make_request(prompt=text, max_new_tokens=8, temperature=0.0) for text in texts]
            streams = [server.submit(request) for request in requests]
            tokens = [stream.result().choices[0].token_ids for stream in streams]
            return tokens, server.stats().llm_steps

    monkeypatch.setattr(offline, "best_batch", lambda *_: _Best)
    chosen = for_many(streaming, [len(text) for text in prompts], 8)
    assert chosen.max_requests_per_batch == 48
    together, steps = run(chosen, prompts)
    few, more_steps = run(replace(streaming, max_requests_per_batch=4), prompts)
    assert together == few
    assert steps < more_steps / 3


class _Best:
    class workload:
        batch = 64
