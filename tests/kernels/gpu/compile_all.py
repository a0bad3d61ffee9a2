"""Compiles every Triton kernel to machine code, no GPU needed. Prints one line a kernel; run by test_compile.py."""

from __future__ import annotations

import sys

import triton
from flexserve_kernels.gpu import attention, kv, linear
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

TILE = {
    "ROWS": linear.ROWS,
    "OUTPUTS": linear.OUTPUTS,
    "STEP": linear.STEP,
    "HAS_BIAS": True,
    "EMULATE": False,
}
POINTERS = {
    "q": "*bf16", "k_cache": "*bf16", "v_cache": "*bf16", "x": "*bf16", "weight": "*bf16", "bias": "*bf16",
    "out": "*bf16", "x_outliers": "*bf16", "codes": "*u8", "values": "*i8", "part_max": "*fp32", "part_sum": "*fp32",
    "part_out": "*fp32", "slopes": "*fp32", "key_bias": "*fp32", "sinks": "*fp32", "absmax": "*fp32",
    "k_scales": "*fp32", "v_scales": "*fp32",
    "table": "*fp32", "scales": "*fp32", "x_scale": "*fp32", "scale": "fp32", "softcap": "fp32",
    **dict.fromkeys(
        ("positions", "group", "trunk_slots", "trunk_length", "tail_slots", "src", "dst"), "*i64"
    ),
}  # fmt: skip
HEADS = {"VDIM": 128, "VDIM_PAD": 128, "SPAN": attention.SPAN, "HAS_WINDOW": True, "EMULATE": False}
SPAN = {
    **HEADS, "PER_KV": 4, "HEADS": 16, "DIM": 128, "DIM_PAD": 128, "BLOCK": attention.BLOCK,
    "HAS_SOFTCAP": True, "HAS_SLOPES": True, "HAS_BIAS": True, "INT8": False,
}  # fmt: skip
KERNELS = {
    "attention spans": (attention._span_kernel, SPAN, {}),
    "attention spans, int8 cache": (
        attention._span_kernel,
        {**SPAN, "INT8": True},
        dict.fromkeys(("k_cache", "v_cache"), "*i8"),
    ),
    "attention join": (attention._join_kernel, {**HEADS, "HAS_SINKS": True}, {}),
    "kv move": (kv._move_kernel, {"PAIRS": 16, "STRIPE": 32}, {}),
    "dense bf16": (linear._dense_kernel, TILE, {}),
    "dense fp32": (linear._dense_kernel, TILE, dict.fromkeys(("x", "weight", "bias", "out"), "*fp32")),
    "nf4": (linear._nf4_kernel, TILE, {}),
    "int8": (linear._int8_kernel, TILE, {"q": "*i8"}),
}


def main() -> None:
    """Every kernel for one compute capability, argv[1]."""
    target = GPUTarget("cuda", int(sys.argv[1]), 32)
    for name, (kernel, constants, other) in KERNELS.items():
        types = {**POINTERS, **other}
        signature = {
            arg: "constexpr" if arg in constants else types.get(arg, "i32") for arg in kernel.arg_names
        }
        compiled = triton.compile(ASTSource(kernel, signature, constants), target=target)
        print(name, len(compiled.asm["cubin"]), "mma" in compiled.asm["ptx"])


main()
