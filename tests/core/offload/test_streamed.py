"""A model whose weights stream from disk gives the tokens of the resident one: all families, greedy and sampled."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from flexserve_core.errors import OffloadError
from flexserve_core.offload.attach import EmbeddingOnDisk, tensors_of
from flexserve_core.offload.slots import HostSlots, slot_bytes
from flexserve_core.runner.proof import prove
from flexserve_core.testing import Bench, run_requests, write_tiny_model
from flexserve_core.types import SamplingParams

from ..exactness import SIZES, make_requests, scripted
from ..models.test_families import MODELS, write
from .streamed import streamed_bench

CONFIG = replace(SIZES, max_requests_per_batch=4)


def run(bench, requests, drafters=()):
    return run_requests(bench.engine(drafters, config=CONFIG), requests, arrivals=range(len(requests)))


def both_kinds(bench):
    """Greedy and sampled requests."""
    sampled = SamplingParams(temperature=0.9, top_k=30, seed=11, max_new_tokens=24, n=2)
    return [
        *make_requests(bench, 3, max_new_tokens=24),
        *(bench.request(text, request_id=text, sampling=sampled) for text in ("The cat", "Tim had")),
    ]


def steps(engine, count):
    for _ in range(count):
        engine.step()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.33, 0.9])
def test_tokens_are_those_of_the_resident_model(tiny_pair, tmp_path, share, dtype):
    resident = Bench(tiny_pair[0], dtype)
    streamed, offloader = streamed_bench(tiny_pair[0], tmp_path, share, dtype)
    requests = both_kinds(resident)
    plain = run(resident, requests)
    assert run(streamed, requests).tokens == plain.tokens
    moved = offloader.streamer.bytes_moved
    drafter = Bench(tiny_pair[1], dtype).ssm_drafter(config=CONFIG)
    speculative = run(streamed, requests, [drafter, scripted(resident, requests, plain)])
    assert speculative.tokens == plain.tokens
    assert sum(speculative.accepted_per_depth.values()) > 0
    assert offloader.streamer.bytes_moved > moved > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", sorted(MODELS))
def test_every_family_streams(family, tmp_path, dtype):
    """Stored in fp32, with biases that bf16 has to round."""
    write(tmp_path / "m", *MODELS[family])
    resident = Bench(tmp_path / "m", dtype)
    streamed, offloader = streamed_bench(tmp_path / "m", tmp_path, 0.2, dtype)
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens
    assert offloader.streamer.bytes_moved > 0
    assert all(item.holds for item in prove(streamed.runner))
    assert streamed.loaded.num_parameters == resident.loaded.num_parameters


@pytest.mark.parametrize(
    ("told", "dtype"), [("float16", torch.bfloat16), ("float16", torch.float32), (None, torch.bfloat16)]
)
def test_what_config_json_says_of_the_stored_precision_is_not_believed(tmp_path, told, dtype):
    folder = write(tmp_path / "m", *MODELS["falcon, grouped"])
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": told}))
    resident = Bench(folder, dtype)
    streamed, _ = streamed_bench(folder, tmp_path, 0.2, dtype)
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens


def test_a_tied_head_streams_and_its_embedding_is_read_by_rows(tmp_path):
    write_tiny_model(tmp_path / "m", tie_word_embeddings=True, extra_tokens=300)
    resident = Bench(tmp_path / "m")
    streamed, offloader = streamed_bench(tmp_path / "m", tmp_path, share=0.0)
    kinds = [type(module) for module in streamed.loaded.model.modules()]
    assert EmbeddingOnDisk in kinds
    assert nn.Embedding not in kinds
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens
    assert offloader.streamer.bytes_moved > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_weights_that_need_no_conversion_are_read_from_the_checkpoint(
    tiny_pair, tmp_path, monkeypatch, dtype
):
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")  # whose linears take weights as they are stored: in fp32
    resident = Bench(tiny_pair[0], dtype)
    streamed, offloader = streamed_bench(tiny_pair[0], tmp_path, 0.33, dtype)
    requests = both_kinds(resident)
    assert run(streamed, requests).tokens == run(resident, requests).tokens
    assert (offloader.written_bytes > 0) == (dtype == torch.bfloat16)


def test_what_fits_is_left_alone(tiny_pair, tmp_path):
    bench, offloader = streamed_bench(tiny_pair[0], tmp_path, share=1.0)
    assert offloader.streamer is None
    assert offloader.placement.moved("disk") == 0
    requests = make_requests(bench, 1)
    assert run(bench, requests).results["0"].choices[0].token_ids


def test_a_weight_is_empty_while_its_module_rests(tiny_pair, tmp_path):
    bench, _ = streamed_bench(tiny_pair[0], tmp_path, share=0.0)
    run(bench, make_requests(bench, 1, max_new_tokens=2))
    head = bench.loaded.model.get_output_embeddings()
    assert min(tensor.numel() for tensor in tensors_of(head).values()) == 0


def test_a_buffer_overwritten_too_early_is_noticed(tiny_pair, tmp_path, monkeypatch):
    """The negative control: with the place given back before it is computed with, tokens differ."""
    resident = Bench(tiny_pair[0])
    streamed, offloader = streamed_bench(tiny_pair[0], tmp_path, share=0.0)
    requests = make_requests(resident, 2, max_new_tokens=8)
    work = offloader.streamer._work
    enter = HostSlots.enter

    def enter_and_overwrite(slots, offset, pieces, filled):
        views = enter(slots, offset, pieces, filled)
        alike = [unit for unit in work._units if slot_bytes(unit) == slot_bytes(pieces)]
        slots.fill(offset, alike[alike.index(pieces) - 1])  # as the streamer would, were the place free
        return views

    monkeypatch.setattr(HostSlots, "enter", enter_and_overwrite)
    assert run(streamed, requests).tokens != run(resident, requests).tokens


def test_a_changed_or_truncated_checkpoint_ends_the_step_not_the_engine(tmp_path):
    folder = write_tiny_model(tmp_path / "m")
    bench, _ = streamed_bench(folder, tmp_path, share=0.0)
    requests = make_requests(bench, 1, max_new_tokens=4)
    engine = bench.engine(config=CONFIG)
    before = run_requests(engine, requests).tokens
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(len(whole) - 1000)
    engine.add(requests[0], 0.0)
    with pytest.raises(OffloadError, match=r"model\.safetensors: .*weight"):
        steps(engine, 3)
    engine.fail_all("a read failed")
    assert not engine.has_work()
    file.write_bytes(whole)  # the same bytes, but no longer the file that was checked
    engine.add(requests[0], 0.0)
    with pytest.raises(OffloadError, match="has changed"):
        steps(engine, 3)
    engine.fail_all("a read failed")
    again, _ = streamed_bench(folder, tmp_path, share=0.0)
    assert run(again, requests).tokens == before
