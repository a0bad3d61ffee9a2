"""Quantised linear layers against bitsandbytes: its dequantised weights for NF4, its own row-by-row call for int8."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from flexserve_kernels import (
    Int8Weight,
    Nf4Weight,
    prepare_quantised_linear,
    quantise_int8,
    quantise_nf4,
)
from flexserve_kernels.checks import revealing_linear, unequal_rows
from flexserve_kernels.cpu.linear import PackedLinear
from flexserve_kernels.reference.quantised import Int8Linear, Nf4Linear
from flexserve_kernels.registry import native_library

from .conftest import Packing, compiled

functional = pytest.importorskip("bitsandbytes.functional", reason="bitsandbytes is not installed")
SHAPES = [(256, 256), (64, 33), (768, 40), (128, 1), (4096, 64)]  # K, N


def random_weight(shape):
    return (
        torch.randn(shape[1], shape[0], generator=torch.Generator().manual_seed(shape[0])) / shape[0] ** 0.5
    )


@pytest.mark.parametrize("shape", [*SHAPES, (36, 5)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nf4_values_are_bitsandbytes(shape, dtype):
    weight = random_weight(shape).to(dtype)
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    ours = quantise_nf4(weight)
    assert torch.equal(ours.dequantise(dtype), functional.dequantize_4bit(codes, state).view(weight.shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nf4_layers_multiply_those_values(shape, packing, threads):
    weight = quantise_nf4(random_weight(shape))
    dense = packing.dense(weight.dequantise(), torch.ones(shape[1]), "bf16")
    _, rows = revealing_linear(shape[0], 1, 70, torch.bfloat16)
    layer = packing.quantised(weight, torch.ones(shape[1]))
    assert torch.equal(layer(rows), dense(rows)), "the same products in the same order"
    assert unequal_rows(layer, rows) == 0
    reference = Nf4Linear(weight, torch.ones(shape[1]))
    scale = rows.double().abs() @ weight.dequantise().double().abs().T + 1
    assert ((reference(rows).double() - layer(rows).double()).abs() / scale).max() < 2**-7
    assert unequal_rows(reference, rows) == 0


def test_nf4_is_packed_where_blocks_belong_to_one_row():
    if native_library() is None:
        pytest.skip("nothing is compiled here")
    layer = prepare_quantised_linear(quantise_nf4(random_weight((128, 64))))
    assert isinstance(layer, PackedLinear)
    assert layer.packed.nbytes + layer.scale.nbytes == 128 * 64 // 2 + 128 * 64 // 64 * 4
    ragged = quantise_nf4(random_weight((36, 6)))
    layer = prepare_quantised_linear(ragged)
    assert isinstance(layer, PackedLinear)
    assert layer.dtype == layer.packed.dtype == torch.bfloat16
    rows = torch.randn(3, 36).bfloat16()
    torch.testing.assert_close(layer(rows), rows @ ragged.dequantise().T, rtol=2e-2, atol=2e-2)


def test_a_code_changed_shows(packing):
    """Negative control: one 4-bit number, in the last column."""
    weight = quantise_nf4(random_weight((64, 33)))
    rows = torch.randn(4, 64).bfloat16()
    codes = weight.packed.clone()
    codes[-1] ^= 0x70
    changed = packing.quantised(Nf4Weight(codes, weight.absmax, weight.shape))(rows)
    right = packing.quantised(weight)(rows)
    assert not torch.equal(changed[:, -1], right[:, -1])
    assert torch.equal(changed[:, :-1], right[:, :-1])


@pytest.mark.parametrize("outliers", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_int8_is_bitsandbytes_one_row_at_a_time(shape, outliers, packing, threads):
    """Its outliers are columns of the whole batch; with one row in the batch they are that row's."""
    import bitsandbytes as bnb

    weight = random_weight(shape)
    rows = torch.randn(12, shape[0], generator=torch.Generator().manual_seed(1)).bfloat16()
    if outliers:
        rows[::2, :: shape[0] // 7] *= 12
    theirs = bnb.nn.Linear8bitLt(shape[0], shape[1], bias=False, has_fp16_weights=False, threshold=6.0)
    theirs.weight = bnb.nn.Int8Params(weight.clone(), requires_grad=False, has_fp16_weights=False)
    theirs = theirs.to("cpu").eval()
    expected = torch.cat([theirs(rows[i : i + 1]) for i in range(12)]).float()
    layer = packing.quantised(quantise_int8(weight))
    got = layer(rows).float()
    scale = rows.float().abs() @ weight.abs().T + 1e-3
    assert ((got - expected).abs() / scale).max() < 2**-6
    assert unequal_rows(layer, rows) == 0


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [*SHAPES, (1, 3), (70, 45)], ids=str)
def test_int8_has_the_same_bits_on_every_processor(shape, bias, packing):
    """Its sums are exact, and what comes after them is spelled out; ties, outliers and a lone NaN among the rows."""
    weight, offset = quantise_int8(random_weight(shape)), torch.randn(shape[1]) if bias else None
    rows = torch.randn(37, shape[0], generator=torch.Generator().manual_seed(2)).bfloat16()
    rows[1] = torch.arange(shape[0]) % 128 / 32
    rows[2, ::3] *= 20
    rows[3, -1], rows[4, 0], rows[5] = float("nan"), float("inf"), 0.0
    got = packing.quantised(weight, offset)(rows)
    there = Packing(compiled("baseline"), tiles=False).quantised(weight, offset)(rows)
    assert torch.equal(got.nan_to_num(1e30), there.nan_to_num(1e30))
    assert torch.equal(got.isnan(), Int8Linear(weight, offset)(rows).isnan())
    assert torch.equal(got.isinf(), Int8Linear(weight, offset)(rows).isinf())


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_nan_and_inf_stay_in_their_row(kind, packing):
    weight = random_weight((128, 48))
    quantised = quantise_nf4(weight) if kind == "nf4" else quantise_int8(weight)
    layer = packing.quantised(quantised)
    reference = (Nf4Linear if kind == "nf4" else Int8Linear)(quantised, None)
    rows = torch.randn(20, 128).bfloat16()
    healthy = layer(rows)
    rows[3, 5], rows[17, 0] = float("nan"), float("inf")
    poisoned, expected = layer(rows), reference(rows)
    others = [i for i in range(20) if i not in (3, 17)]
    assert torch.equal(poisoned[others], healthy[others])
    assert poisoned[3].isnan().all()
    assert torch.equal(poisoned.isnan(), expected.isnan())
    assert torch.equal(poisoned.isinf(), expected.isinf())


