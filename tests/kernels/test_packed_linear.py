"""Compiled linear layers: the numbers of the formula, rows by themselves, no trace left in torch's own kernels."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import native, prepare_linear, quantise_int8, quantise_nf4
from flexserve_kernels.checks import revealing_linear, unequal_rows
from flexserve_kernels.cpu.linear import PackedLinear
from flexserve_kernels.reference.linear import RowInvariantLinear
from flexserve_kernels.registry import linear_library

CPU = torch.device("cpu")
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
SHAPES = [(256, 256), (172, 64), (64, 172), (768, 256), (1, 1), (33, 31), (1000, 96), (11008, 40)]  # K, N


@pytest.fixture(params=DTYPES)
def built(request, packing):
    """(kind, packing) for every library of this machine."""
    if request.param == "fp32" and packing.tiles:
        pytest.skip("there are no tiles of fp32")
    return request.param, packing


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_it_is_the_formula_and_rows_are_independent(built, shape, bias, threads):
    kind, packing = built
    weight, rows = revealing_linear(*shape, 70, DTYPES[kind])
    offset = torch.randn(shape[1]) if bias else None
    layer = packing.dense(weight, offset, kind)
    exact = rows.double() @ weight.double().T + (0 if offset is None else offset.double())
    scale = rows.double().abs() @ weight.double().abs().T + (
        1e-30 if offset is None else offset.double().abs()
    )
    error = (layer(rows).double() - exact).abs()
    rounding = exact.abs() * 2**-8 if kind == "bf16" else 0  # of the result itself
    assert ((error - rounding) / scale).max() < 1e-5
    assert unequal_rows(layer, rows) == 0


def test_shapes_of_the_input(built):
    kind, packing = built
    layer = packing.dense(torch.randn(40, 64), None, kind)
    for rows in ((), (0,), (2, 3, 5)):
        x = torch.randn(*rows, 64).to(DTYPES[kind])
        assert layer(x).shape == (*rows, 40)
    wide = torch.randn(5, 67).to(DTYPES[kind])
    assert torch.equal(layer(wide[:, 1:65]), layer(wide[:, 1:65].clone()))
    with pytest.raises(ValueError, match=r"expected \[\.\.\., 64\]"):
        layer(torch.randn(2, 63).to(DTYPES[kind]))
    with pytest.raises(ValueError, match="float16"):
        layer(torch.randn(2, 64).half())


def test_nan_and_inf_stay_in_their_row(built):
    kind, packing = built
    weight, rows = revealing_linear(64, 48, 20, DTYPES[kind])
    layer = packing.dense(weight, None, kind)
    healthy = layer(rows)
    rows[3, 5], rows[17, 0] = float("nan"), float("inf")
    poisoned = layer(rows)
    others = [i for i in range(20) if i not in (3, 17)]
    assert torch.equal(poisoned[others], healthy[others])
    assert poisoned[3].isnan().all()
    expected = rows[17:18].double() @ weight.double().T
    assert torch.equal(poisoned[17].isnan(), expected[0].isnan())
    assert torch.equal(poisoned[17].isinf(), expected[0].isinf())


def test_torch_computes_as_before(built):
    """The tile registers are shared with torch's own library; whoever comes next must find them as it needs them."""
    kind, packing = built
    layer = packing.dense(torch.randn(64, 512), None, kind)
    rows, weight = torch.randn(40, 512).bfloat16(), torch.randn(512, 512).bfloat16()
    before, mine = rows @ weight, layer(rows.to(DTYPES[kind]))
    for _ in range(20):
        assert torch.equal(layer(rows.to(DTYPES[kind])), mine)
        assert torch.equal(rows @ weight, before)


def test_a_wrong_strip_shows(built, monkeypatch):
    """Negative control: weights packed for one column less."""
    kind, packing = built
    weight, rows = revealing_linear(64, 33, 8, DTYPES[kind])
    right = packing.dense(weight, None, kind)(rows)
    wrong = packing.dense(weight.roll(1, dims=0), None, kind)(rows)
    assert not torch.equal(right, wrong)


def test_the_door_takes_the_best_and_falls_back(monkeypatch):
    expected = PackedLinear if linear_library(CPU, "fp32") else RowInvariantLinear
    assert isinstance(prepare_linear(torch.randn(8, 64), kind="fp32"), expected)
    assert isinstance(prepare_linear(torch.randn(8, 64), kind="fp16"), RowInvariantLinear)
    assert isinstance(prepare_linear(torch.randn(8, 64), kind="fp32", strategy="row1"), RowInvariantLinear)
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    assert isinstance(prepare_linear(torch.randn(8, 64), kind="fp32"), RowInvariantLinear)


def test_what_no_library_computes_is_torchs(monkeypatch):
    library = native.load_native().library
    assert [linear_library(CPU, kind) for kind in ("fp32", "bf16", "nf4", "int8")] == [library] * 4
    assert linear_library(CPU, "int3") is None
    assert linear_library(torch.device("meta"), "bf16") is None
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    assert linear_library(CPU, "bf16") is None


@pytest.mark.parametrize("kind", ["bf16", "nf4", "int8", "fp32"])
@pytest.mark.parametrize("shape", [(704, 300), (192, 33)], ids=str)
def test_many_rows_are_the_rows_alone(kind, shape, packing, threads):
    """Beyond 32 rows the depth is cut into pieces, beyond 256 the rows into chunks, and strips go in groups."""
    weight, rows = revealing_linear(*shape, 523, DTYPES.get(kind, torch.bfloat16))
    if kind in DTYPES:
        layer = packing.dense(weight, torch.randn(shape[1]), kind)
    else:
        quantised = quantise_nf4(weight) if kind == "nf4" else quantise_int8(weight)
        layer = packing.quantised(quantised, torch.randn(shape[1]))
    together = layer(rows)
    for row in (0, 31, 32, 63, 255, 256, 511, 512, 522):
        assert torch.equal(layer(rows[row : row + 1]), together[row : row + 1]), row
    for start, end in ((0, 33), (200, 470), (255, 513)):
        assert torch.equal(layer(rows[start:end]), together[start:end])


def test_another_order_of_the_sum_would_show():
    """Negative control: the same products with the depth's halves exchanged give other bits."""
    weight, rows = revealing_linear(704, 64, 64, torch.bfloat16)
    order = torch.cat([torch.arange(352, 704), torch.arange(352)])
    there, back = prepare_linear(weight), prepare_linear(weight[:, order].contiguous())
    assert not torch.equal(there(rows), back(rows[:, order].contiguous()))
