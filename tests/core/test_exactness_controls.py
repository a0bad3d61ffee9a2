"""Negative controls of the exactness tests: a planted verification bug must turn them red."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from flexserve_core.engine.sequence import Sequence
from flexserve_core.kv.store import KVStore
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.sampling.choose import choose
from flexserve_core.sampling.warp import History, warp
from flexserve_core.speculation import ssm as ssm_module
from flexserve_core.speculation.tree import TokenTree
from flexserve_core.testing import Plant, run_requests

from .exactness import PLANTS, SIZES, make_requests, scripted


def speculated(bench, greedy, plants=PLANTS):
    """(tokens with a scripted drafter, tokens expected)."""
    requests, expected, plain = greedy
    return run_requests(
        bench.engine([scripted(bench, requests, plain, plants)], SIZES), requests
    ).tokens, expected


def test_control_a_wrong_child_is_accepted(bench, greedy, monkeypatch):
    right = TokenTree.child

    def first_child(self, node, token):
        found = right(self, node, token)
        if found is None:  # the planted bug: any child will do
            found = next((i for i, parent in enumerate(self.parents) if parent == node), None)
        return found

    monkeypatch.setattr(TokenTree, "child", first_child)
    tokens, expected = speculated(bench, greedy)
    assert tokens != expected


def test_control_accepted_keys_are_not_moved(bench, greedy, monkeypatch):
    monkeypatch.setattr(KVStore, "move", lambda self, source, target: None)
    tokens, expected = speculated(bench, greedy)
    assert tokens != expected
    tokens, expected = speculated(bench, greedy, plants=(Plant(depth=4, rank=0),))
    assert tokens == expected, "a chain needs no move"


def test_control_tree_positions_are_off_by_one(bench, greedy, monkeypatch):
    right = ModelRunner.forward

    def shifted(self, batch):  # the planted bug: rotary positions of tree nodes, not of the trunk
        nodes = batch.plan.positions >= batch.plan.trunk_length[batch.plan.group]
        return right(self, replace(batch, position_ids=batch.position_ids + nodes))

    monkeypatch.setattr(ModelRunner, "forward", shifted)
    tokens, expected = speculated(bench, greedy)
    assert tokens != expected


def test_control_noise_is_reused_within_a_step(bench, monkeypatch):
    requests = make_requests(bench, seed=7, temperature=1.0)
    plain = run_requests(bench.engine(config=SIZES), requests)

    def stale(self, logits, drawn=()):  # right while plain decoding, where num_cached is the text's length
        sampling = self.request.sampling
        return choose(warp(logits.astype(np.float64), sampling), self.noise, self.num_cached)

    monkeypatch.setattr(Sequence, "next_token", stale)
    assert run_requests(bench.engine(config=SIZES), requests).tokens == plain.tokens
    report = run_requests(bench.engine([scripted(bench, requests, plain)], SIZES), requests)
    assert report.tokens != plain.tokens


def test_control_penalties_forget_the_path(bench, monkeypatch):
    requests = make_requests(bench, temperature=0.0, frequency_penalty=2.0)
    plain = run_requests(bench.engine(config=SIZES), requests)
    right = Sequence.next_token

    def forgetful(self, logits, drawn=()):
        known = self._history
        path = self.tokens[self.num_cached :]
        self._history = History(known.prompt, known.completion - Counter(path))
        try:
            return right(self, logits, drawn)
        finally:
            self._history = known

    monkeypatch.setattr(Sequence, "next_token", forgetful)
    assert run_requests(bench.engine(config=SIZES), requests).tokens == plain.tokens
    report = run_requests(bench.engine([scripted(bench, requests, plain)], SIZES), requests)
    assert report.tokens != plain.tokens


def test_control_drafting_with_the_wrong_noise_costs_speed_only(bench, ssm_bench, monkeypatch):
    requests = make_requests(bench, seed=7, temperature=1.0)
    plain = run_requests(bench.engine(config=SIZES), requests)
    before = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES)], SIZES), requests)
    right = ssm_module.foreseen
    monkeypatch.setattr(
        ssm_module, "foreseen", lambda law, noise, position, width: right(law, noise, position + 1, width)
    )
    after = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES)], SIZES), requests)
    assert before.tokens == after.tokens == plain.tokens
    assert sum(after.accepted_per_depth.values()) < sum(before.accepted_per_depth.values())
