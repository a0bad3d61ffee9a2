"""The server thread and its callers: streams, aborts, batches, counters. No test sleeps to be right."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from flexserve_core.errors import QueueFullError
from flexserve_core.types import FinishReason

from .serving import PROMPTS, Gate, Observer, endless, greedy, idle


def test_concurrent_callers(server, expected):
    wrong = []

    def call(prompt):
        for _ in range(3):
            while True:
                try:
                    stream = server.submit(greedy(server, prompt))
                    break
                except QueueFullError:  # the queue is bounded; a caller tries again
                    continue
            if stream.result().choices[0].token_ids != expected[prompt]:
                wrong.append(prompt)

    threads = [threading.Thread(target=call, args=(prompt,)) for prompt in PROMPTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert idle(server)
    assert server.stats().requests_finished[FinishReason.LENGTH] >= 18
    assert server.stats().accepted_tokens > 0


def test_streams_blocking_and_async(server, expected):
    chunks = list(server.submit(greedy(server, "Once")))
    assert sum((chunk.token_ids for chunk in chunks), ()) == expected["Once"]
    assert chunks[-1].result is not None

    async def read(prompt):
        stream = server.submit(greedy(server, prompt))
        return [chunk async for chunk in stream]

    async def together():
        return await asyncio.gather(*(read(prompt) for prompt in PROMPTS[:4]))

    for prompt, chunks in zip(PROMPTS, asyncio.run(together()), strict=False):
        assert sum((chunk.token_ids for chunk in chunks), ()) == expected[prompt]
    result = asyncio.run(_aresult(server, "Once"))
    assert result.choices[0].token_ids == expected["Once"]


async def _aresult(server, prompt):
    return await server.submit(greedy(server, prompt)).aresult()


def test_next_times_out_and_ends(server, monkeypatch):
    gate = Gate(monkeypatch)
    stream = server.submit(greedy(server, "Once", max_new_tokens=1))
    assert gate.entered.wait(30)
    assert stream.next(timeout_s=0.01) is None
    gate.open()
    assert stream.next(timeout_s=30).result is not None
    for _ in range(2):
        with pytest.raises(StopIteration):
            stream.next(timeout_s=0.01)
    assert list(stream) == []


def test_closing_frees_the_slot_within_a_step(server):
    observer = Observer()
    server.add_observer(observer)
    stream = server.submit(endless(server, request_id="closed"))
    first = stream.next()
    assert first.token_ids
    stream.close()
    stream.close()
    result = stream.result()
    assert result.choices[0].finish_reason is FinishReason.ABORT
    assert result.choices[0].token_ids[: len(first.token_ids)] == first.token_ids
    assert idle(server)
    assert observer.results[0].request_id == "closed"
    # after the result nothing ran for it any more
    ended = len(result.choices[0].token_ids)
    assert sum(step.emitted_tokens for step in observer.steps if step.request_ids == ("closed",)) == ended
    server.remove_observer(observer)
    count = len(observer.steps)
    assert idle(server)
    assert len(observer.steps) == count


def test_an_abandoned_generator_aborts_and_others_go_on(server, expected):
    other = server.submit(greedy(server, "Tim"))
    stream = server.submit(endless(server))
    for _ in stream:
        break
    server.abort(stream.request_id)
    server.abort("unknown")
    assert other.result().choices[0].token_ids == expected["Tim"]
    assert stream.result().choices[0].finish_reason is FinishReason.ABORT
    assert idle(server)


def test_aborting_a_waiting_request(server, monkeypatch):
    gate = Gate(monkeypatch)
    running = server.submit(greedy(server, "Once", n=4))
    assert gate.entered.wait(30)
    waiting = server.submit(endless(server))
    waiting.close()
    gate.open()
    assert waiting.result().choices[0].token_ids == ()
    assert waiting.result().choices[0].finish_reason is FinishReason.ABORT
    assert len(running.result().choices) == 4
    assert idle(server)


def test_choices_share_a_request(server, expected):
    result = server.submit(greedy(server, "Once", n=3)).result()
    assert [choice.index for choice in result.choices] == [0, 1, 2]
    assert {choice.token_ids for choice in result.choices} == {expected["Once"]}


def test_stats_add_up(server):
    before = server.stats()
    observer = Observer()
    server.add_observer(observer)
    results = [server.submit(greedy(server, prompt)).result() for prompt in PROMPTS]
    after = server.stats()
    assert after.generated_tokens - before.generated_tokens == sum(r.generated_tokens for r in results)
    assert after.prompt_tokens - before.prompt_tokens == sum(len(r.prompt_token_ids) for r in results)
    assert after.accepted_tokens == sum(after.accepted_per_depth)
    assert after.llm_steps - before.llm_steps == len(observer.steps)
    assert after.drafted_tokens >= after.accepted_tokens > 0
    assert len(observer.results) == len(PROMPTS)


def test_requests_of_the_same_engine_share_batches(server, monkeypatch):
    observer = Observer()
    server.add_observer(observer)
    gate = Gate(monkeypatch)
    first = server.submit(greedy(server, "Once", request_id="a"))
    assert gate.entered.wait(30)
    second = server.submit(greedy(server, "Tim", request_id="b"))
    gate.open()
    first.result(), second.result()
    assert any(step.request_ids == ("a", "b") for step in observer.steps)


def test_requests_of_a_removed_speculation(server, expected):
    request = greedy(server, "Once", speculation=False)
    choice = server.submit(request).result().choices[0]
    assert choice.token_ids == expected["Once"]
    assert choice.speculation.drafted_tokens == 0
    again = replace(request, request_id="again", sampling=replace(request.sampling, speculation=True))
    assert server.submit(again).result().choices[0].speculation.drafted_tokens > 0
