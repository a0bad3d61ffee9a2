"""Grown models: the small one's logits and tokens at a larger shape, weights exact, nothing kept on disk."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM

from flexserve_core.config import EngineConfig
from flexserve_core.engine.build import build_server
from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.grow import Growth, grow_config, grow_weights, growth_to
from flexserve_core.models.loader import load_model
from flexserve_core.testing import write_tiny_model

TOLERANCE = 2e-5  # of the largest logit, fp32: the sums have more terms, in another order


def grown_model(folder, growth, dtype=torch.float32):
    config = AutoConfig.from_pretrained(folder)
    weights = grow_weights(config, growth, open_checkpoint("tiny", folder))
    return LlamaForCausalLM.from_pretrained(
        None, config=grow_config(config, growth), state_dict=weights, dtype=dtype
    ).eval()


def logits(model, ids):
    with torch.inference_mode():
        return model(input_ids=ids).logits.float()


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "own head"])
@pytest.mark.parametrize("growth", [Growth(2, 1, 2), Growth(1, 1, 5), Growth(4, 2, 3)], ids=str)
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
def test_logits_are_the_small_model_s(tmp_path, growth, tied, bias):
    biases = {"attention_bias": bias, "mlp_bias": bias}
    folder = write_tiny_model(tmp_path / "tiny", tie_word_embeddings=tied, head_dim=16, **biases)
    small = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    if bias:
        with torch.no_grad():
            for name, parameter in small.named_parameters():
                if name.endswith("bias"):
                    parameter.normal_()
        small.save_pretrained(folder)
    big = grown_model(folder, growth)
    assert big.config.hidden_size == 64 * growth.copies
    assert big.config.num_hidden_layers == len(big.model.layers) == growth.layers
    ids = torch.randint(0, small.config.vocab_size, (2, 40), generator=torch.Generator().manual_seed(0))
    expected = logits(small, ids)
    assert (logits(big, ids) - expected).abs().max() <= TOLERANCE * expected.abs().max()


def test_a_wrong_division_would_show(tmp_path):
    """The negative control of the test above."""
    folder = write_tiny_model(tmp_path / "tiny", head_dim=16)
    growth = Growth(2, 2, 2)
    big = grown_model(folder, growth)
    with torch.no_grad():
        big.model.layers[0].mlp.down_proj.weight *= 1.01
    ids = torch.arange(40)[None]
    expected = logits(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), ids)
    assert (logits(big, ids) - expected).abs().max() > 10 * TOLERANCE * expected.abs().max()


def test_every_weight_stays_exact_in_bf16(tmp_path):
    folder = write_tiny_model(tmp_path / "tiny", head_dim=16)
    fine = grown_model(folder, Growth(4, 2, 3), torch.bfloat16).state_dict()
    small = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).state_dict()
    down = "model.layers.1.mlp.down_proj.weight"
    assert torch.equal(fine[down][:64, :172] * 4, small[down])
    assert not fine["model.layers.2.mlp.down_proj.weight"].any()
    assert fine["model.layers.2.mlp.up_proj.weight"].any()


def test_sizes_are_what_they_say():
    """Without weights: the demo's shape, counted on the meta device."""
    config = AutoConfig.from_pretrained(open_demo())
    for size, (low, high) in {"100M": (95, 110), "300M": (285, 315), "1.1B": (1040, 1120)}.items():
        with torch.device("meta"):
            model = LlamaForCausalLM(grow_config(config, growth_to("demo", config, size)))
        assert low <= sum(p.numel() for p in model.parameters()) / 1e6 <= high


def open_demo():
    from flexserve_core.models.catalog import resolve

    return resolve("demo").location


@pytest.mark.parametrize("name", ["stories260K", "llama2xs-279K"])
def test_small_heads_are_grown_too(shared_model, name):
    """A really trained model with heads of 8 numbers; four layers more, four times as wide."""
    folder = shared_model(name)
    small = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    big = grown_model(folder, Growth(4, 4, 9))
    assert big.config.head_dim == 8
    assert big.config.num_attention_heads == 32
    ids = torch.randint(0, small.config.vocab_size, (1, 40), generator=torch.Generator().manual_seed(0))
    expected = logits(small, ids)
    assert (logits(big, ids) - expected).abs().max() <= TOLERANCE * expected.abs().max()


def test_models_that_cannot_be_grown_are_refused(tmp_path):
    folder = write_tiny_model(tmp_path / "wide", hidden_size=96, num_attention_heads=6, head_dim=16)
    with pytest.raises(ModelError, match="cannot be grown to 100M"):
        load_model(str(folder), torch.float32, torch.device("cpu"), grown="100M")
    other = write_tiny_model(tmp_path / "qwen", family="qwen2")
    with pytest.raises(ModelError, match="qwen2"):
        load_model(str(other), torch.float32, torch.device("cpu"), grown="100M")
    with pytest.raises(ConfigurationError, match="grown"):
        EngineConfig(grown="7B")
    with pytest.raises(ConfigurationError, match="grown"):
        EngineConfig(grown="100M", offload="auto")


def test_the_grown_demo_writes_the_demo_s_text():
    """fp32, greedy, drafted by the demo's own unchanged SSM; labelled as grown."""
    config = EngineConfig(dtype="float32", policy="fixed", max_seq_length=128, max_requests_per_batch=2)
    messages = [{"role": "user", "content": "What is the sun?"}]
    texts = {}
    for grown in (None, "100M"):
        with build_server(replace(config, grown=grown)) as server:
            request = server.make_request(messages=messages, temperature=0, max_new_tokens=32)
            texts[grown] = server.submit(request).result().choices[0]
    assert texts["100M"].token_ids == texts[None].token_ids
    assert texts["100M"].speculation.accepted_tokens == texts[None].speculation.accepted_tokens > 0
    assert server.info.grown == "100M"
    assert "grown to 100M" in server.info.title
    assert server.info.ssms == ("demo-ssm",)
    assert server.info.num_parameters > 95e6
