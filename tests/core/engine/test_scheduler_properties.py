"""The scheduler against a model of its promises, on random lives: nobody lost, nobody starved, the newest first."""

from __future__ import annotations

from bisect import insort

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexserve_core.engine import scheduler as scheduler_module
from flexserve_core.engine.scheduler import Scheduler
from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.types import FinishReason

BLOCK, ROWS = 3, 12
lives = st.fixed_dictionaries(
    {
        "blocks": st.integers(9, 20),
        "share": st.booleans(),
        "nodes": st.integers(0, 7),
        "requests": st.integers(1, 5),
        # per sequence: arrival step, prompt length, kind of prompt, tokens to generate, step of an abort
        "sequences": st.lists(
            st.tuples(
                st.integers(0, 30),
                st.integers(1, 13),
                st.integers(0, 1),
                st.integers(1, 13),
                st.none() | st.integers(0, 60),
            ),
            min_size=1,
            max_size=12,
        ),
        "accepted": st.lists(st.integers(0, 7), min_size=1, max_size=20),
    }
)


class Life:
    """Runs a scheduler without a model; `check` states what must hold after every plan."""

    def __init__(self, bench, life):
        self.pool = BlockPool(life["blocks"], BLOCK, life["share"])
        self.scheduler = Scheduler(
            self.pool,
            [PromptLookupDrafter()],
            max_requests=life["requests"],
            max_rows=ROWS,
            max_tree_nodes=life["nodes"],
        )
        self.accepted, self.bench = life["accepted"], bench
        self.alive, self.ended = [], []
        self.overtaken: dict[int, int] = {}

    def add(self, key, prompt, kind, new):
        request = self.bench.request([1 + kind] * prompt, max_new_tokens=new, request_id=str(key))
        sequence = Sequence(key, request, 0, self.bench.loaded.tokenizer, frozenset(), 0.0)
        self.alive.append(sequence)
        self.scheduler.add(sequence)

    def step(self, number):
        """Plan and check; then what a step does. Returns whether there was anything to do."""
        plan = self.scheduler
        before = list(plan.running)
        texts = {each.key: list(each.tokens) for each in self.alive}
        counts = {each.key: each.preemptions for each in self.alive}
        slices = plan.plan()
        self.check(before, counts, slices)
        assert texts == {each.key: each.tokens for each in self.alive}, "planning changes no text"
        for piece in slices:
            self.advance(piece, self.accepted[number % len(self.accepted)])
        plan.retire()
        plan.check_integrity()
        self.ended += [each for each in self.alive if each.finish_reason]
        self.alive = [each for each in self.alive if not each.finish_reason]
        return bool(slices)

    def advance(self, piece, accepted):
        sequence = piece.sequence
        sequence.table.slots(len(sequence.tokens) + piece.tree_rows)
        sequence.num_cached += piece.num_rows
        for extra in range(1 + min(accepted, piece.tree_rows) if piece.samples else 0):
            if sequence.finish_reason is None:
                sequence.num_cached += extra > 0
                sequence.take(5)
        sequence.table.truncate(len(sequence.tokens))
        sequence.table.publish(sequence.tokens, sequence.num_cached)

    def check(self, before, counts, slices):
        plan = self.scheduler
        assert sorted(each.key for each in [*plan.running, *plan.waiting]) == [
            each.key for each in self.alive
        ]
        preempted = [each for each in before if each.preemptions > counts[each.key]]
        stayed = [each for each in before if each not in preempted]
        assert preempted == before[len(stayed) :], "the newest give way"
        assert stayed or not before, "the oldest stays"
        if preempted:
            assert plan.running == stayed, "nobody is admitted in a step that preempts"
        self.check_overtaking([each for each in plan.running if each not in before])
        assert all(each.table.num_missing(len(each.tokens)) == 0 for each in plan.running)
        rows = sum(piece.num_rows + piece.tree_rows for piece in slices)
        assert rows <= ROWS
        assert bool(slices) == bool(self.alive), "something always runs"
        running = {piece.sequence.key for piece in slices}
        assert all(each.key in running for each in plan.running if each.num_pending == 1)
        assert not plan.running or plan.running[0].key in running, "the oldest always advances"
        missing = sum(
            piece.sequence.table.num_missing(len(piece.sequence.tokens) + piece.tree_rows) for piece in slices
        )
        assert missing <= self.pool.num_available, "the trees that may grow fit"

    def check_overtaking(self, admitted):
        for each in self.scheduler.waiting:
            over = sum(other.key > each.key for other in admitted)
            if each.preemptions:
                assert not over, "nobody overtakes a preempted sequence"
            self.overtaken[each.key] = self.overtaken.get(each.key, 0) + over
            assert self.overtaken[each.key] <= 8


def run(bench, life):
    running, pending = Life(bench, life), sorted(enumerate(life["sequences"]), key=lambda item: item[1][0])
    key, number, aborts = 0, 0, []
    total = sum(prompt + new for _, prompt, _, new, _ in life["sequences"])
    while pending or running.alive:
        while pending and pending[0][1][0] <= number:
            _, (_, prompt, kind, new, abort) = pending.pop(0)
            running.add(key, prompt, kind, new)
            aborts.append(abort)
            key += 1
        for sequence in list(running.alive):
            if aborts[sequence.key] == number:
                sequence.cancel(FinishReason.ABORT)
                running.scheduler.remove(sequence)
                running.alive.remove(sequence)
                running.ended.append(sequence)
        running.step(number)
        number += 1
        assert number <= 40 + 2 * total, "every step advances something"
    assert len(running.ended) == len(life["sequences"])
    assert running.pool.num_used == 0
    for sequence in running.ended:
        if sequence.finish_reason is FinishReason.LENGTH:
            assert len(sequence.tokens) == sequence.max_tokens
    return running.scheduler.num_preemptions


@settings(max_examples=150, deadline=None)
@given(life=lives)
def test_random_lives(bench, life):
    run(bench, life)


CROWD = {
    "blocks": 9,
    "share": False,
    "nodes": 5,
    "requests": 5,
    "sequences": [(0, 3, index % 2, 13, None) for index in range(12)],
    "accepted": [0, 2, 1],
}


def test_preemption_does_happen(bench):
    assert run(bench, CROWD) > 5


def oldest_gives_way(self, sequence):
    sequence = self.running[0]
    self.remove(sequence)
    sequence.preempted()
    insort(self.waiting, sequence, key=lambda each: each.key)
    self.num_preemptions += 1


def lost(self, sequence):
    self.remove(sequence)
    sequence.preempted()
    self.num_preemptions += 1


def keeps_its_memory(self, sequence):
    self.running.remove(sequence)
    sequence.preempted()
    insort(self.waiting, sequence, key=lambda each: each.key)
    self.num_preemptions += 1


@pytest.mark.parametrize("bug", [oldest_gives_way, lost, keeps_its_memory])
def test_planted_bugs_are_caught(bench, monkeypatch, bug):
    monkeypatch.setattr(Scheduler, "_preempt", bug)
    with pytest.raises((AssertionError, IndexError)):
        run(bench, CROWD)


def test_overtaking_without_a_bound_is_caught(bench, monkeypatch):
    monkeypatch.setattr(scheduler_module, "_may_not_be_overtaken", lambda sequence: False)
    life = {
        **CROWD,
        "sequences": [(0, 1, 0, 25, None), (0, 13, 0, 13, None), *[(0, 1, 0, 1, None)] * 12],
        "requests": 3,
    }
    with pytest.raises(AssertionError):
        run(bench, life)
