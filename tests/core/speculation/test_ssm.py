"""The SSM drafter's memory: whatever happened before, it proposes what a fresh one would propose."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.expansion import Beam, BestFirst, StaticShape
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.testing import Bench
from flexserve_core.types import SamplingParams

CONFIG = EngineConfig(max_seq_length=256, max_requests_per_batch=4, max_tokens_per_batch=16, kv_block_size=3)
GREEDY, SAMPLED = SamplingParams(temperature=0.0), SamplingParams(temperature=0.8, top_k=50)
CAPACITY = 200


@pytest.fixture(scope="module")
def other(tiny_pair):
    """The same SSM with a cache of its own, for the fresh drafter."""
    return Bench(tiny_pair[1])


def view(key, tokens, sampling=GREEDY, max_nodes=24, max_depth=5, max_width=None):
    return DraftView(key, tokens, sampling, KeyedNoise(9, key), max_nodes, max_depth, max_width)


def drafter_of(bench, expansion=None):
    bench.allocate(CONFIG)
    return SSMDrafter(
        bench.runner,
        expansion or BestFirst(min_log_prob=-20.0, min_log_prob_to_go_on=-20.0),
        16,
        bench.loaded.vocab_size,
    )


def fresh(bench, asked, expansion=None):
    """Proposals of a drafter that has never seen anything."""
    drafter = drafter_of(bench, expansion)
    drafter.open(asked.key, CAPACITY)
    [tree] = drafter.propose([asked])
    return tree


def agree(drafter, other, asked, expansion=None):
    debt, fed = drafter.debt(asked), []
    with pytest.MonkeyPatch.context() as patch:
        right = drafter._runner.forward
        patch.setattr(drafter._runner, "forward", lambda batch: fed.append(batch) or right(batch))
        [tree] = drafter.propose([asked])
    chunks = -(-debt // 16)  # a first forward of less than 16 rows, or the chunks of a longer debt
    assert sum(batch.num_rows for batch in fed[:chunks]) == debt
    tree.check_integrity()
    drafter.check_integrity()
    assert tree == fresh(other, asked, expansion)
    assert 0 < len(tree) <= asked.max_nodes
    assert max(tree.depths) <= asked.max_depth
    return tree


def deepest(tree):
    node = max(range(len(tree)), key=lambda index: tree.depths[index])
    return [tree.tokens[index] for index in tree.path(node)]


@pytest.fixture
def drafter(ssm_bench):
    drafter = drafter_of(ssm_bench)
    drafter.open(1, CAPACITY)
    return drafter


def test_the_deepest_accepted_draft_was_never_fed(drafter, other):
    tokens = [5, 6, 7]
    for _ in range(4):
        tree = agree(drafter, other, view(1, tokens))
        path = deepest(tree)
        assert len(path) == 5
        tokens = [*tokens, *path, 77]  # the leaf's keys do not exist, nor those of the LLM's own token


def test_tokens_of_another_source(drafter, other):
    tokens = [5, 6, 7]
    for foreign in ([1, 2, 3], [4], [200, 201, 202, 203]):
        tree = agree(drafter, other, view(1, tokens))
        tokens = [*tokens, *foreign]
        agree(drafter, other, view(1, tokens))
        tokens = [*tokens, *deepest(tree)[:2]]  # an old tree's tokens at another place are nothing special


def test_half_a_path_then_something_else(drafter, other):
    tokens = [9, 9]
    for taken in (0, 1, 2, 3, 4, 5):
        tree = agree(drafter, other, view(1, tokens))
        for node in (0, len(tree) - 1, len(tree) // 2):  # branches from every place of the tree
            path = [tree.tokens[index] for index in tree.path(node)][:taken]
            agree(drafter, other, view(1, [*tokens, *path, 11]))
            tokens = [*tokens, *path, 11]
            tree = agree(drafter, other, view(1, tokens))


def test_a_lost_step_is_asked_again(drafter, other):
    for _ in range(3):
        agree(drafter, other, view(1, [5, 6, 7]))


def test_debt_after_a_spell_without_speculation(drafter, other):
    tokens = [5, 6, 7]
    agree(drafter, other, view(1, tokens))
    tokens = [*tokens, *range(10)]
    agree(drafter, other, view(1, tokens))


def test_debt_larger_than_one_forward_is_fed_in_chunks(drafter, other, ssm_bench, monkeypatch):
    rows = []
    right = ssm_bench.runner.forward
    monkeypatch.setattr(
        ssm_bench.runner, "forward", lambda batch: rows.append(batch.num_rows) or right(batch)
    )
    agree(drafter, other, view(1, [*range(100)]))
    assert max(rows) <= 16
    assert sum(rows) >= 100
    rows.clear()
    agree(drafter, other, view(1, [*range(100), *range(50)]))
    assert max(rows) <= 16
    assert sum(rows) < 50 + 3 * 16, "what is cached is not fed again"


def test_several_sequences_with_different_debts(ssm_bench, other):
    drafter = drafter_of(ssm_bench)
    texts = {1: [*range(40)], 2: [7], 3: [*range(15)]}
    for key in texts:
        drafter.open(key, CAPACITY)
    for round_number in range(3):
        views = [view(key, tokens, SAMPLED if key == 3 else GREEDY) for key, tokens in texts.items()]
        trees = drafter.propose(views)
        drafter.check_integrity()
        assert trees == [fresh(other, asked) for asked in views]
        for (key, tokens), tree in zip(texts.items(), trees, strict=True):
            texts[key] = [*tokens, *deepest(tree)[:round_number], *[key] * key * 6]


@pytest.mark.parametrize(
    "expansion", [BestFirst(min_log_prob=-9.0), StaticShape((2, 1, 2, 1)), StaticShape((1,) * 5), Beam(3, 5)]
)
@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("seed", range(3))
def test_random_histories(ssm_bench, other, expansion, sampling, seed):
    drafter = drafter_of(ssm_bench, expansion)
    drafter.open(1, CAPACITY)
    dice, tokens = random.Random(seed), [5]
    while len(tokens) < 150:
        asked = replace(
            view(1, tokens, sampling), max_nodes=dice.choice([1, 4, 12]), max_depth=dice.choice([1, 3, 5])
        )
        tree = agree(drafter, other, asked, expansion)
        path = [tree.tokens[index] for index in tree.path(dice.randrange(len(tree)))]
        foreign = [dice.randrange(250) for _ in range(dice.choice([0, 1, 1, 2, 25]))]
        tokens = [*tokens, *path[: dice.randint(0, len(path))], *foreign, dice.randrange(250)]


def test_nothing_asked_nothing_proposed(drafter, other):
    [tree] = drafter.propose([view(1, [1, 2, 3], max_nodes=0)])
    assert len(tree) == 0
    agree(drafter, other, view(1, [1, 2, 3, 4]))


def test_children_follow_the_request_s_noise(drafter, ssm_bench):
    """The first child is the token that sampling from the SSM with this noise would take."""
    from flexserve_core.testing import run_requests

    drafter = drafter_of(ssm_bench, StaticShape((1, 1, 1)))
    drafter.open(0, CAPACITY)
    asked = DraftView(0, [5, 6, 7], SAMPLED, KeyedNoise(9, 0), 12, 5)
    [tree] = drafter.propose([asked])
    request = ssm_bench.request(
        [5, 6, 7], temperature=0.8, top_k=50, seed=9, max_new_tokens=3, request_id="x"
    )
    assert run_requests(ssm_bench.engine(), [request]).tokens["x"] == [tree.tokens]


def test_closing_frees_everything(ssm_bench):
    drafter = drafter_of(ssm_bench)
    for key in range(3):
        drafter.open(key, CAPACITY)
        drafter.propose([view(key, [1, 2, 3])])
    assert ssm_bench.runner.pool.num_used > 0
    drafter.close(0)
    drafter.close(0)
    drafter.check_integrity()
    drafter.reset()
    drafter.check_integrity()
    assert ssm_bench.runner.pool.num_used == 0


def test_short_of_memory_the_youngest_go_without(ssm_bench, other):
    """Nine blocks of three: room for one text of eight tokens with its tree, not for two."""
    ssm_bench.allocate(CONFIG, blocks=9)
    drafter = SSMDrafter(ssm_bench.runner, StaticShape((2, 1)), 16, ssm_bench.loaded.vocab_size)
    texts = {key: [key + 1] * 8 for key in (3, 1, 2)}
    for key in texts:
        drafter.open(key, CAPACITY)

    def ask(*keys):
        trees = drafter.propose([view(key, texts[key], max_nodes=6) for key in keys])
        drafter.check_integrity()
        return {key: len(tree) for key, tree in zip(keys, trees, strict=True) if len(tree)}

    assert ask(3) == {3: 4}
    assert ask(3, 1, 2) == {1: 4}, "an older one takes the memory of a younger one"
    assert ask(3, 2) == {}, "but not the other way round"
    assert ask(1, 2, 3) == {1: 4}
    texts[1] = [1] * 40
    assert ask(1, 2, 3) == {2: 4}, "one that no longer fits lets the others draft"
    [tree] = drafter.propose([view(2, texts[2], max_nodes=6)])
    assert tree == fresh(other, view(2, texts[2], max_nodes=6), StaticShape((2, 1)))


def test_a_leak_is_noticed(drafter, ssm_bench):
    drafter.propose([view(1, [1, 2, 3])])
    ssm_bench.runner.pool._free.pop()
    with pytest.raises(AssertionError, match="lost"):
        drafter.check_integrity()


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("expansion", [None, StaticShape((3, 2, 2, 1, 1)), Beam(3, 5)], ids=str)
def test_one_wide_is_the_chain_of_likeliest_children(ssm_bench, sampling, expansion):
    narrow = fresh(ssm_bench, view(1, [5, 6, 7], sampling, max_width=1), expansion)
    chain = fresh(ssm_bench, view(1, [5, 6, 7], sampling), StaticShape((1,) * 5))
    assert narrow.is_chain
    assert len(narrow) == 5
    assert narrow.tokens == chain.tokens


class Gate:
    """Opens so many times."""

    def __init__(self, opens: int) -> None:
        self._opens = opens
        self.asked: list[list[int]] = []  # nodes of each text, each time

    def going_on(self, fronts) -> list[bool]:
        self.asked.append([len(front.log_probs) for front in fronts])
        return [len(self.asked) <= self._opens] * len(fronts)


class OneGate:
    """Lets only the first text on, for ever."""

    def going_on(self, fronts) -> list[bool]:
        return [True] + [False] * (len(fronts) - 1)


def test_a_gate_ends_the_draft_of_one_text_and_not_of_another(ssm_bench):
    drafter, alone = drafter_of(ssm_bench, Beam(2, 4)), drafter_of(ssm_bench, Beam(2, 4))
    asked = [replace(view(key, [5, 6, 7 + key]), gate=OneGate()) for key in (1, 2, 3)]
    for one in asked:
        drafter.open(one.key, CAPACITY)
        alone.open(one.key, CAPACITY)
    deep, *shallow = drafter.propose(asked)
    assert [max(tree.depths) for tree in (deep, *shallow)] == [4, 1, 1]
    whole = alone.propose([replace(one, gate=None) for one in asked])
    assert deep == whole[0]
    assert shallow == [tree.head(2) for tree in whole[1:]]
    longer = [
        replace(one, tokens=[*one.tokens, tree.tokens[0], 9]) for one, tree in zip(asked, whole, strict=True)
    ]
    assert [drafter.debt(one) for one in longer] == [1, 2, 2]  # those that stayed behind fed no node
    assert drafter.propose(longer)[0] == alone.propose([replace(one, gate=None) for one in longer])[0]
    alone.reset()
    drafter.check_integrity()


@pytest.mark.parametrize("opens", [0, 2, 9])
def test_a_gate_ends_the_draft_of_all(ssm_bench, opens):
    drafter, gate = drafter_of(ssm_bench, Beam(2, 4)), Gate(opens)
    asked = [replace(view(key, [5, 6, 7 + key]), gate=gate) for key in (1, 2)]
    for one in asked:
        drafter.open(one.key, CAPACITY)
    trees = drafter.propose(asked)
    assert [max(tree.depths) for tree in trees] == [min(opens + 1, 4)] * 2
    assert gate.asked[0] == [2, 2]
    alone = fresh(ssm_bench, view(1, [5, 6, 8]), Beam(2, min(opens + 1, 4)))
    assert trees[0].tokens == alone.tokens


def test_a_level_is_no_wider_than_it_may_be(ssm_bench):
    tree = fresh(ssm_bench, view(1, [5, 6, 7], max_width=2), StaticShape((4, 2, 2)))
    assert [tree.depths.count(depth) for depth in (1, 2, 3)] == [2, 2, 2]
