"""Who runs next: first come first served, admission by reservation, prompts and trees side by side."""

from __future__ import annotations

from collections import Counter

import pytest

from flexserve_core.engine.scheduler import Scheduler
from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.types import FinishReason


class CountingDrafter(PromptLookupDrafter):
    """Has room for `places` sequences."""

    def __init__(self, places):
        super().__init__()
        self.places, self.opened = places, Counter()

    def can_open(self, max_tokens):
        return sum(self.opened.values()) < self.places

    def open(self, key, max_tokens):
        self.opened[key] += 1

    def close(self, key):
        self.opened.pop(key, None)


@pytest.fixture
def sequences(bench):
    made = []

    def make(prompt=4, new=8, **fields):
        request = bench.request([1] * prompt, max_new_tokens=new, request_id=str(len(made)), **fields)
        made.append(
            Sequence(len(made), request, 0, bench.loaded.tokenizer, frozenset(), arrival_s=float(len(made)))
        )
        return made[-1]

    return make


def scheduler(blocks=100, drafters=(), requests=8, rows=32, nodes=0):
    return Scheduler(
        BlockPool(blocks, 4), drafters, max_requests=requests, max_rows=rows, max_tree_nodes=nodes
    )


def advance(slices, token=3):
    """What a step does to its sequences, without a model."""
    for piece in slices:
        piece.sequence.num_cached += piece.num_rows
        if piece.samples:
            piece.sequence.take(token)


def test_first_come_first_served(sequences):
    plan = scheduler(requests=2)
    queue = [sequences() for _ in range(4)]
    for sequence in queue:
        plan.add(sequence)
    finished = []
    for _ in range(100):
        slices = plan.plan()
        if not slices:
            break
        assert [piece.sequence.key for piece in slices] == sorted(piece.sequence.key for piece in slices)
        advance(slices)
        plan.check_integrity()
        finished += [sequence.key for sequence in plan.retire()]
    assert finished == [0, 1, 2, 3]
    plan.check_integrity()


def test_admission_by_reservation_keeps_the_order(sequences):
    plan = scheduler(blocks=6)  # 24 tokens
    first, large, small = sequences(4, 8), sequences(8, 8), sequences(1, 1)
    for sequence in (first, large, small):
        plan.add(sequence)
    plan.plan()
    assert plan.running == [first]
    assert list(plan.waiting) == [large, small], "a small one does not overtake: nobody starves"
    first.cancel(FinishReason.ABORT)
    plan.retire()
    plan.plan()
    assert plan.running == [large, small]
    plan.check_integrity()


def test_a_full_drafter_makes_requests_wait_unless_they_do_without(sequences):
    drafter = CountingDrafter(places=1)
    plan = scheduler(drafters=[drafter], nodes=4)
    one, two = sequences(), sequences()
    for sequence in (one, two):
        plan.add(sequence)
    plan.plan()
    assert plan.running == [one]
    plan.remove(one)
    plain = sequences(speculation=False)
    plan.add(plain)
    plan.plan()
    assert plan.running == [two, plain]
    assert dict(drafter.opened) == {two.key: 1}
    plan.clear(FinishReason.ERROR)
    assert not drafter.opened
    plan.check_integrity()


def test_prompts_come_in_chunks_and_are_not_starved_by_trees(sequences):
    plan = scheduler(rows=16, nodes=32, drafters=[CountingDrafter(9)])
    decoding, prompt = sequences(4, 20), sequences(40, 8)
    plan.add(decoding)
    advance(plan.plan())
    [piece] = plan.plan()
    assert (piece.num_rows, piece.samples, piece.tree_rows) == (1, True, 15)
    plan.add(prompt)
    chunks = []
    for _ in range(20):
        slices = plan.plan()
        assert sum(each.num_rows + each.tree_rows for each in slices) <= 16
        mine = next(each for each in slices if each.sequence is prompt)
        if prompt.num_pending == 1:
            break
        chunks.append(mine.num_rows)
        assert mine.samples == (mine.num_rows == prompt.num_pending)
        assert mine.tree_rows == 0
        assert next(each for each in slices if each.sequence is decoding).tree_rows == 7
        advance(slices)
    assert sum(chunks) == 40
    assert len(chunks) == 5
    assert all(chunk == 8 for chunk in chunks)


def test_trees_share_the_room_fairly(sequences):
    plan = scheduler(rows=32, nodes=24, drafters=[CountingDrafter(9)])
    for _ in range(4):
        plan.add(sequences(1, 20))
    slices = plan.plan()
    assert [piece.tree_rows for piece in slices] == [7, 7, 7, 7]


def test_no_tree_for_the_last_token_or_without_speculation(sequences):
    plan = scheduler(nodes=8, drafters=[CountingDrafter(9)])
    last, without, normal = sequences(1, 1), sequences(1, 9, speculation=False), sequences(1, 9)
    for sequence in (last, without, normal):
        plan.add(sequence)
    assert [piece.tree_rows for piece in plan.plan()] == [0, 0, 8]


def test_removing_and_clearing(sequences):
    plan = scheduler(requests=1)
    running, waiting = sequences(), sequences()
    plan.add(running)
    plan.add(waiting)
    plan.plan()
    plan.remove(waiting)
    assert not plan.waiting
    assert plan.clear(FinishReason.ERROR) == [running]
    assert running.finish_reason is FinishReason.ERROR
    assert plan.plan() == []
    plan.check_integrity()
