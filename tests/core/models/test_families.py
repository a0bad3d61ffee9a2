"""Every family gives transformers' tokens, with speculation and without: through AttentionInterface or an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.falcon.modeling_falcon import FalconLinear

from flexserve_core.errors import ModelError
from flexserve_core.models.families.adapter import AttentionAdapter
from flexserve_core.models.families.registry import FAMILIES as ADAPTED_FAMILIES
from flexserve_core.models.loader import load_model
from flexserve_core.models.prepare import refuse_unsupported
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.proof import prove
from flexserve_core.testing import FAMILIES, Bench, RunReport, run_requests, write_tiny_model
from flexserve_core.types import Request

from ..exactness import SIZES, scripted, transformers_tokens

NEW_TOKENS = 40
CONFIG = replace(SIZES, max_seq_length=384, max_requests_per_batch=4)
PROMPTS = [
    "a",
    "Lily and Tom went to the park. They saw a big",
    # beyond position 256, where integers in bf16 become rough
    "One day, in a land far away, there was a very small dog who liked to dig holes. " * 4,
    "The cat",
]
FALCON = {
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 12,  # no power of two: ALiBi has slopes of both kinds, some of them not exact in bf16
    "max_position_embeddings": 512,
}
RW = {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}
MPT = {"d_model": 96, "n_layers": 2, "n_heads": 12, "max_seq_len": 512, "attn_config": {"clip_qkv": 6.0}}
GPTJ = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512, "rotary_dim": 8}
# name → (model type, what its config needs)
ADAPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "falcon, one key head": ("falcon", FALCON),
    "falcon, grouped": ("falcon", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 3}),
    "falcon, ALiBi": ("falcon", {**FALCON, **RW}),
    "mpt": ("mpt", MPT),
    "bloom": ("bloom", {"hidden_size": 96, "n_layer": 2, "n_head": 12}),
    "gptj": ("gptj", GPTJ),
}
BY_INTERFACE: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt_bigcode, many heads": ("gpt_bigcode", {**FAMILIES["gpt_bigcode"], "multi_query": False}),
    **{name: (name, FAMILIES[name]) for name in FAMILIES},
}
MODELS = {**ADAPTED, **BY_INTERFACE}
REFUSED: dict[str, dict[str, Any]] = {  # families that bypass the interface and have no adapter
    "codegen": {**GPTJ, "n_ctx": 512},
    "gpt_neo": {"hidden_size": 64, "num_layers": 2, "num_heads": 4, "attention_types": [[["global"], 2]]},
}


def write(folder: Path, family: str, settings: Mapping[str, Any]) -> Path:
    """A random model whose vectors (biases, norms) are not the zeros and ones that hide their absence."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, family, dict(settings))
        write_tiny_model(folder, family=family, seed=1)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.random.fork_rng(devices=()), torch.no_grad():
        torch.manual_seed(2)
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Case:
    """A model on disk, loaded in fp32, and its plain decoding one request at a time."""

    folder: Path
    bench: Bench
    requests: list[Request]
    plain: RunReport


def requests_of(bench: Bench) -> list[Request]:
    sizes = {"max_new_tokens": NEW_TOKENS, "max_seq_length": CONFIG.max_seq_length}
    return [bench.request(prompt, request_id=str(i), **sizes) for i, prompt in enumerate(PROMPTS)]


def plain_run(bench: Bench, requests: list[Request]) -> RunReport:
    return run_requests(bench.engine(config=replace(CONFIG, max_requests_per_batch=1)), requests)


@pytest.fixture(scope="module", params=MODELS)
def case(request, tmp_path_factory) -> Case:
    folder = write(tmp_path_factory.mktemp("family"), *MODELS[request.param])
    bench = Bench(folder)
    requests = requests_of(bench)
    return Case(folder, bench, requests, plain_run(bench, requests))


def test_tokens_are_transformers_tokens(case):
    expected = transformers_tokens(case.folder, case.requests, case.bench.loaded.eos_token_ids())
    assert case.plain.tokens == expected
    together = run_requests(case.bench.engine(config=CONFIG), case.requests)
    assert together.tokens == expected
    assert any(len(record.request_ids) == 4 for record in together.records)
    assert len({token for [tokens] in expected.values() for token in tokens}) > 10, "the texts are too dull"


@pytest.mark.parametrize("batch", [1, 4])
def test_speculation_changes_nothing(case, batch):
    drafter = scripted(case.bench, case.requests, case.plain)
    config = replace(CONFIG, max_requests_per_batch=batch)
    report = run_requests(case.bench.engine([drafter], config), case.requests)
    assert report.tokens == case.plain.tokens
    assert max(report.accepted_per_depth) >= 6
    assert {branch for _, branch in drafter.accepted} >= {0, 1, 2}, "not every branch position was accepted"