def test_int8_outliers_are_a_rows_own(packing):
    """A neighbour's outliers change nothing; in bitsandbytes they would."""
    weight = quantise_int8(random_weight((256, 64)))
    layer = packing.quantised(weight)
    rows = torch.randn(2, 256).clamp(-5, 5).bfloat16()
    alone = layer(rows[:1])
    rows[1, 7] = 100.0
    assert torch.equal(layer(rows)[:1], alone)


def test_int8_outliers_begin_at_the_weights_own_threshold(packing):
    """With 3 instead of 6 the numbers in between are multiplied in 16 bits, by the reference as by the kernels."""
    weight = quantise_int8(random_weight((256, 64)))
    lower = replace(weight, threshold=3.0)
    rows = torch.randn(8, 256, generator=torch.Generator().manual_seed(3)).bfloat16()
    rows[:, ::40] = 4.0
    for build in (Int8Linear, packing.quantised):
        assert not torch.equal(build(weight, None)(rows), build(lower, None)(rows))
    scale = rows.float().abs() @ weight.dequantise(torch.float32).abs().T + 1e-3
    got, expected = packing.quantised(lower)(rows).float(), Int8Linear(lower, None)(rows).float()
    assert ((got - expected).abs() / scale).max() < 2**-7


def test_int8_weights_survive_the_round_trip():
    weight = random_weight((64, 32))
    ours = quantise_int8(weight)
    assert (ours.dequantise(torch.float32) - weight).abs().max() < 2 * weight.abs().max() / 127
    assert isinstance(prepare_quantised_linear(ours), (Int8Linear, PackedLinear))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Nf4Weight(torch.zeros(4, dtype=torch.uint8), torch.zeros(1), (2, 64)), "packed holds 4"),
        (lambda: Nf4Weight(torch.zeros(64, dtype=torch.uint8), torch.zeros(1), (2, 64)), "absmax holds 1"),
        (lambda: Int8Weight(torch.zeros(2, 4), torch.zeros(2)), "int8"),
        (lambda: Int8Weight(torch.zeros(2, 4, dtype=torch.int8), torch.zeros(3)), "scale holds 3"),
    ],
)
def test_parts_that_do_not_fit_are_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()
