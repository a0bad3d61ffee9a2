"""Receipts: replayed without speculation, every token is equal; what is no receipt is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flexserve_core import ConfigurationError, EngineConfig, InvalidRequestError, build_server
from flexserve_core.receipt import Receipt, make_receipt
from flexserve_core.replay import compare, replay_receipt
from flexserve_core.testing import write_tiny_model
from flexserve_core.types import SETTINGS


@pytest.fixture(scope="module")
def server(tiny_pair):
    config = EngineConfig(
        model=str(tiny_pair[0]),
        ssms=(str(tiny_pair[1]),),
        dtype="float32",
        max_seq_length=128,
        policy="fixed",
    )
    with build_server(config) as running:
        yield running


@pytest.fixture(scope="module")
def receipt(server):
    request = server.make_request(
        prompt="The cat",
        temperature=0.9,
        top_p=0.95,
        n=2,
        stop=["zzz"],
        logit_bias={5: 1.5},
        frequency_penalty=0.3,
        max_new_tokens=24,
        ignore_eos=True,
    )
    result = server.submit(request).result()
    assert sum(choice.speculation.drafted_tokens for choice in result.choices) > 0
    return make_receipt(server.info, result)


def test_what_a_clock_cut_short_is_compared_as_far_as_it_went(server):
    fields = {
        "prompt": "The cat",
        "temperature": 0.0,
        "ignore_eos": True,
        "max_new_tokens": 24,
        "timeout_s": 60.0,
    }
    whole = make_receipt(server.info, server.submit(server.make_request(**fields)).result())
    [tokens] = whole.output_token_ids
    assert replay_receipt(replace(whole, output_token_ids=(tokens[:5],)), server).equal
    other = (*tokens[:4], tokens[4] + 1)
    assert replay_receipt(replace(whole, output_token_ids=(other,)), server).first_difference == (0, 4)


def test_a_replay_is_equal_and_the_receipt_survives_the_file(server, receipt):
    again = Receipt.from_json(receipt.to_json())
    assert again == receipt
    outcome = replay_receipt(again, server)
    assert outcome.equal
    assert outcome.tokens_compared == sum(map(len, receipt.output_token_ids)) == 48
    assert outcome.notes == ()


@pytest.mark.parametrize(
    "structured", [{"json_schema": {"enum": ["red", "green"]}}, {"choice": ["yes", "no"]}], ids=str
)
def test_a_receipt_carries_the_constraint(server, structured):
    request = server.make_request(prompt="The cat", structured=structured, seed=1)
    receipt = Receipt.from_json(make_receipt(server.info, server.submit(request).result()).to_json())
    assert receipt.sampling_params().structured == request.sampling.structured
    assert replay_receipt(receipt, server).equal
    without = replace(receipt, sampling={**receipt.sampling, "structured": None})
    assert not replay_receipt(without, server).equal, "the constraint mattered"
    for bad in (5, {"regex": 5}, {"surprise": 1}, {"regex": "("}):
        with pytest.raises(InvalidRequestError, match="structured"):
            replay_receipt(replace(receipt, sampling={**receipt.sampling, "structured": bad}), server)


def test_a_forged_token_is_found(server, receipt):
    """Negative control."""
    first, second = receipt.output_token_ids
    forged = replace(receipt, output_token_ids=(first, (*second[:7], second[7] ^ 1, *second[8:])))
    outcome = replay_receipt(forged, server)
    assert not outcome.equal
    assert outcome.first_difference == (1, 7)


def test_another_seed_is_another_text(server, receipt):
    seed = receipt.sampling["seed"]
    assert not replay_receipt(replace(receipt, sampling={**receipt.sampling, "seed": seed ^ 1}), server).equal


def test_what_differs_here_is_told(server, receipt):
    [note] = replay_receipt(replace(receipt, torch="1.0"), server).notes
    assert note == f"torch is {server.info.torch} here, was 1.0"


def test_other_weights_are_refused(server, receipt, tmp_path):
    with pytest.raises(ConfigurationError, match="model_digest"):
        replay_receipt(replace(receipt, model_digest="0" * 64), server)
    with pytest.raises(ConfigurationError, match="tokenizer_digest"):
        replay_receipt(replace(receipt, tokenizer_digest="0" * 64), server)
    other = write_tiny_model(tmp_path, seed=99)
    with (
        build_server(EngineConfig(model=str(other), dtype="float32")) as another,
        pytest.raises(ConfigurationError, match="Replay with the same model"),
    ):
        replay_receipt(receipt, another)


def test_missing_and_surplus_tokens_are_differences():
    assert compare(((1, 2, 3),), ((1, 2, 3),)).equal
    assert compare(((1, 2, 3),), ((1, 2),)).first_difference == (0, 2)
    assert compare(((1,), (1, 2)), ((1,), (1, 2, 3))).first_difference == (1, 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"format": "flexserve-receipt-9"}, "receipt"),
        ({"surprise": 1}, "surprise"),
        ({"model": 5}, "model"),
        ({"prompt_token_ids": "abc"}, "token ids"),
        ({"output_token_ids": [[1, "2"]]}, "token ids"),
        ({"output_token_ids": 3}, "token ids"),
        ({"sampling": {"temperature": 0}}, "sampling"),
        ({"threads": "two"}, "threads"),
        ({"settings": {"quantization": "int4"}}, "settings"),
        ({"settings": dict.fromkeys(SETTINGS, 4)}, "settings"),
    ],
)
def test_no_receipt(receipt, change, field):
    text = json.dumps({**json.loads(receipt.to_json()), **change})
    with pytest.raises(InvalidRequestError) as caught:
        Receipt.from_json(text)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "[1]", "{}", "[" * 100_000, '{"format": "flexserve-receipt-2"}'])
def test_no_json_of_ours(text):
    with pytest.raises(InvalidRequestError):
        Receipt.from_json(text)


def test_sampling_of_a_receipt_is_checked_like_any_request(server, receipt):
    wild = replace(receipt, sampling={**receipt.sampling, "temperature": -1})
    with pytest.raises(InvalidRequestError, match="temperature"):
        replay_receipt(wild, server)