def test_speculation_changes_nothing_in_bf16(case):
    bench = Bench(case.folder, torch.bfloat16)
    requests = requests_of(bench)
    plain = plain_run(bench, requests)
    report = run_requests(bench.engine([scripted(bench, requests, plain)], CONFIG), requests)
    assert report.tokens == plain.tokens
    assert max(report.accepted_per_depth) >= 6


# --- what the adapters are made of ---


@pytest.fixture(scope="module")
def adapted_folders(tmp_path_factory) -> dict[str, Path]:
    return {name: write(tmp_path_factory.mktemp("adapted"), *what) for name, what in ADAPTED.items()}


def loaded_runner(folder: Path, dtype: torch.dtype = torch.float32) -> ModelRunner:
    runner = ModelRunner(load_model(str(folder), dtype, torch.device("cpu")))
    runner.allocate(32, 16)
    return runner


def adapters(model: nn.Module) -> list[AttentionAdapter]:
    return [module for module in model.modules() if isinstance(module, AttentionAdapter)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ADAPTED)
def test_the_proof_holds(adapted_folders, name, dtype):
    runner = loaded_runner(adapted_folders[name], dtype)
    proof = prove(runner)
    assert all(item.holds for item in proof), proof
    default = AutoModelForCausalLM.from_pretrained(adapted_folders[name]).config._attn_implementation
    assert f"transformers' {default}" in proof[-1].what
    assert runner.loaded.config._attn_implementation == "flexserve_adapted"


@pytest.mark.parametrize("name", ADAPTED)
def test_the_proof_compares_with_transformers_own_attention(adapted_folders, name, monkeypatch):
    """A scale that is one per cent off does not pass."""
    runner = loaded_runner(adapted_folders[name])
    shared = adapters(runner.loaded.model)[0].shared
    right = shared.forward
    monkeypatch.setattr(
        shared, "forward", lambda query, key, value, scale: right(query, key, value, 1.01 * scale)
    )
    assert [item.holds for item in prove(runner)] == [True, True, False]


@pytest.mark.parametrize("name", ["falcon, ALiBi", "bloom", "mpt"])
def test_a_bias_that_is_left_out_is_noticed(adapted_folders, name):
    runner = loaded_runner(adapted_folders[name])
    for buffer in adapters(runner.loaded.model)[0].shared.buffers():
        buffer.zero_()
    assert [item.holds for item in prove(runner)] == [True, True, False]


def test_falcon_s_bias_is_rounded_as_transformers_rounds_it(adapted_folders):
    """Exact slopes would be a better ALiBi and another model."""
    runner = loaded_runner(adapted_folders["falcon, ALiBi"])
    bias = adapters(runner.loaded.model)[0].shared.key_bias
    assert bias.shape == (12, 512)
    assert bias.dtype == torch.float32
    bias.copy_(bias[:, 1:2] * torch.arange(512))
    assert [item.holds for item in prove(runner)] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "heads"), [("falcon, one key head", 1), ("falcon, grouped", 3), ("mpt", 12)]
)
def test_the_cache_holds_the_family_s_own_heads(adapted_folders, name, heads):
    runner = loaded_runner(adapted_folders[name])
    assert [layer.num_kv_heads for layer in runner.layers] == [heads, heads]


@pytest.mark.parametrize("name", ADAPTED)
def test_no_linear_layer_is_left_to_chance(adapted_folders, name):
    model = loaded_runner(adapted_folders[name]).loaded.model
    assert not [module for module in model.modules() if isinstance(module, (nn.Linear, FalconLinear))]
    assert len(adapters(model)) == 2


def test_a_failed_forward_leaves_no_context_behind(adapted_folders):
    runner = loaded_runner(adapted_folders["mpt"])
    model = runner.loaded.model

    class Failing:
        def attend(self, *_: Any, **__: Any) -> torch.Tensor:
            raise RuntimeError("no attention today")

    ids = torch.zeros(1, 1, dtype=torch.long)
    with pytest.raises(RuntimeError, match="no attention today"):
        model(input_ids=ids, use_cache=False, flexserve_context=Failing())
    assert adapters(model)[0].shared.context is None
    with pytest.raises(AssertionError, match="inside its engine only"):
        model(input_ids=ids, use_cache=False)


# --- what is refused ---


@pytest.mark.parametrize("family", REFUSED)
def test_a_family_without_interface_or_adapter_is_refused(tmp_path, family):
    write(tmp_path, family, REFUSED[family])
    with pytest.raises(ModelError, match=f"architecture '{family}' cannot run in this engine") as refusal:
        ModelRunner(load_model(str(tmp_path), torch.float32, torch.device("cpu")))
    for name in ADAPTED_FAMILIES:
        assert name in str(refusal.value)


def test_bloom_in_slices_is_refused():
    config = AutoConfig.for_model("bloom", slow_but_exact=True, pretraining_tp=4)
    with pytest.raises(ModelError, match="slow_but_exact"):
        refuse_unsupported("some-bloom", config)
    refuse_unsupported("some-bloom", AutoConfig.for_model("bloom", pretraining_tp=4))
