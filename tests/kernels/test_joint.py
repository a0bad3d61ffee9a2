"""Joint linear layers: bit for bit what each would compute alone, in any order and with any input."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from flexserve_kernels import Int8Weight, join_linears, prepare_linear, prepare_quantised_linear
from flexserve_kernels.registry import linear_library
from flexserve_kernels.weights import quantise_int8, quantise_nf4

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
QUANTISERS = {"int8": quantise_int8, "nf4": quantise_nf4}
SIZES = (96, 40, 33)
DEPTH = 128
CPU = torch.device("cpu")


@pytest.fixture(params=[*DTYPES, *QUANTISERS])
def kind(request) -> str:
    if linear_library(CPU, request.param) is None:
        pytest.skip(f"no kernel for {request.param} here")
    if request.param in QUANTISERS:
        pytest.importorskip("bitsandbytes")
    return request.param


def _pair(kind, bias=False):
    """The layers alone, and joined."""
    generator = torch.Generator().manual_seed(5)
    dtype = DTYPES.get(kind, torch.bfloat16)
    dense = [torch.randn(size, DEPTH, generator=generator).to(dtype) for size in SIZES]
    biases = [torch.randn(size, generator=generator).to(dtype) if bias else None for size in SIZES]
    if kind in DTYPES:
        alone = [prepare_linear(weight, b, kind) for weight, b in zip(dense, biases, strict=True)]
        return alone, join_linears(dense, biases, kind)
    weights = [QUANTISERS[kind](weight) for weight in dense]
    alone = [prepare_quantised_linear(weight, b) for weight, b in zip(weights, biases, strict=True)]
    return alone, join_linears(weights, biases)


@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
def test_the_same_bits_as_alone(kind, bias):
    alone, joined = _pair(kind, bias)
    assert joined is not None
    for rows in (1, 5, 33):
        x = torch.randn(1, rows, DEPTH).to(DTYPES.get(kind, torch.bfloat16))
        for layer, part in zip(alone, joined, strict=True):
            assert torch.equal(part(x), layer(x))


def test_any_order_and_any_input(kind):
    alone, joined = _pair(kind)
    dtype = DTYPES.get(kind, torch.bfloat16)
    one, other = torch.randn(3, DEPTH).to(dtype), torch.randn(3, DEPTH).to(dtype)
    for index, x in ((2, one), (0, one), (1, other), (1, one), (0, other), (2, other), (2, one)):
        assert torch.equal(joined[index](x), alone[index](x))


def test_the_layers_are_computed_once_for_one_input(monkeypatch):
    if linear_library(CPU, "fp32") is None:
        pytest.skip("no kernel for fp32 here")
    _, joined = _pair("fp32")
    calls = []
    joined[0].layer.register_forward_hook(lambda *_: calls.append(1))
    x = torch.randn(2, DEPTH)
    for part in joined:
        part(x)
    assert len(calls) == 1
    for part in joined:
        part(torch.randn(2, DEPTH))
    assert len(calls) == 4


def test_nothing_is_kept_when_the_last_has_taken_its_part():
    if linear_library(CPU, "fp32") is None:
        pytest.skip("no kernel for fp32 here")
    _, joined = _pair("fp32")
    x = torch.randn(2, DEPTH)
    kept = weakref.ref(x)
    for part in joined:
        part(x)
    del x
    gc.collect()
    assert kept() is None


def test_what_does_not_fit_together_stays_apart():
    dense = torch.randn(8, 64)
    assert join_linears([dense, torch.randn(8, 32)], [None, None], "fp32") is None
    assert join_linears([dense, dense], [None, torch.zeros(8)], "fp32") is None
    ones = torch.ones(8, 64, dtype=torch.int8)
    weights = [Int8Weight(ones, torch.ones(8), threshold) for threshold in (6.0, 5.0)]
    assert join_linears(weights, [None, None]) is None
