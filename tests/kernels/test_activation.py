"""Activations: the function of the wrapped module, bitwise independent of the rows beside."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import available, rowwise_activation
from flexserve_kernels.checks import unequal_rows
from flexserve_kernels.reference.activation import RowwiseActivation
from torch import nn
from transformers.activations import ACT2FN

NAMES = ("silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "relu2")
COMPILED = ("silu", "gelu", "gelu_new", "gelu_pytorch_tanh")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
WIDTHS = (172, 704)


@pytest.fixture(params=["picked", "reference"])
def wrap(request):
    return rowwise_activation if request.param == "picked" else RowwiseActivation


@pytest.mark.parametrize("name", NAMES)
def test_same_function(wrap, name):
    x = torch.cat([torch.linspace(-20, 20, 20001), torch.linspace(-1e-3, 1e-3, 101)])
    expected = ACT2FN[name](x.double())
    torch.testing.assert_close(wrap(ACT2FN[name])(x).double(), expected, rtol=3e-6, atol=1.5e-6)
    half = x.bfloat16()
    expected = ACT2FN[name](half.double())
    torch.testing.assert_close(wrap(ACT2FN[name])(half).double(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh"])
def test_rows_are_independent(wrap, name, dtype, threads):
    module = wrap(ACT2FN[name])
    for width in WIDTHS:
        x = torch.randn(40, width, generator=torch.Generator().manual_seed(width)).to(dtype)
        assert unequal_rows(module, x, row_counts=(7, 33)) == 0


def test_a_plain_silu_of_an_odd_width_is_caught(keep_threads):
    """The fault this op is there for: vector body and scalar tail of torch's SiLU round differently."""
    torch.set_num_threads(1)
    if torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        pytest.skip("without wide vectors torch's SiLU may have no tail to fail in")
    assert unequal_rows(nn.SiLU(), torch.randn(64, 172)) > 0


@pytest.mark.parametrize("shape", [(0, 8), (3,), (2, 3, 5), (1, 40000)], ids=str)
def test_shapes_and_strides(wrap, shape):
    module = wrap(nn.SiLU())
    x = torch.randn(shape)
    torch.testing.assert_close(module(x), nn.functional.silu(x))
    if len(shape) == 3:
        torch.testing.assert_close(module(x.transpose(0, 2)), nn.functional.silu(x).transpose(0, 2))


def test_special_numbers(wrap):
    x = torch.tensor([float("nan"), 0.0, -0.0, 100.0, -100.0])
    for name in ("silu", "gelu", "gelu_pytorch_tanh"):
        out = wrap(ACT2FN[name])(x)
        assert out[0].isnan()
        assert out[1:4].tolist() == [0.0, 0.0, 100.0]
        assert abs(out[4]) < 1e-30


def test_the_input_is_left_alone(wrap):
    x = torch.randn(4, 100)
    before = x.clone()
    wrap(nn.SiLU(inplace=True))(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("module", [nn.Softmax(-1), nn.GLU(), nn.Flatten(0)], ids=repr)
def test_what_is_not_elementwise_is_refused(module):
    with pytest.raises(ValueError, match="not an elementwise function"):
        rowwise_activation(module)


def test_the_many_names_of_gelu_reach_the_compiled_kernel(monkeypatch):
    chosen = {choice.op: choice.chosen for choice in available()}["rowwise_activation"]
    kinds = {name: type(rowwise_activation(ACT2FN[name])).__name__ for name in NAMES}
    compiled = "NativeActivation" if chosen == "C++" else "RowwiseActivation"
    assert kinds == {name: compiled if name in COMPILED else "RowwiseActivation" for name in NAMES}
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    assert type(rowwise_activation(nn.SiLU())) is RowwiseActivation
