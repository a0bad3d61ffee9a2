"""Arithmetic that Triton's interpreter cannot do on numpy, done so that compiled and interpreted kernels agree.

numpy has no bfloat16: the interpreter multiplies bf16 bit patterns as integers and cuts fp32 to bf16 instead of
rounding. `EMULATE` is a compile-time switch, so a compiled kernel holds none of this.
"""
# Triton's language has types of its own.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false

from __future__ import annotations

import triton
import triton.language as tl

INTERPRETED: bool = bool(triton.knobs.runtime.interpret)


@triton.jit
def dot(a, b, acc, EMULATE: tl.constexpr):
    """acc + a @ b, fp32 sums; a [M, K] and b [K, N] of one dtype. No TF32."""
    if EMULATE:
        return acc + tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    return tl.dot(a, b, acc, input_precision="ieee")


@triton.jit
def round_to(x, dtype: tl.constexpr, EMULATE: tl.constexpr):
    """fp32 → dtype, to nearest, ties to even."""
    if EMULATE and dtype == tl.bfloat16:
        bits = x.to(tl.uint32, bitcast=True)
        odd = (bits >> 16) & 1
        finite = ((bits + 0x7FFF + odd) & 0xFFFF0000).to(tl.float32, bitcast=True)
        return tl.where(x == x, finite, x).to(dtype)
    return x.to(dtype)
