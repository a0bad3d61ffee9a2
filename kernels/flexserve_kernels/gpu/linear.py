"""Few-row linear layers in Triton over bf16/fp32, NF4 and LLM.int8 weights; the weight is never materialised.

A program owns 32 rows and 64 outputs and walks K in blocks of 64, in ascending order. The tile is the same for every
row count (missing rows are zeros), so a row's bits cannot depend on its company, and 1 to 32 rows cost one pass over
the weight. NF4 values are bitsandbytes': code table times absmax in fp32, rounded to the activations' dtype.

Source: QLoRA (Dettmers et al., 2023) for NF4; LLM.int8() (Dettmers et al., 2022), outliers chosen per row.
"""
# Triton's language has types of its own.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from flexserve_kernels.gpu.numeric import INTERPRETED, dot, round_to

ROWS, OUTPUTS, STEP = 32, 64, 64  # of one program, and K per turn
OUTLIER = 6.0  # LLM.int8: activations beyond it stay in 16 bits


@triton.jit
def _finish(acc, bias, out, rows, outputs, num_rows, n, HAS_BIAS: tl.constexpr, EMULATE: tl.constexpr):
    """Add the bias, round, store the tile acc [32, 64]."""
    if HAS_BIAS:
        acc += tl.load(bias + outputs, mask=outputs < n, other=0.0).to(tl.float32)[None, :]
    value = round_to(acc, out.dtype.element_ty, EMULATE)
    mask = (rows < num_rows)[:, None] & (outputs < n)[None, :]
    tl.store(out + rows[:, None] * n + outputs[None, :], value, mask=mask)


@triton.jit
def _dense_kernel(x, weight, bias, out, num_rows, n, k, x_row, ROWS: tl.constexpr, OUTPUTS: tl.constexpr,
                  STEP: tl.constexpr, HAS_BIAS: tl.constexpr, EMULATE: tl.constexpr):  # fmt: skip
    outputs = tl.program_id(0).to(tl.int64) * OUTPUTS + tl.arange(0, OUTPUTS)
    rows = tl.program_id(1).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    acc = tl.zeros([ROWS, OUTPUTS], tl.float32)
    for start in range(0, k, STEP):
        column = start + tl.arange(0, STEP)
        in_k = column < k
        a = tl.load(x + rows[:, None] * x_row + column[None, :],
                    mask=(rows < num_rows)[:, None] & in_k[None, :], other=0.0)  # fmt: skip
        w = tl.load(weight + outputs[None, :] * k + column[:, None],
                    mask=in_k[:, None] & (outputs < n)[None, :], other=0.0)  # fmt: skip
        acc = dot(a, w, acc, EMULATE)
    _finish(acc, bias, out, rows, outputs, num_rows, n, HAS_BIAS, EMULATE)


