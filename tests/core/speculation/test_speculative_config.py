"""vLLM's keys, turned into engine settings; everything else refused by name."""

from __future__ import annotations

import json

import pytest

from flexserve_core import ConfigurationError, EngineConfig, build_server
from flexserve_core.speculation.speculative_config import engine_fields


def fields(**config):
    return engine_fields(json.dumps(config))


def test_methods():
    assert fields(method="ngram") == {
        "text_drafters": ("prompt_lookup",),
        "ssms": (),
        "text_drafter_options": {},
    }
    assert fields(method="draft_model", model="small")["ssms"] == ("small",)
    assert fields(method=["draft_model", "suffix"], model=["a", "b"])["ssms"] == ("a", "b")
    assert fields(method=["draft_model", "suffix"])["text_drafters"] == ("suffix",)
    assert fields(method="draft_model")["ssms"] is None, "the demo model's own"
    assert fields(model="small") == {
        "text_drafters": ("prompt_lookup",),
        "ssms": ("small",),
        "text_drafter_options": {},
    }


def test_sizes_and_drafters_options():
    found = fields(
        method=["ngram", "suffix"],
        num_speculative_tokens=5,
        max_tree_nodes=12,
        tree_shape=[3, 1, 1],
        prompt_lookup_min=1,
        prompt_lookup_max=5,
        suffix_decoding_min_token_prob=0.25,
        suffix_decoding_max_tree_depth=16,
    )
    assert (found["max_tree_depth"], found["max_tree_nodes"], found["tree_shape"]) == (5, 12, (3, 1, 1))
    assert found["text_drafter_options"] == {
        "prompt_lookup": {"min_ngram": 1, "max_ngram": 5},
        "suffix": {"min_probability": 0.25, "max_depth": 16},
    }
    EngineConfig(**found)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{", "speculative_config"),
        ("[]", "speculative_config"),
        ("[" * 100_000, "speculative_config"),
        ('{"methd": "ngram"}', "methd"),
        ('{"method": "eagle"}', "method"),
        ('{"method": 3}', "method"),
        ('{"method": [3]}', "method"),
        ('{"method": "ngram", "model": "small"}', "model"),
        ('{"method": "draft_model", "model": []}', "model"),
        ('{"method": "draft_model", "model": 5}', "model"),
        ('{"method": "suffix", "prompt_lookup_max": 3}', "prompt_lookup_max"),
        ('{"prompt_lookup_max": 0}', "prompt_lookup_max"),
        ('{"prompt_lookup_max": 2.5}', "prompt_lookup_max"),
        ('{"prompt_lookup_max": true}', "prompt_lookup_max"),
        ('{"method": "suffix", "suffix_decoding_min_token_prob": 2}', "suffix_decoding_min_token_prob"),
        ('{"tree_shape": "3,1"}', "tree_shape"),
        ('{"quantization": "int8"}', "quantization"),  # of draft models, and there is none
    ],
)
def test_refused(text, key):
    with pytest.raises(ConfigurationError) as caught:
        engine_fields(text)
    assert caught.value.field == key


def test_a_near_miss_is_named():
    with pytest.raises(ConfigurationError, match="Did you mean method"):
        fields(methd="ngram")


def test_an_engine_runs_so(tiny_pair):
    found = fields(
        method=["draft_model", "ngram"],
        model=str(tiny_pair[1]),
        num_speculative_tokens=2,
        prompt_lookup_max=3,
    )
    config = EngineConfig(
        model=str(tiny_pair[0]), dtype="float32", max_seq_length=64, policy="fixed", **found
    )
    with build_server(config) as server:
        request = server.make_request(prompt="The cat", temperature=0.0, max_new_tokens=16)
        speculation = server.submit(request).result().choices[0].speculation
    assert speculation.drafted_tokens > 0
    assert len(speculation.accepted_per_depth) <= 2
