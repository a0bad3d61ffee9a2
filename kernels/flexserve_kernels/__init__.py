"""Every op of FlexServe that torch does not offer in a row-invariant form.

The law: a row's result is bitwise the same whatever else is in the batch, for trees and chains, at any
thread count. Each op has a plain torch reference; faster implementations are picked by the registry.
"""

from flexserve_kernels.cache import SCALE_BYTES, cache_width
from flexserve_kernels.checks import revealing_linear, unequal_rows
from flexserve_kernels.joint import join_linears
from flexserve_kernels.linear import input_dtype, is_linear, prepare_linear, prepare_quantised_linear
from flexserve_kernels.ops import kv_append, kv_move, rms_norm, rowwise_activation, tree_attention
from flexserve_kernels.plan import AttentionPlan
from flexserve_kernels.reference.linear import LINEAR_STRATEGIES, RowInvariantLinear
from flexserve_kernels.registry import KernelChoice, available
from flexserve_kernels.weights import (
    NF4_BLOCK,
    NF4_CODEBOOK,
    Int8Weight,
    Nf4Weight,
    QuantisedWeight,
    join_rows,
    quantise_int8,
    quantise_nf4,
)

__all__ = [
    "LINEAR_STRATEGIES",
    "NF4_BLOCK",
    "NF4_CODEBOOK",
    "SCALE_BYTES",
    "AttentionPlan",
    "Int8Weight",
    "KernelChoice",
    "Nf4Weight",
    "QuantisedWeight",
    "RowInvariantLinear",
    "available",
    "cache_width",
    "input_dtype",
    "is_linear",
    "join_linears",
    "join_rows",
    "kv_append",
    "kv_move",
    "prepare_linear",
    "prepare_quantised_linear",
    "quantise_int8",
    "quantise_nf4",
    "revealing_linear",
    "rms_norm",
    "rowwise_activation",
    "tree_attention",
    "unequal_rows",
]
