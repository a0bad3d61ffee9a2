"""One minute of a random life: no token differs from plain decoding, nothing is lost, memory stays where it was."""

from __future__ import annotations

import pytest

from flexserve_core.kv.store import KVStore
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.suffix import SuffixDrafter
from flexserve_core.testing import TIGHT, Soak


def drafters_of(ssm_bench):
    return lambda config: [
        ssm_bench.ssm_drafter(config, blocks=TIGHT),
        PromptLookupDrafter(),
        SuffixDrafter(max_nodes=10_000),
    ]


@pytest.mark.slow
def test_a_minute(bench, ssm_bench):
    report = Soak(bench).live(drafters_of(ssm_bench), seconds=60)
    assert report.mismatches == 0
    assert report.requests > 100
    assert report.aborted > 5
    assert report.preemptions > 30
    assert report.accepted > 200
    assert {"stop", "length", "abort"} <= set(report.reasons)
    assert report.last_bytes - report.first_bytes < 64 << 20
    assert ssm_bench.runner.pool.num_used == 0


def test_a_second_with_a_bug_is_noticed(bench, ssm_bench, monkeypatch):
    soak = Soak(bench, kinds=22)
    monkeypatch.setattr(KVStore, "move", lambda self, source, target: None)
    assert soak.live(drafters_of(ssm_bench), seconds=2).mismatches > 0
