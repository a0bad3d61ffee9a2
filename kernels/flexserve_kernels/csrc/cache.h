// A row of the int8 cache: `dim` codes and their scale in fp32 behind them. value = code * scale.
//
// The scale belongs to one token and one head, so a row depends on nothing else. A row with a number that is not finite
// is NaN throughout.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "vector.h"

namespace flexserve {

constexpr int64_t SCALE_BYTES = sizeof(float);

template <class E>
void pack_cache_row(const E* from, int64_t dim, int8_t* to) {
  vf top{};
  vi infinite{};
  for (int64_t d = 0; d < dim; d += W) {
    const vi magnitude = as_int(load_part(from + d, std::min<int64_t>(W, dim - d))) & 0x7fffffff;
    infinite |= magnitude >= 0x7f800000;
    top = maximum(as_float(magnitude), top);
  }
  float absmax = 0;
  bool finite = true;
  for (int i = 0; i < W; ++i) {
    absmax = std::max(absmax, top[i]);
    finite = finite && !infinite[i];
  }
  const float scale = finite ? absmax / 127.0f : std::numeric_limits<float>::quiet_NaN();
  if (scale > 0) {
    const vf magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, ties to even
    for (int64_t d = 0; d < dim; d += W) {
      const int64_t n = std::min<int64_t>(W, dim - d);
      vf code = load_part(from + d, n) / broadcast(scale);
      code = code > 127.0f ? broadcast(127.0f) : code;
      code = code < -127.0f ? broadcast(-127.0f) : code;
      store_part(to + d, (code + magic) - magic, n);
    }
  } else {
    std::memset(to, 0, dim);
  }
  std::memcpy(to + dim, &scale, SCALE_BYTES);
}

// 32 codes at a time by the instruction that rounds to bf16, which takes subnormals for zero: not for scales near them.
// Returns how many are done.
template <class E>
inline int64_t unpack_quickly(const int8_t*, float, int64_t, E*) { return 0; }
#if defined(__AVX512BF16__)
inline int64_t unpack_quickly(const int8_t* from, float scale, int64_t dim, bf16* to) {
  if (!(scale > 0x1p-100f)) return 0;
  const __m512 factor = _mm512_set1_ps(scale);
  int64_t d = 0;
  for (; d + 32 <= dim; d += 32) {
    const __m256i codes = _mm256_loadu_si256((const __m256i*)(from + d));
    const __m512i low = _mm512_cvtepi8_epi32(_mm256_castsi256_si128(codes));
    const __m512i high = _mm512_cvtepi8_epi32(_mm256_extracti128_si256(codes, 1));
    const __m512 first = _mm512_mul_ps(_mm512_cvtepi32_ps(low), factor);
    const __m512 second = _mm512_mul_ps(_mm512_cvtepi32_ps(high), factor);
    _mm512_storeu_si512(to + d, (__m512i)_mm512_cvtne2ps_pbh(second, first));
  }
  return d;
}
#endif

template <class E>
void unpack_cache_row(const int8_t* from, int64_t dim, E* to) {
  float scale;
  std::memcpy(&scale, from + dim, SCALE_BYTES);
  for (int64_t d = unpack_quickly(from, scale, dim, to); d < dim; d += W) {
    const int64_t n = std::min<int64_t>(W, dim - d);
    store_part(to + d, load_part(from + d, n) * broadcast(scale), n);
  }
}

}  // namespace flexserve
