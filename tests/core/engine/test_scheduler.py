"""Who runs next: first come first served, preemption of the newest, prompts and trees side by side."""

from __future__ import annotations

from collections import Counter

import pytest

from flexserve_core.engine.scheduler import Scheduler
from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.blocks import BlockPool
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.types import FinishReason


class CountingDrafter(PromptLookupDrafter):
    """Counts who is open."""

    def __init__(self):
        super().__init__()
        self.opened = Counter()

    def open(self, key, max_tokens):
        self.opened[key] += 1

    def close(self, key):
        self.opened.pop(key, None)


@pytest.fixture
def sequences(bench):
    made = []

    def make(prompt=4, new=8, **fields):
        """prompt: its length, or its tokens; by default every sequence has a text of its own."""
        tokens = [1 + len(made)] * prompt if isinstance(prompt, int) else prompt
        request = bench.request(tokens, max_new_tokens=new, request_id=str(len(made)), **fields)
        made.append(
            Sequence(len(made), request, 0, bench.loaded.tokenizer, frozenset(), arrival_s=float(len(made)))
        )
        return made[-1]

    return make


def scheduler(blocks=100, drafters=(), requests=8, rows=32, nodes=0, queue=()):
    plan = Scheduler(
        BlockPool(blocks, 4), drafters, max_requests=requests, max_rows=rows, max_tree_nodes=nodes
    )
    for sequence in queue:
        plan.add(sequence)
    return plan


def advance(slices, token=3):
    """What a step does to its sequences, without a model."""
    for piece in slices:
        sequence = piece.sequence
        sequence.table.slots(len(sequence.tokens) + piece.tree_rows)  # a tree of the promised size fits
        sequence.num_cached += piece.num_rows
        if piece.samples:
            sequence.take(token)
        sequence.table.truncate(len(sequence.tokens))
        sequence.table.publish(sequence.tokens, sequence.num_cached)


def steps(plan, count):
    for _ in range(count):
        advance(plan.plan())
        plan.check_integrity()
        plan.retire()


def test_first_come_first_served(sequences):
    plan = scheduler(requests=2, queue=[sequences() for _ in range(4)])
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
    assert plan.num_preemptions == 0
    plan.check_integrity()


def test_admission_asks_for_the_text_and_a_little_not_for_the_longest(sequences):
    one, two, three = (sequences(4, 100) for _ in range(3))
    plan = scheduler(blocks=27, queue=[one, two, three])  # 26 blocks hold one at its longest
    plan.plan()
    assert plan.running == [one, two, three]


def test_the_newest_gives_way_and_comes_back_first(sequences):
    first, second, third = (sequences(4, 12) for _ in range(3))
    plan = scheduler(blocks=5, queue=[first, second, third])
    plan.plan()
    assert plan.running == [first, second]
    assert list(plan.waiting) == [third]
    while not second.preemptions:
        steps(plan, 1)
    taken = list(second.tokens)
    assert plan.running == [first]
    assert list(plan.waiting) == [second, third], "in its place of arrival"
    assert (second.table, second.num_cached) == (None, 0)
    assert 4 < len(taken) < 16
    while second not in plan.running:
        steps(plan, 1)
        assert third not in plan.running
    assert second.tokens[: len(taken)] == taken
    steps(plan, 40)
    assert not plan.running
    assert not plan.waiting
    assert first.preemptions == 0
    assert all(len(each.tokens) == 16 for each in (first, second, third))


def test_two_that_do_not_fit_together_take_turns_once(sequences):
    """No livelock: the older one is never stopped, so the younger one gives way once and then has the pool."""
    older, younger = sequences(4, 60), sequences(4, 60)
    plan = scheduler(blocks=16, queue=[older, younger])  # each alone needs all of them
    count = 0
    while plan.running or plan.waiting:
        steps(plan, 1)
        count += 1
        assert count <= 2 * 60 + 5
    assert older.preemptions == 0
    assert younger.preemptions == 1
    assert len(older.tokens) == len(younger.tokens) == 64


def test_trees_get_only_blocks_nobody_needs(sequences):
    drafter = CountingDrafter()
    one, two = sequences(4, 40), sequences(4, 40)
    plan = scheduler(blocks=14, nodes=16, drafters=[drafter], queue=[one, two])
    advance(plan.plan())
    assert [piece.tree_rows for piece in plan.plan()] == [15, 15]
    sizes = []
    while not two.preemptions:
        slices = plan.plan()
        sizes.append([piece.tree_rows for piece in slices])
        advance(slices)
        plan.check_integrity()
    assert [15, 15] in sizes
    both = [pair for pair in sizes if len(pair) == 2]
    assert both[-1] == [0, 0], "before anything is preempted there are no trees left"
    assert both == sorted(both, reverse=True), "they shrink, the younger one's first"
    assert dict(drafter.opened) == {one.key: 1}, "the drafter's memory goes too"


