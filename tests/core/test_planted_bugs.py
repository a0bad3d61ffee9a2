"""Five bugs that a speculative sampler is known for, planted one at a time; each turns a named check red.

The checks are green without a bug. "law" checks count in the engine itself, with a false-alarm rate of one in a
million; "tokens" compares with plain decoding, token by token.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.engine.step import Stepper
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.sampling import mss
from flexserve_core.sampling.mss import Drawn
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.sampling.warp import Candidates, warp
from flexserve_core.speculation import ssm as ssm_module
from flexserve_core.speculation.expansion import StaticShape
from flexserve_core.speculation.tree import TokenTree
from flexserve_core.testing import (
    Bench,
    Plant,
    ScriptedDrafter,
    assert_same_law,
    run_requests,
    write_tiny_model,
)
from flexserve_core.types import SamplingParams

from .exactness import SIZES, make_requests, scripted
from .laws import engine_law

DRAWS = 1500
CONFIG = EngineConfig(max_seq_length=128, max_tree_nodes=12, max_requests_per_batch=64)
FIELDS = {"temperature": 1.3, "top_k": 4, "frequency_penalty": 0.5}


@pytest.fixture(scope="module")
def plain(bench):
    """Sampled requests and their plain tokens, from before any bug."""
    requests = make_requests(bench, seed=7, temperature=1.0)
    return requests, run_requests(bench.engine(config=SIZES), requests)


@pytest.fixture(scope="module")
def letters(letters_bench):
    """(bench, requests, exact law of their first three tokens)."""
    requests = [
        letters_bench.request(
            "abcab", request_id=str(seed), seed=seed, max_new_tokens=5, ignore_eos=True, **FIELDS
        )
        for seed in range(DRAWS)
    ]
    return letters_bench, requests, engine_law(letters_bench, requests[0], 3)


@pytest.fixture(scope="module")
def letters_ssm(tmp_path_factory):
    """Another model over the same letters, which agrees with the first by chance only."""
    return Bench(write_tiny_model(tmp_path_factory.mktemp("ssm"), alphabet="abcde", seed=4, spread=0.12))


@pytest.fixture
def check(request, bench, plain, letters, letters_ssm):
    """The named check, to be called while a bug is planted."""

    def tokens():
        requests, report = plain
        found = run_requests(bench.engine([scripted(bench, requests, report)], SIZES), requests)
        assert found.tokens == report.tokens

    def law(drafter, verification):
        llm, requests, expected = letters
        config = replace(CONFIG, verification=verification)
        report = run_requests(llm.engine([drafter(llm, requests, expected)], config), requests)
        counts = Counter(found[:3] for [found] in report.tokens.values())
        assert_same_law(counts, expected, false_alarm=1e-6)
        assert report.accepted_per_depth[1] > DRAWS / 5

    def planted(llm, requests, expected):
        likely = sorted(expected, key=lambda text: -expected[text])
        texts = [[*requests[0].prompt_token_ids, *text] for text in likely[:4]]
        return ScriptedDrafter(texts, [Plant(2, rank=1), Plant(1, rank=2)], llm.loaded.vocab_size)

    def drawn(llm, requests, expected):
        return letters_ssm.ssm_drafter(CONFIG, StaticShape((2, 2)))

    return {
        "tokens": tokens,
        "law, keyed": lambda: law(planted, "keyed"),
        "law, mss": lambda: law(drawn, "mss"),
    }


@pytest.mark.parametrize("name", ["tokens", "law, keyed", "law, mss"])
def test_green_without_a_bug(check, name):
    check[name]()


def accept_one_wrong_child(patch):
    """Where the tree does not hold the token, its first child is taken for it."""
    right = TokenTree.child

    def child(self, node, token):
        found = right(self, node, token)
        return (
            found if found is not None else next((i for i, p in enumerate(self.parents) if p == node), None)
        )

    patch.setattr(TokenTree, "child", child)


def reuse_noise_across_steps(patch):
    """Noise forgets the position, so every token of a request meets the same."""
    right = KeyedNoise.uniform
    patch.setattr(KeyedNoise, "uniform", lambda self, position, tokens: right(self, 0, tokens))


def forget_the_residual(patch):
    """After a refusal the token is drawn from the target itself."""
    patch.setattr(mss, "_residual", lambda p, q, where: p)


def keep_a_refused_token(patch):
    """The residual loses the refused token alone instead of all that q has too much."""

    def residual(p, q, where):
        return mss_residual(p, (q == q.max()) * 1.0, where)

    mss_residual = mss._residual
    patch.setattr(mss, "_residual", residual)


def warp_draft_and_target_differently(patch):
    """Drafts are drawn at the request's temperature, their q is noted at temperature 1."""
    right = ssm_module.draw

    def draw(law, noise, position, count):
        drawn = right(law, noise, position, count)
        other = warp(law.log_probs * FIELDS["temperature"] * 2, SamplingParams(), law.ids)
        return Drawn(drawn.tokens, Candidates(law.ids, other.log_probs))

    patch.setattr(ssm_module, "draw", draw)


def positions_off_by_one(patch):
    """Rotary positions of tree nodes, not those of the text."""
    right = ModelRunner.forward

    def forward(self, batch):
        nodes = batch.plan.positions >= batch.plan.trunk_length[batch.plan.group]
        return right(self, replace(batch, position_ids=batch.position_ids + nodes))

    patch.setattr(ModelRunner, "forward", forward)


def rows_off_by_one(patch):
    """A node's logits are read one row too early: its parent's, or a sibling's."""
    right = Stepper._walk

    def walk(self, piece, proposal, logits, greedy, row):
        shifted = logits.roll(1, 0) if len(proposal.tree) else logits
        shifted[row] = logits[row]
        return right(self, piece, proposal, shifted, greedy, row)

    patch.setattr(Stepper, "_walk", walk)


@pytest.mark.parametrize(
    ("bug", "name"),
    [
        (accept_one_wrong_child, "tokens"),
        (accept_one_wrong_child, "law, keyed"),
        (accept_one_wrong_child, "law, mss"),
        (reuse_noise_across_steps, "law, keyed"),
        (reuse_noise_across_steps, "law, mss"),
        (forget_the_residual, "law, mss"),
        (keep_a_refused_token, "law, mss"),
        (warp_draft_and_target_differently, "law, mss"),
        (positions_off_by_one, "tokens"),
        (positions_off_by_one, "law, mss"),
        (rows_off_by_one, "tokens"),
        (rows_off_by_one, "law, keyed"),
        (rows_off_by_one, "law, mss"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_bug_turns_it_red(check, bug, name, monkeypatch):
    bug(monkeypatch)
    with pytest.raises(AssertionError, match=r"^p = |impossible outcomes" if "law" in name else None):
        check[name]()
