"""RMSNorm: the forms of the model families, rows apart from their company, and modules that are something else."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import rms_norm
from flexserve_kernels.checks import unequal_rows
from flexserve_kernels.cpu.norm import native_rms_norm
from flexserve_kernels.native import INSTRUCTION_SETS, NativeLibrary, load_from
from torch import nn
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.olmo2.modeling_olmo2 import Olmo2RMSNorm

from .conftest import PACKAGE, USABLE

FORMS = (LlamaRMSNorm, GemmaRMSNorm, Olmo2RMSNorm)
DTYPES = (torch.float32, torch.bfloat16)
WIDTHS = (1, 64, 172, 257)


@pytest.fixture(params=INSTRUCTION_SETS)
def library(request) -> NativeLibrary:
    found = load_from(PACKAGE, (request.param,)).library if request.param in USABLE else None
    if found is None:
        pytest.skip(f"{request.param} does not run here")
    return found


def _module(form: type, width: int, dtype: torch.dtype, epsilon: float = 1e-5) -> nn.Module:
    module = form(width, eps=epsilon).to(dtype).requires_grad_(False)
    module.weight.copy_(torch.randn(width, generator=torch.Generator().manual_seed(width)))
    return module


def _native(library: NativeLibrary, module: nn.Module) -> nn.Module:
    found = native_rms_norm(module, library)
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("form", FORMS)
def test_same_function(library, form, width, dtype):
    module = _module(form, width, dtype)
    x = torch.randn(2, 9, width, generator=torch.Generator().manual_seed(3)).to(dtype)
    x[0, 0] = 0
    x[0, 1] *= 1e-4  # where epsilon rules
    one_step = {torch.float32: 2e-6, torch.bfloat16: 2**-7}[dtype]
    torch.testing.assert_close(_native(library, module)(x), module(x), rtol=one_step, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_independent(library, width, dtype, threads):
    module = _native(library, _module(LlamaRMSNorm, width, dtype))
    x = torch.randn(40, width, generator=torch.Generator().manual_seed(width)).to(dtype)
    assert unequal_rows(module, x, row_counts=(1, 7, 33)) == 0
    many = x.repeat(500, 1)  # shared out to the threads
    assert torch.equal(module(many)[:40], module(x))


def test_special_numbers_stay_in_their_row(library):
    module = _module(LlamaRMSNorm, 64, torch.float32)
    x = torch.randn(3, 64)
    x[1, 5] = torch.nan
    out = _native(library, module)(x)
    assert out[1].isnan().all()
    torch.testing.assert_close(out[::2], module(x)[::2])


def test_what_computes_something_else_comes_back_as_it_is():
    class Shifted(LlamaRMSNorm):
        def forward(self, hidden_states):
            return super().forward(hidden_states) + 1e-3

    for module in (Shifted(64), nn.LayerNorm(64), nn.Identity(), LlamaRMSNorm(64).half()):
        assert rms_norm(module) is module


def test_an_input_of_another_kind_is_refused(library):
    module = _native(library, _module(LlamaRMSNorm, 64, torch.bfloat16))
    with pytest.raises(ValueError, match="expected"):
        module(torch.zeros(1, 64))
    with pytest.raises(ValueError, match="expected"):
        module(torch.zeros(1, 32, dtype=torch.bfloat16))
