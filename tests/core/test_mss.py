"""verification="mss" in the engine: the target's law whatever is drafted, greedy requests as ever, honest receipts.

False-alarm rate of each comparison of laws: one in a million.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from flexserve_core import (
    Candidates,
    ConfigurationError,
    EngineConfig,
    InvalidRequestError,
    TreeBuilder,
    build_server,
    draw,
    make_receipt,
)
from flexserve_core.speculation.expansion import BestFirst, StaticShape
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.speculative_config import engine_fields
from flexserve_core.testing import Bench, assert_same_law, run_requests, write_tiny_model

from .exactness import SIZES, make_requests
from .laws import engine_law

DRAWS = 1500
FIELDS = {
    "top-k and penalties": {"temperature": 1.3, "top_k": 3, "frequency_penalty": 0.5},
    "top-p": {"temperature": 1.1, "top_p": 0.7, "presence_penalty": 0.4},
}
CONFIG = EngineConfig(
    max_seq_length=128, verification="mss", max_tree_nodes=12, max_requests_per_batch=64, prefix_caching=False
)


@pytest.fixture(scope="module")
def letters_ssm(tmp_path_factory):
    """Another model over the same letters, which agrees with the first by chance only."""
    return Bench(write_tiny_model(tmp_path_factory.mktemp("ssm"), alphabet="abcde", seed=4, spread=0.12))


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize(
    "expansion",
    [StaticShape((2, 2)), BestFirst(beam=2, branch=2, max_depth=2)],
    ids=["static", "best-first"],  # best-first drops drafted tokens by likelihood, which must not matter
)
def test_law_in_the_engine(letters_bench, letters_ssm, fields, expansion):
    bench = letters_bench
    requests = [
        bench.request(
            "abcab", request_id=str(seed), seed=seed, max_new_tokens=4, ignore_eos=True, **FIELDS[fields]
        )
        for seed in range(DRAWS)
    ]
    drafters = [letters_ssm.ssm_drafter(CONFIG, expansion), PromptLookupDrafter(1, 2)]
    report = run_requests(bench.engine(drafters, CONFIG), requests)
    counts = Counter(tokens[:3] for [tokens] in report.tokens.values())
    assert_same_law(counts, engine_law(bench, requests[0], 3), false_alarm=1e-6)
    assert report.accepted_per_depth[1] > DRAWS / 2
    assert report.accepted_per_depth[2] > 20


class Dice:
    """A third party's drafter: two different tokens of a skewed law, at the root and below its first child."""

    name = "dice"

    def propose(self, views):
        return [self._tree(view) for view in views]

    def _tree(self, view):
        law, builder, node = Candidates(np.arange(4), np.log([0.1, 0.2, 0.3, 0.4])), TreeBuilder(), -1
        for depth in range(min(2, view.max_depth)):
            assert view.draws
            drawn = draw(law, view.noise, depth, 2)
            builder.note_drawn(node, drawn)
            first, _ = [builder.add(node, token, -1.0 - depth, self.name) for token in drawn.tokens]
            node = first
        return builder.build()

    def open(self, key, max_tokens):
        pass

    close = reset = check_integrity = lambda *_: None


def test_law_with_somebody_else_s_draws(letters_bench):
    fields = {"temperature": 2.0, "top_k": 5, "ignore_eos": True, "max_new_tokens": 4}
    requests = [
        letters_bench.request("abcab", request_id=str(seed), seed=seed, **fields) for seed in range(DRAWS)
    ]
    report = run_requests(letters_bench.engine([Dice()], CONFIG), requests)
    counts = Counter(tokens[:3] for [tokens] in report.tokens.values())
    assert_same_law(counts, engine_law(letters_bench, requests[0], 3), false_alarm=1e-6)
    assert report.accepted_per_depth[1] > DRAWS / 5


def test_greedy_requests_are_unaffected(bench, ssm_bench, greedy):
    requests, expected, _ = greedy
    config = replace(SIZES, verification="mss")
    drafters = [ssm_bench.ssm_drafter(config), PromptLookupDrafter()]
    report = run_requests(bench.engine(drafters, config), requests)
    assert report.tokens == expected
    keyed = run_requests(bench.engine([ssm_bench.ssm_drafter(SIZES), PromptLookupDrafter()], SIZES), requests)
    assert report.accepted_per_depth == keyed.accepted_per_depth


def test_the_text_depends_on_the_drafts_and_on_nothing_else(bench, ssm_bench):
    config = replace(SIZES, verification="mss")
    requests = make_requests(bench, seed=7, temperature=1.0)

    def tokens(shape):
        return run_requests(
            bench.engine([ssm_bench.ssm_drafter(config, StaticShape(shape))], config), requests
        ).tokens

    plain = run_requests(bench.engine(config=config), requests).tokens
    assert plain == run_requests(bench.engine(config=SIZES), requests).tokens, "nothing drafted: keyed noise"
    assert tokens((2, 1)) == tokens((2, 1)) != plain
    assert tokens((2, 1)) != tokens((1, 1, 1))


def test_an_ssm_equal_to_the_llm_is_accepted_throughout(bench):
    twin, config = Bench(bench.loaded.name), replace(SIZES, verification="mss")
    requests = make_requests(bench, seed=3, temperature=0.7, top_k=40, ignore_eos=True)
    report = run_requests(bench.engine([twin.ssm_drafter(config, StaticShape((1,) * 4))], config), requests)
    drafted = sum(record.drafted_tokens for record in report.records)
    assert sum(report.accepted_per_depth.values()) == drafted > 200


def test_grammars_hold(bench, ssm_bench):
    config = replace(SIZES, verification="mss")
    request = bench.request(
        "a", request_id="g", n=4, temperature=1.0, seed=1, max_new_tokens=30, structured={"regex": "[ab]{12}"}
    )
    report = run_requests(bench.engine([ssm_bench.ssm_drafter(config)], config), [request])
    texts = [choice.text for choice in report.results["g"].choices]
    assert all(len(text) == 12 and set(text) <= {"a", "b"} for text in texts)


def test_settings():
    assert EngineConfig().verification == "keyed"
    assert engine_fields('{"method": "ngram", "verification": "mss"}')["verification"] == "mss"
    with pytest.raises(ConfigurationError, match="keyed, mss"):
        EngineConfig(verification="typical")
    with pytest.raises(ConfigurationError, match="the key is verification"):
        engine_fields('{"rejection_sample_method": "standard"}')


def test_a_server_says_so_and_writes_no_receipt_it_cannot_keep(tiny_pair):
    config = EngineConfig(
        model=str(tiny_pair[0]),
        ssms=(str(tiny_pair[1]),),
        dtype="float32",
        max_seq_length=64,
        tree_shape=(3, 1),
        verification="mss",
    )
    with build_server(config) as server:
        assert ("verification", "mss") in [(one.what, one.chosen) for one in server.info.choices]
        results = {
            temperature: server.submit(
                server.make_request(prompt="The cat", temperature=temperature, max_new_tokens=16, seed=1)
            ).result()
            for temperature in (0.0, 1.0)
        }
    assert results[1.0].choices[0].speculation.accepted_tokens > 0
    assert make_receipt(server.info, results[0.0]).output_token_ids
    with pytest.raises(InvalidRequestError, match="keyed"):
        make_receipt(server.info, results[1.0])
