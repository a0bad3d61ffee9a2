"""Quantised checkpoints: those of transformers are loaded, ours are loaded by transformers, the values are the same."""

from __future__ import annotations

import json
import math

import pytest
import torch
from flexserve_kernels import is_linear
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from flexserve_core.errors import ConfigurationError, ModelError
from flexserve_core.models.bitsandbytes_format import split_stored
from flexserve_core.models.checkpoint import open_checkpoint
from flexserve_core.models.loader import load_model
from flexserve_core.models.quantise import Quantisation
from flexserve_core.models.quantised_checkpoint import quantise_checkpoint
from flexserve_core.testing import Bench, run_requests, write_tiny_model

BF16, CPU = torch.bfloat16, torch.device("cpu")
SHAPE = {"hidden_size": 128, "intermediate_size": 256, "head_dim": 32}
THEIRS = {
    "int8": {"load_in_8bit": True},
    "int4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "int4 twice": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("original") / "model", spread=0.1, **SHAPE)


def transformers_model(folder, kind, **settings):
    config = BitsAndBytesConfig(bnb_4bit_compute_dtype=BF16, **THEIRS[kind])
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=BF16, device_map="cpu", quantization_config=config, **settings
    )


@pytest.fixture(scope="module", params=THEIRS)
def theirs(request, original, tmp_path_factory):
    """(kind, a checkpoint that transformers has written)."""
    folder = tmp_path_factory.mktemp("theirs") / "model"
    transformers_model(original, request.param).save_pretrained(folder)
    for path in original.glob("tokenizer*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return request.param, folder


def outputs(model):
    """What every linear layer of one of our models makes of fixed rows."""
    generator = torch.Generator().manual_seed(0)
    rows = {size: torch.randn(3, size, generator=generator).to(BF16) for size in (128, 256)}
    return {
        path: module(rows[module.in_features]) for path, module in model.named_modules() if is_linear(module)
    }


def test_what_transformers_has_written_is_loaded(theirs, original):
    kind, folder = theirs
    stored = load_model(str(folder), BF16, CPU)
    fresh = load_model(str(original), BF16, CPU, quantisation=Quantisation(kind[:4]))
    assert stored.quantisation.kind == kind[:4]
    assert stored.num_parameters == fresh.num_parameters
    ours, expected = outputs(stored.model), outputs(fresh.model)
    assert ours.keys() == expected.keys()
    for path, out in ours.items():
        if kind == "int4 twice":  # its scales have 8 bits
            assert (out - expected[path]).abs().max() < 0.05 * expected[path].abs().max()
        else:
            assert torch.equal(out, expected[path]), path


def test_double_quantisation_is_undone_as_bitsandbytes_does(original, tmp_path):
    from bitsandbytes.functional import dequantize_4bit

    model = transformers_model(original, "int4 twice")
    model.save_pretrained(tmp_path / "model")
    _, stored = split_stored("model", open_checkpoint("model", tmp_path / "model"))
    for name, read in stored.items():
        layer = model.get_submodule(name.removesuffix(".weight"))
        expected = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        assert torch.equal(read().dequantise(expected.dtype), expected), name


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_what_we_write_is_what_transformers_writes(kind, original, tmp_path):
    nbytes = quantise_checkpoint(str(original), kind, tmp_path / "ours")
    assert nbytes < sum(path.stat().st_size for path in original.glob("*.safetensors"))
    transformers_model(original, kind).save_pretrained(tmp_path / "theirs")
    ours, expected = (open_checkpoint("x", tmp_path / name) for name in ("ours", "theirs"))
    assert ours.keys() == expected.keys()
    for name, tensor in ours.items():
        if "quant_state" in name:
            told, meant = (json.loads(bytes(one[name][...].tolist())) for one in (ours, expected))
            assert {key: told[key] for key in meant if key != "dtype"} == {
                key: value for key, value in meant.items() if key != "dtype"
            }
        else:
            assert torch.equal(tensor[...].float(), expected[name][...].float()), name


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_transformers_loads_what_we_write(kind, original, tmp_path):
    quantise_checkpoint(str(original), kind, tmp_path / "ours")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype=BF16, device_map="cpu").eval()
    fresh = transformers_model(original, kind).eval()
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        assert torch.equal(loaded(input_ids=ids).logits, fresh(input_ids=ids).logits)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_perplexity_is_that_of_the_dequantised_weights(kind, original, tmp_path):
    """The engine on a quantised checkpoint, against transformers in fp32 on the very values it stands for."""
    quantise_checkpoint(str(original), kind, tmp_path / "ours")
    bench = Bench(tmp_path / "ours", BF16)
    _, stored = split_stored("x", open_checkpoint("x", tmp_path / "ours"))
    reference = AutoModelForCausalLM.from_pretrained(original, dtype=torch.float32).eval()
    values = {name: read().dequantise(torch.float32) for name, read in stored.items()}
    reference.load_state_dict(values, strict=False)
    plain = AutoModelForCausalLM.from_pretrained(original, dtype=torch.float32).eval()
    text = "Once upon a time there was a small dog who liked to dig in the garden all day long. " * 4
    request = bench.request(text, max_new_tokens=1, prompt_logprobs=0, max_seq_length=512)
    report = run_requests(bench.engine(), [request])
    told = report.results[request.request_id].prompt_logprobs
    ours = -sum(one.logprob for one in told if one is not None) / (len(told) - 1)
    ids = torch.tensor([request.prompt_token_ids])
    with torch.inference_mode():
        expected, unquantised = (float(model(input_ids=ids, labels=ids).loss) for model in (reference, plain))
    assert abs(ours - expected) < 0.02 * expected
    assert abs(ours - expected) < abs(unquantised - expected) or kind == "int8"
    assert math.exp(ours) > 1


def test_what_cannot_be(original, tmp_path):
    folder = tmp_path / "ours"
    quantise_checkpoint(str(original), "int4", folder)
    for settings, words in (
        ({"dtype": torch.float32}, "bfloat16"),
        ({"quantisation": Quantisation("int8")}, "already"),
    ):
        with pytest.raises(ModelError, match=words):
            load_model(str(folder), **{"dtype": BF16, "device": CPU, **settings})
    with pytest.raises(ModelError, match="already"):
        quantise_checkpoint(str(folder), "int8", tmp_path / "again")
    with pytest.raises(ConfigurationError, match="not an empty folder"):
        quantise_checkpoint(str(original), "int8", folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="gptq"):
        load_model(str(folder), BF16, CPU)
