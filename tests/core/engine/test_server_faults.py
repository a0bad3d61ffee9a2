"""What may go wrong around the server thread: full queues, stops, failing steps, drafters and observers."""

from __future__ import annotations

import threading

import pytest

from flexserve_core.errors import EngineFailedError, EngineStoppedError, InvalidRequestError, QueueFullError
from flexserve_core.types import FinishReason

from .serving import PROMPTS, Gate, Observer, endless, greedy, idle


def test_queue_limits_and_duplicate_ids(server, monkeypatch):
    gate = Gate(monkeypatch)
    streams = [server.submit(greedy(server, "Once", request_id="a"))]
    assert gate.entered.wait(30)
    with pytest.raises(InvalidRequestError, match="in flight") as caught:
        server.submit(greedy(server, "Once", request_id="a"))
    assert caught.value.field == "request_id"
    streams += [server.submit(greedy(server, "Once", n=2)) for _ in range(3)]
    assert server.health().waiting == 6
    with pytest.raises(QueueFullError, match="6 requests are waiting"):
        server.submit(greedy(server, "Once"))
    gate.open()
    for stream in streams:
        assert stream.result().choices[0].finish_reason is FinishReason.LENGTH
    assert server.submit(greedy(server, "Once", request_id="a")).result().request_id == "a"


def test_stop_refuses_restarts_and_starts_afresh(server, expected):
    flying = server.submit(endless(server))
    assert flying.next().token_ids
    server.stop()
    server.stop()
    assert flying.result().choices[0].finish_reason is FinishReason.ABORT
    assert server.health().status == "stopped"
    with pytest.raises(EngineStoppedError):
        server.submit(greedy(server, "Once"))
    server.start()
    server.start()
    assert server.health().status == "ok"
    assert server.submit(greedy(server, "Once")).result().choices[0].token_ids == expected["Once"]
    assert idle(server)
    server.stop()
    with server:
        assert idle(server)
    assert server.health().status == "stopped"


def test_drain_finishes_what_is_in_flight(server, expected, monkeypatch):
    gate = Gate(monkeypatch)
    streams = [server.submit(greedy(server, prompt)) for prompt in PROMPTS]
    assert gate.entered.wait(30)
    stopping = threading.Thread(target=server.stop, kwargs={"drain": True})
    stopping.start()
    while server.health().status == "ok":  # until stop has been noticed
        pass
    with pytest.raises(EngineStoppedError):
        server.submit(greedy(server, "Once"))
    gate.open()
    for prompt, stream in zip(PROMPTS, streams, strict=True):
        assert stream.result().choices[0].token_ids == expected[prompt]
    stopping.join(30)
    assert not stopping.is_alive()


def test_a_failing_step_fails_what_is_in_flight_and_the_server_lives_on(
    server, expected, monkeypatch, caplog
):
    gate = Gate(monkeypatch)
    streams = [server.submit(greedy(server, prompt)) for prompt in PROMPTS[:3]]
    assert gate.entered.wait(30)
    gate.error = RuntimeError("planted")
    gate.open()
    for stream in streams[:1]:
        with pytest.raises(EngineFailedError, match="RuntimeError: planted"):
            stream.result()
    late = server.submit(greedy(server, "Tim"))
    assert late.result().choices[0].token_ids == expected["Tim"]
    health = server.health()
    assert (health.status, health.restarts, health.last_error) == ("ok", 1, "RuntimeError: planted")
    assert "an engine step failed" in caplog.text
    assert server.stats().requests_finished[FinishReason.ERROR] >= 1
    for stream in streams[1:]:  # they failed, or were taken in only afterwards
        try:
            assert stream.result().choices[0].token_ids in expected.values()
        except EngineFailedError:
            continue
    assert idle(server)


def test_a_failing_drafter_is_a_failing_step(server, ssm_bench, expected, monkeypatch):
    [drafter] = server._engine._drafters
    right = drafter.propose
    monkeypatch.setattr(drafter, "propose", lambda views: 1 / 0)
    with pytest.raises(EngineFailedError, match="ZeroDivisionError"):
        server.submit(greedy(server, "Once")).result()
    monkeypatch.setattr(drafter, "propose", right)
    assert server.submit(greedy(server, "Once")).result().choices[0].token_ids == expected["Once"]
    assert ssm_bench.runner.pool.num_used == 0


def test_an_observer_that_raises_harms_nobody(server, expected, caplog):
    class Broken(Observer):
        def on_step(self, record):
            raise ValueError("step observer")

        def on_request(self, result):
            raise ValueError("request observer")

    broken, sound = Broken(), Observer()
    server.add_observer(broken)
    server.add_observer(sound)
    for _ in range(2):
        assert server.submit(greedy(server, "Once")).result().choices[0].token_ids == expected["Once"]
    assert sound.steps
    assert len(sound.results) == 2
    assert server.health().status == "ok"
    assert "observer" in caplog.text