def test_a_large_one_is_overtaken_for_a_while_only(sequences):
    first, large = sequences(4, 100), sequences(96, 8)
    small = [sequences(1, 1) for _ in range(20)]
    plan = scheduler(blocks=26, queue=[first, large, *small])
    started = set()
    for _ in range(30):
        slices = plan.plan()
        started |= {piece.sequence.key for piece in slices}
        advance(slices)
        plan.retire()
    assert large.key not in started
    assert len(started) == 1 + 8, "8 overtake it, then nobody"
    first.cancel(FinishReason.ABORT)
    plan.retire()
    plan.plan()
    assert plan.running[0] is large


def test_nothing_overtakes_a_preempted_sequence(sequences):
    one, two = sequences(20, 30), sequences(20, 30)
    plan = scheduler(blocks=14, queue=[one, two])
    while not two.preemptions:
        steps(plan, 1)
    plan.add(sequences(1, 1))
    steps(plan, 1)
    assert plan.running == [one]


def test_shared_beginnings_cost_nothing(sequences):
    text = [7] * 40
    plan = scheduler(blocks=16, queue=[sequences(text, 2)])
    advance(plan.plan())
    plan.retire()
    advance(plan.plan())  # the beginning is published now
    plan.add(sequences([*text, 9], 2))
    plan.plan()
    assert len(plan.running) <= 2
    assert plan.running[-1].num_cached == 40


def test_drafters_are_opened_for_those_who_want_drafts(sequences):
    drafter = CountingDrafter()
    one, plain = sequences(), sequences(speculation=False)
    plan = scheduler(drafters=[drafter], nodes=4, queue=[one, plain])
    plan.plan()
    assert plan.running == [one, plain]
    assert dict(drafter.opened) == {one.key: 1}
    plan.clear(FinishReason.ERROR)
    assert not drafter.opened
    plan.check_integrity()


def test_prompts_come_in_chunks_and_are_not_starved_by_trees(sequences):
    decoding, prompt = sequences(4, 20), sequences(40, 8)
    plan = scheduler(rows=16, nodes=32, drafters=[CountingDrafter()], queue=[decoding])
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


def test_a_long_prompt_and_a_stream_of_short_ones_share_the_rows(sequences):
    long, decoding = sequences(100, 4), sequences(1, 60)
    plan = scheduler(rows=16, requests=6, queue=[decoding, long])
    waited: Counter[int] = Counter()
    for _ in range(20):
        if long.num_pending <= 1:
            break
        plan.add(sequences(4, 1))
        slices = plan.plan()
        rows = {piece.sequence.key: piece.num_rows for piece in slices}
        assert rows[decoding.key] == 1, "decoding never waits"
        assert rows[long.key] >= min(8, long.num_pending), "half of the prompts' room is the oldest one's"
        waited.update(each.key for each in plan.running if each.key not in rows)
        advance(slices)
        plan.retire()
    assert long.num_pending <= 1
    assert not waited, "short ones start at once"


def test_equal_prompts_run_one_after_the_other(sequences):
    plan = scheduler(rows=16, queue=[sequences(16, 4) for _ in range(3)])
    assert [(piece.sequence.key, piece.num_rows) for piece in plan.plan()] == [(0, 16)]


def test_trees_share_the_room_fairly(sequences):
    plan = scheduler(
        rows=32, nodes=24, drafters=[CountingDrafter()], queue=[sequences(1, 20) for _ in range(4)]
    )
    slices = plan.plan()
    assert [piece.tree_rows for piece in slices] == [7, 7, 7, 7]


def test_no_tree_for_the_last_token_or_without_speculation(sequences):
    queue = [sequences(1, 1), sequences(1, 9, speculation=False), sequences(1, 9)]
    plan = scheduler(nodes=8, drafters=[CountingDrafter()], queue=queue)
    assert [piece.tree_rows for piece in plan.plan()] == [0, 0, 8]


def test_removing_and_clearing(sequences):
    running, waiting = sequences(), sequences()
    plan = scheduler(requests=1, queue=[running, waiting])
    plan.plan()
    plan.remove(waiting)
    assert not plan.waiting
    assert plan.clear(FinishReason.ERROR) == [running]
    assert running.finish_reason is FinishReason.ERROR
    assert plan.plan() == []
    plan.check_integrity()


def test_a_sequence_that_could_never_run_alone_is_no_sequence(sequences):
    with pytest.raises(AssertionError, match="alone"):
        scheduler(blocks=2, queue=[sequences(4, 8)])
