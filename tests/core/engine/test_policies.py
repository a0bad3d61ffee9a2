"""Which policy a configuration gets; and whatever a policy says, the tokens stay."""

from __future__ import annotations

import random

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.engine import policies
from flexserve_core.engine.build import build_server
from flexserve_core.errors import ConfigurationError
from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.policy import FixedPolicy
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import run_requests

from ..exactness import SIZES


def choice_of(pair, **settings):
    config = EngineConfig(
        model=str(pair[0]), ssms=(str(pair[1]),), max_seq_length=64, dtype="float32", **settings
    )
    server = build_server(config)
    found = [choice for choice in server.info.choices if choice.what == "policy"]
    return found[0] if found else None


def test_adaptive_unless_a_shape_or_a_policy_was_chosen(tiny_pair, monkeypatch):
    monkeypatch.setattr(policies, "confirms", lambda *_: True)  # the tests' machine may be busy
    first = choice_of(tiny_pair)
    assert first.chosen == "adaptive"
    assert "LLM rows" in first.reason
    assert "SSM rows" in first.reason
    assert "remembered" in choice_of(tiny_pair).reason
    assert choice_of(tiny_pair, policy="fixed").chosen == "fixed"
    assert choice_of(tiny_pair, tree_shape=(2, 1)).chosen == "fixed"
    assert choice_of(tiny_pair, tree_shape=(2, 1), policy="adaptive").chosen == "adaptive"
    assert choice_of(tiny_pair, speculation=False) is None


def test_an_unknown_policy_is_refused():
    with pytest.raises(ConfigurationError, match=r"policy.*adaptive"):
        EngineConfig(policy="clever")


class Moody(FixedPolicy):
    """Any depth for any drafter, any part of the trees that is closed under parents."""

    def __init__(self, num_drafters, seed):
        super().__init__(num_drafters)
        self._dice = random.Random(seed)

    def rests(self, keys):
        return self._dice.random() < 0.2

    def depths(self, candidates, other_rows):
        return [
            tuple(self._dice.choice((0, 1, c.max_depth)) for _ in range(self._num_drafters))
            for c in candidates
        ]

    def select(self, candidates, trees, other_rows):
        return [self._part(tree) for tree in trees]

    def _part(self, tree):
        kept = set()
        for node in range(len(tree)):
            if tree.parents[node] in {-1, *kept} and self._dice.random() < 0.7:
                kept.add(node)
        return tree.subset(sorted(kept))


@pytest.mark.parametrize("seed", range(4))
def test_no_policy_changes_a_token(bench, ssm_bench, greedy, seed):
    requests, expected, _ = greedy
    drafters = [ssm_bench.ssm_drafter(SIZES), PromptLookupDrafter(1, 3)]
    report = run_requests(bench.engine(drafters, SIZES, policy=Moody(2, seed)), requests)
    assert report.tokens == expected
    assert sum(report.accepted_per_depth.values()) > 30


@pytest.mark.parametrize("forward_s", [1e-5, 1.0], ids=["llm costs nothing", "llm costs all"])
def test_the_adaptive_policy_keeps_tokens_and_follows_the_costs(bench, ssm_bench, greedy, forward_s):
    """Believed costs decide whether drafts are made; the believed curve moves slowly, so a short run shows it."""
    requests, expected, _ = greedy
    llm = CostCurve({1: forward_s, 64: forward_s * 1.01})
    policy = AdaptivePolicy(llm, [DrafterCost(CostCurve({1: 1e-3, 64: 2e-3}))], SIZES.max_tree_depth)
    llm.observe = lambda *_: None
    report = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES)], SIZES, policy=policy), requests)
    assert report.tokens == expected
    drafted = sum(record.drafted_tokens for record in report.records)
    assert (drafted > 200) == (forward_s == 1.0)
