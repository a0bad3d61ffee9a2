"""The Triton linears against dequantised weights in float64, and the law: a row's bits are its own."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from flexserve_kernels.checks import revealing_linear, unequal_rows

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = [
    (64, 128),
    (33, 66),
    (130, 192),
    (5, 40),
]  # (N, K): whole tiles, ragged ends, NF4 blocks across rows
TABLE = torch.linspace(-1, 1, 16) ** 3  # any 16 values do
COUNTS = (1, 3, 32, 33)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def nf4(n: int, k: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(codes, absmax, the weight they stand for in fp32)."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randint(0, 256, (n * k // 2,), generator=generator, dtype=torch.uint8)
    absmax = torch.rand(-(-n * k // 64), generator=generator) + 0.1
    halves = torch.stack([codes >> 4, codes & 15], 1).flatten().long()
    return codes, absmax, (TABLE[halves] * absmax.repeat_interleave(64)[: n * k]).reshape(n, k)


def run(name: str, x: torch.Tensor, *tensors: torch.Tensor | None) -> torch.Tensor:
    from flexserve_kernels.gpu import linear

    there = [None if tensor is None else tensor.to(DEVICE) for tensor in tensors]
    return getattr(linear, name)(x.to(DEVICE), *there).cpu()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dense(shape, dtype):
    weight, bias, x = (
        random(*shape).to(dtype),
        random(shape[0]).to(dtype),
        random(37, shape[1], seed=2).to(dtype),
    )
    expected = x.double() @ weight.double().T
    tolerance = {"rtol": 0.0, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-2, "atol": 1e-3}
    torch.testing.assert_close(run("dense_linear", x, weight).double(), expected, **tolerance)
    with_bias = run("dense_linear", x, weight, bias).double()
    torch.testing.assert_close(with_bias, expected + bias.double(), **tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nf4_is_the_product_with_the_rounded_values(shape, dtype):
    codes, absmax, weight = nf4(*shape)
    bias, x = random(shape[0]).to(dtype), random(5, shape[1], seed=2).to(dtype)
    expected = x.double() @ weight.to(dtype).double().T + bias.double()
    tolerance = {"rtol": 0.0, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-2, "atol": 1e-3}
    torch.testing.assert_close(
        run("nf4_linear", x, codes, absmax, TABLE, bias).double(), expected, **tolerance
    )


def test_nf4_needs_pairs_of_columns():
    with pytest.raises(ValueError, match="in_features = 7"):
        run("nf4_linear", random(1, 7), torch.zeros(7, dtype=torch.uint8), torch.ones(1), TABLE)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_int8_keeps_outliers_exact(shape):
    n, k = shape
    values = torch.randint(-127, 128, (n, k), generator=torch.Generator().manual_seed(0)).to(torch.int8)
    scales = random(n, seed=3).abs() + 0.1
    x = random(6, k, seed=4)
    x[1, 3], x[4, k - 1], x[4, 0] = 40.0, -7.0, 6.5
    x[2] = 0.0
    weight = values.double() * scales.double()[:, None] / 127
    outliers = torch.where(x.abs() > 6, x, 0.0).double()
    usual = x.double() - outliers
    largest = usual.abs().amax(1, keepdim=True).clamp(min=1e-30)
    expected = (torch.round(usual * 127 / largest) * largest / 127 + outliers) @ weight.T
    torch.testing.assert_close(run("int8_linear", x, values, scales).double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", ["dense", "nf4", "int8"])
def test_bits_do_not_depend_on_company(kind):
    n, k = 70, 130
    weight, x = revealing_linear(k, n, 35, torch.bfloat16)
    codes, absmax, _ = nf4(n, k)
    values, scales = (weight.float() * 3).clamp(-127, 127).to(torch.int8), torch.ones(n)
    calls = {
        "dense": lambda rows: run("dense_linear", rows, weight),
        "nf4": lambda rows: run("nf4_linear", rows, codes, absmax, TABLE),
        "int8": lambda rows: run("int8_linear", rows, values, scales),
    }
    assert unequal_rows(calls[kind], x, COUNTS) == 0


def test_the_law_notices_an_outlier_choice_over_the_whole_batch():
    """The choice bitsandbytes makes: one row's outlier changes its neighbours."""
    weight, x = random(8, 64).bfloat16(), random(4, 64, seed=1).bfloat16()
    x[2, 5] = 9.0
    values, scales = torch.round(weight.float() * 30).to(torch.int8), torch.ones(8)

    def by_batch(rows: torch.Tensor) -> torch.Tensor:
        column = (rows.abs() > 6).any(0)
        usual = rows.masked_fill(column, 0)
        return run("int8_linear", usual, values, scales) + rows.masked_fill(~column, 0) @ values.bfloat16().T

    assert unequal_rows(by_batch, x, COUNTS) > 0


@pytest.mark.parametrize("name", ["dense_linear", "int8_linear"])
def test_no_rows(name):
    weight = torch.ones(3, 64) if name == "dense_linear" else torch.ones(3, 64, dtype=torch.int8)
    rest: tuple[torch.Tensor, ...] = () if name == "dense_linear" else (torch.ones(3),)
    assert partial(run, name)(torch.zeros(0, 64), weight, *rest).shape == (0, 3)
