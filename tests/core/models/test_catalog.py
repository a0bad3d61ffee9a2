"""Names of models: embedded, folders, hub ids, and what is none of them."""

from __future__ import annotations

import json

import pytest
import torch

from flexserve_core.errors import ModelError, TokenizerMismatchError
from flexserve_core.models.catalog import resolve
from flexserve_core.models.loader import check_same_vocabulary, load_model
from flexserve_core.testing import write_tiny_model

CPU = torch.device("cpu")


def test_a_folder_and_a_hub_id(tiny_pair):
    assert resolve(str(tiny_pair[0])).is_local
    source = resolve("JackFram/llama-160m")
    assert (source.location, source.is_local) == ("JackFram/llama-160m", False)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: folder, "no config.json"),
        (lambda folder: folder / "config.json", "not a folder"),
        (lambda folder: folder / "missing", "no such folder"),
        (lambda folder: "./nowhere", "no such folder"),
        (lambda folder: "a/b/c", "no such folder"),
        (lambda folder: "~nobody/x", "no such folder"),
        (lambda folder: "spa ce/name", "no such folder"),
    ],
)
def test_names_that_are_no_model(tmp_path, make, problem):
    name = make(tmp_path)
    if getattr(name, "name", None) == "config.json":
        name.write_text("{}")
    with pytest.raises(ModelError, match=problem) as caught:
        resolve(str(name))
    assert repr(str(name)) in str(caught.value)


def test_a_hub_id_without_a_network(tmp_path):
    with pytest.raises(ModelError, match="nobody/nothing"):
        load_model("nobody/nothing", torch.float32, CPU, cache_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "weights cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"junk"), "weights cannot be loaded"),
        (lambda folder: edit(folder, model_type="no-such-type"), "config.json"),
        (lambda folder: edit(folder, rope_parameters={"rope_type": "dynamic", "factor": 2.0}), "rotary type"),
    ],
)
def test_broken_folders(tmp_path, spoil, problem):
    spoil(write_tiny_model(tmp_path))
    with pytest.raises(ModelError, match=problem):
        load_model(str(tmp_path), torch.float32, CPU)


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_ssm_with_another_vocabulary(bench, tmp_path):
    other = load_model(str(write_tiny_model(tmp_path, extra_tokens=2)), torch.float32, CPU)
    with pytest.raises(TokenizerMismatchError, match="2 of 258 tokens"):
        check_same_vocabulary(bench.loaded, other)
    check_same_vocabulary(bench.loaded, bench.loaded)


def test_what_is_known_of_a_model(bench):
    assert bench.loaded.eos_token_ids() == {bench.loaded.tokenizer.eos_id}
    assert bench.loaded.max_positions() == 512
    assert bench.loaded.vocab_size == 258
    assert bench.loaded.num_parameters > 50_000
