"""Linear layers: right, and bitwise independent of the rows beside."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from flexserve_kernels import LINEAR_STRATEGIES, prepare_linear
from flexserve_kernels.checks import revealing_linear, unequal_rows

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32, "fp16": torch.float16}
SHAPES = [(172, 64), (768, 768), (2048, 256)]  # K, N


def layer(kind, in_features=172, out_features=64, bias=True, strategy=None):
    generator = torch.Generator().manual_seed(in_features)
    weight = torch.randn(out_features, in_features, generator=generator) / in_features**0.5
    return prepare_linear(
        weight, torch.randn(out_features, generator=generator) if bias else None, kind, strategy
    )


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_default_strategy_is_row_invariant(kind, shape, threads):
    x = torch.randn(70, shape[0], generator=torch.Generator().manual_seed(1)).to(DTYPES[kind])
    assert unequal_rows(layer(kind, *shape), x) == 0


@pytest.mark.parametrize("strategy", LINEAR_STRATEGIES)
@pytest.mark.parametrize("rows", [(), (0,), (1,), (16,), (33,), (64,), (2, 3, 7)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_every_strategy_computes_a_linear_layer(strategy, rows, bias):
    module = layer("fp32", bias=bias, strategy=strategy)
    x = torch.randn(*rows, 172)
    out = module(x)
    assert out.shape == (*rows, 64)
    torch.testing.assert_close(out, F.linear(x, module.weight, module.bias), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", DTYPES)
def test_views_give_the_bits_of_their_copies(kind):
    """A slice of a wider tensor starts anywhere in memory; the result must not tell."""
    module = layer(kind)
    wide = torch.randn(5, 175).to(DTYPES[kind])
    for start in (0, 1, 3):
        view = wide[:, start : start + 172]
        assert torch.equal(module(view), module(view.clone()))
        assert torch.equal(module(view[2]), module(view)[2])


def test_a_strangers_nan_stays_in_its_row():
    module = layer("fp32")
    x = torch.randn(20, 172)
    healthy = module(x)
    x[3] = float("nan")
    poisoned = module(x)
    others = [i for i in range(20) if i != 3]
    assert torch.equal(poisoned[others], healthy[others])
    assert poisoned[3].isnan().all()


def test_a_weight_of_the_right_dtype_is_shared():
    weight = torch.nn.Parameter(torch.randn(8, 4))
    assert prepare_linear(weight, kind="fp32", strategy="tile16").weight.data_ptr() == weight.data_ptr()
    module = prepare_linear(weight, kind="bf16", strategy="block32")
    assert module.weight.dtype == torch.bfloat16
    assert not module.weight.requires_grad


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"kind = 'int3': choose one of bf16"):
        prepare_linear(torch.zeros(2, 2), kind="int3")
    with pytest.raises(ValueError, match=r"strategy = 'fast': choose one of block32"):
        prepare_linear(torch.zeros(2, 2), strategy="fast")


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(64, 64), (64, 32), (32, 8), (172, 64), (64, 172), (768, 256), (2048, 64)])
@pytest.mark.parametrize("kind", ["bf16", "fp32"])
def test_rows_that_almost_cancel_are_independent(kind: str, shape: tuple[int, int], threads: int) -> None:
    """Small shapes among them: torch gives those with few rows to another kernel."""
    weight, rows = revealing_linear(*shape, 40, DTYPES[kind])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert unequal_rows(prepare_linear(weight, kind=kind), rows, range(1, 40)) == 0
    finally:
        torch.set_num_threads(before)


def test_revealing_rows_reveal_what_ordinary_rows_hide() -> None:
    """Negative control: plain bf16 F.linear of a small shape changes kernel between one row and two."""
    if not torch.cpu._is_avx512_bf16_supported():
        pytest.skip("seen on CPUs with bf16 instructions only")
    weight, rows = revealing_linear(64, 64, 40, torch.bfloat16)
    assert unequal_rows(lambda x: torch.nn.functional.linear(x, weight), rows) > 0
