"""A request's own timeout: it ends with what it has, waiting or running, and is free within a step. Clocks are told."""

from __future__ import annotations

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.errors import InvalidRequestError
from flexserve_core.testing import run_requests
from flexserve_core.types import FinishReason

from .serving import CONFIG, Gate, endless, greedy, idle

SMALL = EngineConfig(max_seq_length=128, max_requests_per_batch=1)


def request(bench, name, **fields):
    return bench.request("The cat", request_id=name, max_new_tokens=100, ignore_eos=True, **fields)


def test_running_and_waiting_ones_end_alike(bench):
    plain = run_requests(bench.engine(), [request(bench, "x")]).tokens["x"][0]
    engine = bench.engine(config=SMALL)
    for name, timeout_s in (("runs", 5.0), ("waits", 7.0), ("goes on", None)):
        engine.add(request(bench, name, timeout_s=timeout_s), arrival_s=100.0)
    for _ in range(4):
        engine.step()
    assert engine.end_overdue(104.9) == []
    [chunk] = engine.end_overdue(105.0)
    engine.check_integrity()
    assert (engine.num_running, engine.num_waiting, engine.kv_usage) == (0, 2, 0.0)
    [ended] = chunk.result.choices
    assert (chunk.request_id, ended.finish_reason) == ("runs", FinishReason.TIMEOUT)
    assert ended.token_ids == plain[:4]
    assert ended.text
    [chunk] = engine.end_overdue(107.5)
    assert (chunk.request_id, chunk.result.choices[0].token_ids) == ("waits", ())
    assert chunk.result.choices[0].finish_reason is FinishReason.TIMEOUT
    assert engine.end_overdue(1e9) == []
    engine.step()
    assert engine.num_running == 1


def test_all_choices_end_those_that_were_done_stay(bench):
    engine = bench.engine(config=EngineConfig(max_seq_length=128, max_requests_per_batch=2))
    engine.add(request(bench, "n", timeout_s=1.0, n=3, temperature=1.0), arrival_s=0.0)
    engine.step()
    chunks = engine.end_overdue(2.0)
    assert [chunk.index for chunk in chunks] == [0, 1, 2]
    assert [len(choice.token_ids) for choice in chunks[-1].result.choices] == [1, 1, 0]
    assert not engine.has_work()


def test_a_preempted_one_ends_with_its_tokens(bench):
    config = EngineConfig(max_seq_length=64, max_requests_per_batch=2, kv_block_size=4)
    engine = bench.engine(config=config, blocks=16)
    for name in ("old", "young"):
        engine.add(
            bench.request("Tim " + name, request_id=name, ignore_eos=True, max_new_tokens=50, timeout_s=9.0),
            0.0,
        )
    while not engine.step().record.preemptions:
        pass
    waiting = engine._scheduler.waiting[0]
    assert waiting.num_generated > 0
    ended = {chunk.request_id: chunk.result.choices[0] for chunk in engine.end_overdue(9.0)}
    assert ended["young"].token_ids == tuple(waiting.tokens[waiting.num_prompt :])
    assert ended["young"].preemptions == 1
    assert engine.kv_usage == 0.0


def test_the_server_looks_at_its_clock_between_steps(bench, monkeypatch):
    now = [50.0]
    server = bench.server((), CONFIG, clock=lambda: now[0])
    gate = Gate(monkeypatch)
    with server:
        stream = server.submit(endless(server, timeout_s=3.0))
        other = server.submit(greedy(server, "Tim", timeout_s=100.0))
        assert gate.entered.wait(30)  # a step is under way
        now[0] = 53.0
        gate.open()
        [choice] = stream.result().choices
        assert choice.finish_reason is FinishReason.TIMEOUT
        assert len(choice.token_ids) == 1, "the step under way still counts"
        assert other.result().choices[0].finish_reason is FinishReason.LENGTH
        assert idle(server)
    assert server.stats().requests_finished[FinishReason.TIMEOUT] == 1


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), 1e6, "5", True])
def test_limits(bench, value):
    with pytest.raises(InvalidRequestError, match="timeout_s"):
        request(bench, "x", timeout_s=value)
