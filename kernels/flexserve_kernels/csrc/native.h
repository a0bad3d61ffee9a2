// The C interface of the CPU kernels: plain C, no Python or torch headers. Called through ctypes by native.py,
// which packs these structs; a change here is a change of FLEXSERVE_ABI there and here.
#pragma once

#include <cstdint>

#define FLEXSERVE_ABI 7
#define FLEXSERVE_EXPORT extern "C" __attribute__((visibility("default")))

enum FlexserveDtype : int64_t { FLEXSERVE_FP32 = 0, FLEXSERVE_BF16 = 1, FLEXSERVE_FP16 = 2 };

// Runs body(data) once on each of num_threads threads, the caller among them, and returns when all are done
// (the signature of GOMP_parallel).
typedef void (*FlexserveParallel)(void (*body)(void*), void* data, unsigned num_threads, unsigned flags);

// Where the keys lie: see plan.py. All arrays contiguous.
struct FlexservePlan {
  int64_t num_rows, num_groups, trunk_width, tail_width;
  const int64_t *positions, *group, *trunk_slots, *trunk_length, *tail_slots;
};

// One attention call. Strides count elements; the last dimension of every tensor is contiguous. `out` is
// contiguous [T, Hq, Dv], bf16 where q is, else fp32. sinks [Hq], alibi_slopes [Hq] and key_bias [Hq, P], contiguous,
// may be null. With int8_cache the rows of the caches are as cache.h says, and their strides count bytes.
struct FlexserveAttention {
  int64_t dtype;  // of q, and of the caches unless int8_cache
  int64_t int8_cache;
  const void* q;
  int64_t q_row, q_head;
  const void* k;
  int64_t k_slot, k_head;
  const void* v;
  int64_t v_slot, v_head;
  void* out;
  int64_t num_slots, num_heads, num_kv_heads, dim, v_dim;
  int64_t window;  // 0: none
  int64_t num_threads;
  const float *sinks, *alibi_slopes, *key_bias;
  int64_t num_biased_positions;  // P
  double scale, softcap;  // softcap 0: none
};

// Keys and values of new rows into an int8 cache, at `slots`. k [T, Hkv, D] and v [T, Hkv, Dv] in dtype with these
// strides, the last dimension contiguous; the caches are contiguous.
struct FlexserveAppend {
  int64_t dtype, num_rows, num_kv_heads, num_slots, num_threads;
  const int64_t* slots;
  const void* k;
  int64_t k_row, k_head, dim;
  const void* v;
  int64_t v_row, v_head, v_dim;
  void *k_cache, *v_cache;
};

enum FlexserveLinearKind : int64_t {
  FLEXSERVE_LINEAR_FP32 = 0,
  FLEXSERVE_LINEAR_BF16 = 1,
  FLEXSERVE_LINEAR_NF4 = 2,
  FLEXSERVE_LINEAR_INT8 = 3,
};

// One linear layer's call. x [rows, depth] and out [rows, columns] contiguous, fp32 for the kind fp32, else bf16.
// weight as cpu/packing.py arranges it, on a cache line: for the tile registers if `tiles`, else for vector lanes. bias
// [columns] fp32 or null. scale: NF4's absmax as packed; int8's [columns]. codebook [16] for NF4; threshold of the
// outliers for int8.
struct FlexserveLinear {
  int64_t kind, tiles, rows, depth, columns, num_threads;
  const void *x, *weight;
  const float *bias, *scale, *codebook;
  void* out;
  double threshold;
};

// RMSNorm of rows of `depth`. x and out [rows, depth] contiguous in dtype (fp32 or bf16), weight [depth] fp32.
// rounds_first: x over its root mean square is rounded to dtype before it is multiplied by the weight.
struct FlexserveRmsNorm {
  int64_t dtype, rows, depth, num_threads, rounds_first;
  const void* x;
  const float* weight;
  void* out;
  double epsilon;
};
