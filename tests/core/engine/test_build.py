"""From an EngineConfig to a server: choices with reasons, sizes, refusals, environment switches."""

from __future__ import annotations

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.engine import build
from flexserve_core.engine.build import build_server
from flexserve_core.errors import ConfigurationError, ModelError, TokenizerMismatchError
from flexserve_core.testing import run_requests, write_tiny_model
from flexserve_core.types import ProofItem


def config(pair, **settings):
    """With every draft verified: for so tiny a model the adaptive policy would rightly find few worth their row."""
    settings = {
        "policy": "fixed",
        "ssms": (str(pair[1]),),
        "dtype": "float32",
        "max_seq_length": 64,
        **settings,
    }
    return EngineConfig(model=str(pair[0]), **settings)


def tokens(server, prompt="The cat", **fields):
    with server:
        request = server.make_request(prompt=prompt, **{"temperature": 0.0, "max_new_tokens": 24, **fields})
        return server.submit(request).result().choices[0]


def test_info_says_what_runs_and_why(tiny_pair):
    told = []
    server = build_server(config(tiny_pair), told.append)
    info = server.info
    assert (info.model_type, info.dtype, info.device) == ("llama", "float32", "cpu")
    assert info.ssms == (str(tiny_pair[1]),)
    assert "trees of up to" in info.speculation
    assert "prompt_lookup" in info.speculation
    assert len(info.proof) == 3
    assert all(item.holds for item in info.proof)
    assert {"device", "dtype", "KV cache", "tree_attention"} <= {choice.what for choice in info.choices}
    assert all(choice.chosen and choice.reason for choice in info.choices)
    assert info.limits.max_seq_length == 64
    assert info.has_chat_template
    assert info.version
    assert any("loading" in line for line in told)
    assert any("checking" in line for line in told)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tree_shape": (2, 1, 1)},
        {"text_drafters": ()},
        {"text_drafters": ("prompt_lookup", "suffix")},
        {"text_drafters": ("suffix",), "ssms": ()},
        {"ssms": ()},
        {"speculation": False},
        {"kv_block_size": 4, "num_kv_blocks": 16},
        {"kv_block_size": 1, "max_requests_per_batch": 1, "max_tokens_per_batch": 16},
    ],
    ids=str,
)
def test_every_setting_gives_the_same_tokens(tiny_pair, bench, settings):
    choice = tokens(build_server(config(tiny_pair, **settings)))
    request = bench.request("The cat", max_new_tokens=24, request_id="r")
    assert [choice.token_ids] == run_requests(bench.engine(), [request]).tokens["r"]
    has_ssm = settings.get("speculation", True) and settings.get("ssms") != ()
    assert (choice.speculation.accepted_tokens > 0) >= has_ssm


def test_reference_switch_means_plain_loop(tiny_pair, monkeypatch):
    speculated = tokens(build_server(config(tiny_pair)))
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    server = build_server(config(tiny_pair))
    assert server.info.ssms == ()
    assert all(
        choice.chosen == "torch reference"
        for choice in server.info.choices
        if choice.what in ("tree_attention", "rowwise_activation")
    )
    plain = tokens(server)
    assert plain.speculation.drafted_tokens == 0
    assert plain.token_ids == speculated.token_ids
    assert "off" in server.info.speculation


@pytest.mark.parametrize("name", ["FLEXSERVE_REFERENCE", "FLEXSERVE_CHECK"])
def test_a_bad_switch_is_an_error(tiny_pair, monkeypatch, name):
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises(ConfigurationError, match=name):
        build_server(config(tiny_pair))


def test_a_model_whose_proof_fails_is_refused(tiny_pair, monkeypatch):
    monkeypatch.setattr(build, "prove", lambda runner: (ProofItem(what="x", holds=False, detail="planted"),))
    with pytest.raises(ModelError, match=r"row invariance does not hold .*planted"):
        build_server(config(tiny_pair, ssms=()))


def test_refusals(tiny_pair, tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        build_server(EngineConfig(model=str(tmp_path / "missing")))
    with pytest.raises(ModelError, match=r"no config\.json"):
        build_server(EngineConfig(model=str(tmp_path)))
    with pytest.raises(ConfigurationError, match="max_seq_length = 513"):
        build_server(config(tiny_pair, max_seq_length=513))
    with pytest.raises(ConfigurationError, match="device"):
        build_server(config(tiny_pair, device="abacus"))
    with pytest.raises(ConfigurationError, match="CUDA devices"):
        build_server(config(tiny_pair, device="cuda:99"))
    other = write_tiny_model(tmp_path, extra_tokens=1)
    with pytest.raises(TokenizerMismatchError, match="differs from that of"):
        build_server(config(tiny_pair, ssms=(str(other),)))


def test_the_pool_holds_at_least_one_text(tiny_pair):
    with pytest.raises(ConfigurationError, match=r"num_kv_blocks = 15 .* needs 16 blocks of 4"):
        build_server(config(tiny_pair, kv_block_size=4, num_kv_blocks=15))
    server = build_server(config(tiny_pair, kv_block_size=4, num_kv_blocks=16))
    [choice] = [choice for choice in server.info.choices if choice.what == "KV cache"]
    assert choice.reason == "as configured"
    with server:
        asked = {"temperature": 0.0, "max_new_tokens": 55, "ignore_eos": True}
        streams = [
            server.submit(server.make_request(prompt=prompt, **asked)) for prompt in ("The cat", "A dog")
        ]
        preempted = [stream.result().choices[0].preemptions for stream in streams]
    assert preempted == [0, 1]
    assert server.stats().preemptions == 1


def test_too_little_memory(tiny_pair, monkeypatch):
    monkeypatch.setattr(build, "_free_bytes", lambda device: 10_000)
    with pytest.raises(ConfigurationError, match="max_seq_length") as caught:
        build_server(config(tiny_pair))
    assert "KV cache" in str(caught.value)
    monkeypatch.setattr(build, "_free_bytes", lambda device: 1_000_000)
    server = build_server(config(tiny_pair))
    [choice] = [choice for choice in server.info.choices if choice.what == "KV cache"]
    assert "take turns" in choice.reason
    assert len(tokens(server).token_ids) > 0
