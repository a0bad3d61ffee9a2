"""Negative controls of the structured output tests: a planted bug must turn them red."""

from __future__ import annotations

import pytest

from flexserve_core.engine import proposer as proposer_module
from flexserve_core.engine.sequence import Sequence
from flexserve_core.errors import StructuredOutputError
from flexserve_core.structure.guide import Guide
from flexserve_core.testing import run_requests

from .exactness import PLANTS, scripted
from .test_structured import SIZES, check, finished, make_requests

KINDS = ("person", "list", "regex", "choice", "ebnf")


@pytest.fixture(scope="module")
def plain(bench):
    requests = make_requests(bench, KINDS, temperature=0.0)
    return requests, run_requests(bench.engine(config=SIZES), requests)


def speculated(bench, plain):
    requests, report = plain
    return run_requests(bench.engine([scripted(bench, requests, report, PLANTS)], SIZES), requests)


def test_without_a_bug_they_are_green(bench, plain):
    assert speculated(bench, plain).tokens == plain[1].tokens


def test_control_the_matcher_is_not_rolled_back(bench, plain, monkeypatch):
    def num_allowed(self, tokens):  # the planted bug: the guide itself walks along the draft
        for number, token in enumerate(tokens):
            try:
                self.advance(token)
            except StructuredOutputError:
                return number
        return len(tokens)

    monkeypatch.setattr(Guide, "num_allowed", num_allowed)
    assert run_requests(bench.engine(config=SIZES), plain[0]).tokens == plain[1].tokens
    assert speculated(bench, plain).tokens != plain[1].tokens


def test_control_one_mask_for_the_whole_step(bench, plain, monkeypatch):
    right, masks = Sequence.next_token, {}

    def stale(self, logits, drawn=()):  # right while plain decoding, where every step computes one token
        mask = masks.setdefault((self.key, self.num_cached), self.guide.mask())
        self.guide._mask = mask
        return right(self, logits, drawn)

    monkeypatch.setattr(Sequence, "next_token", stale)
    assert run_requests(bench.engine(config=SIZES), plain[0]).tokens == plain[1].tokens
    masks.clear()
    assert speculated(bench, plain).tokens != plain[1].tokens


def test_control_no_mask_at_all(bench, monkeypatch):
    """Validity is the masks' doing: without them the models' texts do not match."""
    requests = make_requests(bench, KINDS, temperature=0.0)
    monkeypatch.setattr(Guide, "mask", lambda self: self._vocabulary.ordinary)
    monkeypatch.setattr(Guide, "advance", lambda self, token: None)
    report = run_requests(bench.engine(config=SIZES), requests)
    wrong = 0
    for kind, result in report.results.items():
        try:
            check(kind, result.choices[0].text)
        except Exception:
            wrong += 1
    assert wrong == len(KINDS)
    assert not finished(report)


def test_control_unfiltered_drafts_cost_speed_only(bench, plain, monkeypatch):
    before = speculated(bench, plain)
    monkeypatch.setattr(proposer_module, "constrained", lambda tree, guide, max_depth: tree)
    after = speculated(bench, plain)
    assert after.tokens == before.tokens == plain[1].tokens
    drafted = [sum(record.drafted_tokens for record in report.records) for report in (before, after)]
    assert drafted[0] < drafted[1], "rows of decoys were verified"
