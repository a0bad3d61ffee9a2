"""Quantised weights stream in their small form: the tokens of the resident quantised model, in less memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from flexserve_kernels import is_linear

from flexserve_core import OffloadError
from flexserve_core.models.quantise import Quantisation
from flexserve_core.models.quantised_checkpoint import quantise_checkpoint
from flexserve_core.offload import loading
from flexserve_core.offload.store import is_mapped
from flexserve_core.runner.proof import prove
from flexserve_core.testing import Bench, run_requests, write_tiny_model
from flexserve_core.types import SamplingParams

from ..exactness import SIZES, make_requests, scripted
from .streamed import streamed_bench

BF16 = torch.bfloat16
CONFIG = replace(SIZES, max_requests_per_batch=4)
KINDS = [Quantisation("int8"), Quantisation("int4"), Quantisation("int4", "int8")]
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "head_dim": 32,
}  # int4 layers stay 4 bits: K is whole blocks


def run(bench, requests, drafters=()):
    return run_requests(bench.engine(drafters, config=CONFIG), requests, arrivals=range(len(requests)))


def both_kinds(bench):
    """Greedy and sampled requests."""
    sampled = SamplingParams(temperature=0.9, top_k=30, seed=11, max_new_tokens=16, n=2)
    return [
        *make_requests(bench, 3, max_new_tokens=16),
        *(bench.request(text, request_id=text, sampling=sampled) for text in ("The cat", "Tim had")),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("quantised") / "m", spread=0.1, **SHAPE)


@pytest.mark.parametrize("quantisation", KINDS, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_tokens_are_those_of_the_resident_quantised_model(folder, tiny_pair, tmp_path, quantisation, share):
    resident = Bench(folder, BF16, quantisation=quantisation)
    streamed, offloader = streamed_bench(folder, tmp_path, share, BF16, quantisation)
    requests = both_kinds(resident)
    plain = run(resident, requests)
    assert run(streamed, requests).tokens == plain.tokens
    moved = offloader.streamer.bytes_moved
    drafters = [Bench(tiny_pair[1], BF16).ssm_drafter(config=CONFIG), scripted(resident, requests, plain)]
    speculative = run(streamed, requests, drafters)
    assert speculative.tokens == plain.tokens
    assert sum(speculative.accepted_per_depth.values()) > 20
    assert offloader.streamer.bytes_moved > moved > 0
    assert all(item.holds for item in prove(streamed.runner))
    assert streamed.loaded.num_parameters == resident.loaded.num_parameters


@pytest.mark.parametrize("family", ["gpt2", "opt", "gpt_neox", "bloom"])
def test_other_families(tmp_path, family):
    folder = write_tiny_model(tmp_path / "m", family=family, spread=0.1)
    resident = Bench(folder, BF16, quantisation=Quantisation("int4"))
    streamed, _ = streamed_bench(folder, tmp_path, 0.0, BF16, Quantisation("int4"))
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_weights_move_in_their_small_form(folder, tmp_path, kind):
    """Counted in bytes: a step of the quantised model brings so much less."""
    moved = {}
    for name, quantisation in (("bf16", Quantisation()), (kind, Quantisation(kind))):
        bench, offloader = streamed_bench(folder, tmp_path, 0.0, BF16, quantisation)
        layers = [m for path, m in bench.loaded.model.named_modules() if is_linear(m) and "layers" in path]
        assert layers
        moved[name] = offloader.placement.moved("disk")
        head = bench.loaded.model.get_output_embeddings()
        moved[name] -= 2 * head.in_features * -(-head.out_features // 32) * 32
    assert moved[kind] < moved["bf16"] * (0.3 if kind == "int4" else 0.52)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_checkpoint_that_is_quantised_already(folder, tmp_path, kind):
    quantise_checkpoint(str(folder), kind, tmp_path / "small")
    resident = Bench(tmp_path / "small", BF16)
    streamed, offloader = streamed_bench(tmp_path / "small", tmp_path, 0.0, BF16)
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens
    assert offloader.streamer.bytes_moved > 0


def test_what_waits_for_its_layer_waits_on_disk(folder, tmp_path, monkeypatch):
    waited = []
    original = loading.waiting_on_disk
    monkeypatch.setattr(loading, "waiting_on_disk", lambda *of: waited.append(original(*of)) or waited[-1])
    streamed_bench(folder, tmp_path, 0.0, BF16, Quantisation("int4"))
    assert len(waited) >= 14  # of two layers with seven linears each
    assert all(is_mapped(weight) for weight in waited)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_while_quantising_is_named(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flexserve_core.offload.nameless.os.posix_fallocate", full)
    with pytest.raises(
        OffloadError, match=r"model\.layers\.0\.\S+weight cannot be kept \(No space left"
    ) as refused:
        streamed_bench(folder, tmp_path, 0.0, BF16, Quantisation("int4"))
    assert refused.value.needed is not None
    assert refused.value.available is not None
