"""Quantised weights: rows joined are the rows apart, and what cannot be one weight is not made one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from flexserve_kernels import join_rows, quantise_int8, quantise_nf4

pytest.importorskip("bitsandbytes")
QUANTISERS = {"int8": quantise_int8, "nf4": quantise_nf4}


@pytest.mark.parametrize("kind", QUANTISERS)
def test_joined_rows_are_the_whole_quantised_at_once(kind):
    whole = torch.randn(96, 128)
    joined = join_rows([QUANTISERS[kind](part) for part in whole.split([32, 1, 63])])
    assert joined is not None
    assert joined.shape == (96, 128)
    assert joined.kind == kind
    assert torch.equal(joined.dequantise(), QUANTISERS[kind](whole).dequantise())


def test_blocks_may_end_with_a_part_but_not_reach_into_the_next():
    whole, part = quantise_nf4(torch.randn(64, 33)), quantise_nf4(torch.randn(5, 33))
    joined = join_rows([whole, part])
    assert joined is not None
    assert torch.equal(joined.dequantise(), torch.cat([whole.dequantise(), part.dequantise()]))
    assert join_rows([part, whole]) is None


def test_what_differs_stays_apart():
    eight, four = quantise_int8(torch.randn(4, 64)), quantise_nf4(torch.randn(4, 64))
    assert join_rows([eight, four]) is None
    assert join_rows([eight, replace(eight, threshold=5.0)]) is None
    assert join_rows([four, quantise_nf4(torch.randn(4, 128))]) is None
