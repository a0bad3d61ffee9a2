"""Tuning and the tree's measurement on tiny models: every way gives the same tokens, and the answer can be served."""

from __future__ import annotations

import json

import pytest
import torch

from flexserve_core.config import EngineConfig
from flexserve_core.errors import ConfigurationError
from flexserve_core.speculation.speculative_config import engine_fields, speculative_keys
from flexserve_core.tuning.tree_bench import bench_tree
from flexserve_core.tuning.tune import serve_options, tune
from flexserve_core.tuning.workload import run_prompts

PROMPTS = ("The cat sat", "one two three")


@pytest.fixture
def config(tiny_pair):
    return EngineConfig(
        model=str(tiny_pair[0]),
        ssms=(str(tiny_pair[1]),),
        max_seq_length=96,
        dtype="float32",
        max_tree_nodes=8,
    )


def test_bench_tree(config):
    said = []
    report = bench_tree(config, PROMPTS, max_new_tokens=20, rounds=1, say=said.append)
    assert report.token_mismatches == 0
    assert [one.nodes for one in report.speeds] == [0, 1, 2, 4, 8, None]
    assert report.speeds[0].tokens_per_step == 1.0
    assert report.speeds[4].tokens_per_step > 1.2, "nothing was accepted"
    assert all(one.tokens_per_s > 0 for one in report.speeds)
    assert set(report.costs) == {config.model, *config.ssms}
    assert sum(one.accepted for one in report.acceptance) > 0
    assert "expected" in report.planned_shape
    assert any("nodes" in line for line in said)


def test_bench_tree_needs_a_drafter(config):
    from dataclasses import replace

    with pytest.raises(ConfigurationError, match="drafter"):
        bench_tree(replace(config, speculation=False), PROMPTS)


def test_tune_asks_every_question_and_its_answer_can_be_served(config):
    before = torch.get_num_threads()
    found = tune(config, PROMPTS, seconds=0.1, max_new_tokens=12)
    assert torch.get_num_threads() == before
    assert {trial.question for trial in found.trials} >= {"precision", "drafters", "tree nodes"}
    assert len([trial for trial in found.trials if trial.question == "drafters"]) == 4
    assert found.tokens_differing == 0
    assert found.best_over_default >= 1.0
    options = serve_options(found.best)
    assert options["model"] == config.model
    if found.best.speculation:
        fields = engine_fields(json.dumps(options["speculative-config"]))
        assert all(getattr(found.best, name) == value for name, value in fields.items())
    else:
        assert options["no-speculation"] is True


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ssms": ("a", "b"), "text_drafters": ()},
        {"ssms": (), "text_drafters": ("prompt_lookup", "suffix")},
        {"tree_shape": (3, 1), "ssms": ("a",)},
        {"beam_width": 3, "verification": "mss"},
        {"text_drafter_options": {"prompt_lookup": {"max_ngram": 5}}},
    ],
    ids=str,
)
def test_speculative_keys_say_what_was_set(fields):
    config = EngineConfig(max_tree_nodes=10, max_tree_depth=3, **fields)
    found = EngineConfig(**engine_fields(json.dumps(speculative_keys(config))))
    assert found == config


def test_a_run_counts_tokens_and_steps(bench):
    with bench.server() as server:
        run = run_prompts(server, PROMPTS, 6, batch=2, ignore_eos=True)
    assert run.num_tokens == 12
    assert run.tokens_per_step == 1.0
