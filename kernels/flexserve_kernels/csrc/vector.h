// One vector of floats, as wide as the instruction set this file is compiled for, and exact loads into it.
//
// Rounding is spelled out: fused multiply-adds are written `fma`, everything else is compiled with
// -ffp-contract=off. So a lane's result depends on that lane's inputs alone, never on which loop computed it.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace flexserve {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float vf __attribute__((vector_size(W * 4)));
typedef int32_t vi __attribute__((vector_size(W * 4)));
typedef uint32_t vu __attribute__((vector_size(W * 4)));
typedef uint16_t vh __attribute__((vector_size(W * 2)));
typedef int8_t vb __attribute__((vector_size(W)));

struct bf16 { uint16_t bits; };
struct fp16 { uint16_t bits; };

inline vf broadcast(float x) { return x - vf{}; }
inline vi broadcast(int x) { return x - vi{}; }

inline vf fma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

inline vf maximum(vf a, vf b) {  // b where one is NaN
#if defined(__AVX512F__)
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return a > b ? a : b;
#endif
}

// lane i holds i
template <int... I>
inline vi iota(std::integer_sequence<int, I...>) { return vi{I...}; }
inline vi iota() { return iota(std::make_integer_sequence<int, W>{}); }

inline vf as_float(vi x) { vf y; std::memcpy(&y, &x, sizeof y); return y; }
inline vi as_int(vf x) { vi y; std::memcpy(&y, &x, sizeof y); return y; }

inline vf load(const float* p) { vf x; std::memcpy(&x, p, sizeof x); return x; }
inline vu load_bits(const void* p) { vh x; std::memcpy(&x, p, sizeof x); return __builtin_convertvector(x, vu); }
inline vf load(const bf16* p) { return as_float((vi)(load_bits(p) << 16)); }
inline vf load(const fp16* p) {
  // Shift exponent and mantissa into place, then scale by 2^112: right for subnormals too. Inf and NaN keep theirs.
  vu bits = load_bits(p);
  vu magnitude = (bits & 0x7fff) << 13, sign = (bits & 0x8000) << 16;
  vi finite = as_int(as_float((vi)magnitude) * broadcast(0x1p112f));
  vi special = (vi)(magnitude | 0x7f800000);
  vi all_ones = (vi)(bits & 0x7c00) == 0x7c00;
  return as_float((all_ones ? special : finite) | (vi)sign);
}

inline vf load(const int8_t* p) { vb x; std::memcpy(&x, p, sizeof x); return __builtin_convertvector(x, vf); }
inline void store(int8_t* p, vf x) {  // whole numbers from -128 to 127
  const vb bytes = __builtin_convertvector(__builtin_convertvector(x, vi), vb);
  std::memcpy(p, &bytes, sizeof bytes);
}

inline void store(float* p, vf x) { std::memcpy(p, &x, sizeof x); }
inline void store(bf16* p, vf x) {  // to nearest, ties to even; NaN stays NaN
  vu bits = (vu)as_int(x);
  vu rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  vu quiet = (bits >> 16) | 0x40;
  vh half = __builtin_convertvector(x == x ? rounded : quiet, vh);
  std::memcpy(p, &half, sizeof half);
}

// To nearest, ties to even; the lower half of a lane is zero. NaN stays NaN.
inline vu rounded_to_bf16(vf x) {
  const vu bits = (vu)as_int(x);
  const vu rounded = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
  return x == x ? rounded : (bits | 0x400000) & 0xffff0000;
}

inline float number(bf16 x) {
  const uint32_t bits = (uint32_t)x.bits << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The first n <= W elements, zeros behind them; and their way back. Whole vectors go without the detour.
template <class E>
inline vf load_part(const E* p, int64_t n) {
  if (n == W) return load(p);
  E part[W] = {};
  std::memcpy(part, p, n * sizeof(E));
  return load(part);
}
template <class E>
inline void store_part(E* p, vf x, int64_t n) {
  if (n == W) return store(p, x);
  E part[W];
  store(part, x);
  std::memcpy(p, part, n * sizeof(E));
}

// Lanes with bit S of their index clear come from `low`, the others from `high`: one half of a transposition step.
template <int S, int... I>
inline void exchange(vf& a, vf& b, std::integer_sequence<int, I...>) {
  vf low = __builtin_shufflevector(a, b, (I & S ? W + I - S : I)...);
  vf high = __builtin_shufflevector(a, b, (I & S ? W + I : I + S)...);
  a = low;
  b = high;
}
template <int S>
inline void transpose_steps(vf* rows) {
  if constexpr (S > 0) {
    for (int i = 0; i < W; ++i)
      if (!(i & S)) exchange<S>(rows[i], rows[i + S], std::make_integer_sequence<int, W>{});
    transpose_steps<S / 2>(rows);
  }
}
// In place, W rows of W lanes (Eklundh's method).
inline void transpose(vf* rows) { transpose_steps<W / 2>(rows); }

// e^x, within 2 ulp; exactly 0 below -87.3; x is cut off at 88. Cody-Waite reduction and the Taylor series.
inline vf exponential(vf x) {
  const vf magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  vf cut = x > 88.0f ? broadcast(88.0f) : x;
  vf shifted = fma(cut, broadcast(1.44269504088896341f), magic);
  vf n = shifted - magic;
  vf r = fma(n, broadcast(-0.693359375f), cut);
  r = fma(n, broadcast(2.12194440054690583e-4f), r);
  vf y = broadcast(1.0f / 5040);
  y = fma(y, r, broadcast(1.0f / 720));
  y = fma(y, r, broadcast(1.0f / 120));
  y = fma(y, r, broadcast(1.0f / 24));
  y = fma(y, r, broadcast(1.0f / 6));
  y = fma(y, r, broadcast(0.5f));
  y = fma(y, r, broadcast(1.0f));
  y = fma(y, r, broadcast(1.0f));
  vf scaled = as_float((vi)((vu)as_int(y) + ((vu)(as_int(shifted) - as_int(magic)) << 23)));
  scaled = x == x ? scaled : x;
  return x < -87.3f ? broadcast(0.0f) : scaled;
}
inline float exponential(float x) { return exponential(broadcast(x))[0]; }

inline vf hyperbolic_tangent(vf x) {
  vf z = x * x;  // Taylor series near zero, where 1 - 2 / (e^2x + 1) cancels
  vf series = broadcast(-1382.0f / 155925);
  series = fma(series, z, broadcast(62.0f / 2835));
  series = fma(series, z, broadcast(-17.0f / 315));
  series = fma(series, z, broadcast(2.0f / 15));
  series = fma(series, z, broadcast(-1.0f / 3));
  series = fma(series * z, x, x);
  vf far = 1.0f - 2.0f / (exponential(2.0f * x) + 1.0f);
  return z < 0.0625f ? series : far;
}

}  // namespace flexserve