@triton.jit
def _nf4_kernel(x, codes, absmax, table, bias, out, num_rows, n, k, x_row, ROWS: tl.constexpr,
                OUTPUTS: tl.constexpr, STEP: tl.constexpr, HAS_BIAS: tl.constexpr, EMULATE: tl.constexpr):  # fmt: skip
    outputs = tl.program_id(0).to(tl.int64) * OUTPUTS + tl.arange(0, OUTPUTS)
    rows = tl.program_id(1).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    acc = tl.zeros([ROWS, OUTPUTS], tl.float32)
    for start in range(0, k, STEP):
        # A byte holds two neighbours along K, the first in its high half: even and odd columns are two products.
        even = start + 2 * tl.arange(0, STEP // 2)
        in_k = even < k
        at = outputs[None, :] * k + even[:, None]
        inside = in_k[:, None] & (outputs < n)[None, :]
        pair = tl.load(codes + at // 2, mask=inside, other=0)
        scale = tl.load(absmax + at // 64, mask=inside, other=0.0)
        where = x + rows[:, None] * x_row + even[None, :]
        seen = (rows < num_rows)[:, None] & in_k[None, :]
        first = tl.load(where, mask=seen, other=0.0)
        second = tl.load(where + 1, mask=seen, other=0.0)
        high = round_to(tl.load(table + (pair >> 4)) * scale, first.dtype, EMULATE)
        low = round_to(tl.load(table + (pair & 15)) * scale, first.dtype, EMULATE)
        acc = dot(first, high, acc, EMULATE)
        acc = dot(second, low, acc, EMULATE)
    _finish(acc, bias, out, rows, outputs, num_rows, n, HAS_BIAS, EMULATE)


@triton.jit
def _int8_kernel(q, x_scale, x_outliers, values, scales, bias, out, num_rows, n, k, ROWS: tl.constexpr,
                 OUTPUTS: tl.constexpr, STEP: tl.constexpr, HAS_BIAS: tl.constexpr, EMULATE: tl.constexpr):  # fmt: skip
    outputs = tl.program_id(0).to(tl.int64) * OUTPUTS + tl.arange(0, OUTPUTS)
    rows = tl.program_id(1).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    exact = tl.zeros([ROWS, OUTPUTS], tl.int32)
    acc = tl.zeros([ROWS, OUTPUTS], tl.float32)
    w_scale = tl.load(scales + outputs, mask=outputs < n, other=0.0) / 127.0
    for start in range(0, k, STEP):
        column = start + tl.arange(0, STEP)
        in_k = column < k
        seen = (rows < num_rows)[:, None] & in_k[None, :]
        a = tl.load(q + rows[:, None] * k + column[None, :], mask=seen, other=0)
        w = tl.load(values + outputs[None, :] * k + column[:, None],
                    mask=in_k[:, None] & (outputs < n)[None, :], other=0)  # fmt: skip
        if EMULATE:
            exact += tl.dot(a.to(tl.float32), w.to(tl.float32)).to(tl.int32)
        else:
            exact = tl.dot(a, w, exact)
        wide = tl.load(x_outliers + rows[:, None] * k + column[None, :], mask=seen, other=0.0)
        if tl.max(tl.abs(wide.to(tl.float32))) > 0.0:  # a product with zeros alone would add exact zeros
            full = round_to(w.to(tl.float32) * w_scale[None, :], wide.dtype, EMULATE)
            acc = dot(wide, full, acc, EMULATE)
    row_scale = tl.load(x_scale + rows, mask=rows < num_rows, other=0.0) / 127.0
    acc += exact.to(tl.float32) * (row_scale[:, None] * w_scale[None, :])
    _finish(acc, bias, out, rows, outputs, num_rows, n, HAS_BIAS, EMULATE)


def dense_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [T, K] @ weight [N, K]ᵀ + bias [N]; one dtype, fp32 sums; returns [T, N]."""
    x, out = _prepare(x, weight.shape[0])
    if out.numel():
        _dense_kernel[_grid(out)](
            *(
                x,
                weight.contiguous(),
                _or(bias, x),
                out,
                x.shape[0],
                weight.shape[0],
                x.shape[1],
                x.stride(0),
            ),
            **_options(bias),
        )
    return out


def nf4_linear(x: Tensor, codes: Tensor, absmax: Tensor, table: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [T, K] times an NF4 weight [N, K]: codes uint8 [N·K/2], absmax fp32 [⌈N·K/64⌉], table fp32 [16].

    K must be even: bitsandbytes packs two neighbours into a byte.
    """
    k = x.shape[1]
    if k % 2:
        raise ValueError(f"in_features = {k}: NF4 packs pairs of columns; it must be even")
    x, out = _prepare(x, 2 * codes.numel() // k)
    if out.numel():
        _nf4_kernel[_grid(out)](
            *(x, codes, absmax, table, _or(bias, x), out, x.shape[0], out.shape[1], k, x.stride(0)),
            **_options(bias),
        )
    return out


def int8_linear(x: Tensor, values: Tensor, scales: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [T, K] times an LLM.int8 weight: values int8 [N, K], scales fp32 [N] (a row's largest magnitude).

    Columns of a row beyond 6.0 in magnitude are that row's outliers and are multiplied unquantised.
    """
    _, out = _prepare(x, values.shape[0])
    if not out.numel():
        return out
    outlier = x.abs() > OUTLIER
    usual = x.masked_fill(outlier, 0).float()
    x_scale = usual.abs().amax(dim=1)
    q = torch.round(usual * (127.0 / x_scale.clamp(min=1e-30))[:, None]).to(torch.int8)
    outliers = x.masked_fill(~outlier, 0).contiguous()
    _int8_kernel[_grid(out)](
        *(q, x_scale, outliers, values, scales, _or(bias, x), out, x.shape[0], out.shape[1], x.shape[1]),
        **_options(bias),
    )
    return out


def _prepare(x: Tensor, num_outputs: int) -> tuple[Tensor, Tensor]:
    """(x with dense rows, an empty result [T, N])."""
    x = x if x.stride(-1) == 1 else x.contiguous()
    return x, torch.empty(x.shape[0], num_outputs, dtype=x.dtype, device=x.device)


def _or(bias: Tensor | None, nothing: Tensor) -> Tensor:
    """The bias, or a pointer that no program reads."""
    return nothing if bias is None else bias


def _grid(out: Tensor) -> tuple[int, int]:
    return triton.cdiv(out.shape[1], OUTPUTS), triton.cdiv(out.shape[0], ROWS)


def _options(bias: Tensor | None) -> dict[str, int | bool]:
    """Compile-time arguments that all kernels share."""
    return {
        "ROWS": ROWS,
        "OUTPUTS": OUTPUTS,
        "STEP": STEP,
        "HAS_BIAS": bias is not None,
        "EMULATE": INTERPRETED,
    }
