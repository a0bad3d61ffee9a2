// Where there are no tile registers: 64 numbers of a weight's column (a block) as vectors, and their products with 64
// numbers of a row, for bf16, NF4 and LLM.int8.
//
// Lanes are neighbours in depth. A sum has one vector of accumulators, to which blocks are added front to back, whatever
// rows and columns come along; its lanes are added by halves at the end. So a row's bits depend on that row alone.
#pragma once

#include <cstdint>
#include <cstring>

#include "vector.h"

namespace flexserve {

constexpr int64_t LANE_BLOCK = 64;  // numbers
constexpr int PAIRS = LANE_BLOCK / (2 * W);  // vectors of two 16-bit numbers a lane

// W bytes as 32-bit numbers, or 2 W as 16-bit ones.
template <class Number, class Byte>
inline auto widened(const Byte* p) {
  typedef Byte bytes __attribute__((vector_size(4 * W / sizeof(Number))));
  typedef Number numbers __attribute__((vector_size(4 * W)));
  bytes x;
  std::memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, numbers);
}

inline vu pairs_at(const void* p) { vu x; std::memcpy(&x, p, sizeof x); return x; }

// Rows of bf16 and their products with bf16 weights, summed in fp32.
struct Bf16Products {
  using Number = float;
  using Sum = vf;
  // x in fp32, for every vector of pairs the even numbers and then the odd ones.
  using Row = float;
  static void arrange(const bf16* x, Row* out) {
    for (int i = 0; i < PAIRS; ++i) {
      const vu both = pairs_at(x + 2 * W * i);
      store(out + 2 * W * i, as_float((vi)(both << 16)));
      store(out + 2 * W * i + W, as_float((vi)(both & 0xffff0000)));
    }
  }
  static vf add(vf sum, vu weights, const Row* x, int i) {
    sum = fma(load(x + 2 * W * i), as_float((vi)(weights << 16)), sum);
    return fma(load(x + 2 * W * i + W), as_float((vi)(weights & 0xffff0000)), sum);
  }
};

// Weights [..., block, 64].
struct Bf16Lanes : Bf16Products {
  static constexpr int64_t BYTES = 128;  // of a column's block
  static constexpr bool UNPACKS = false;
  const uint8_t* weight;
  explicit Bf16Lanes(const void* data) : weight((const uint8_t*)data) {}
  void block(int64_t index, vu* out) const {
    for (int i = 0; i < PAIRS; ++i) out[i] = pairs_at(weight + index * BYTES + 4 * W * i);
  }
};

// Codes [..., block, 32 bytes]: k = j in the low half of byte j, k = 32 + j in the high half; absmax [..., block]. The
// values, codebook times absmax rounded to bf16, are bitsandbytes' dequantised ones; a table of 16 is made a block.
struct Nf4Lanes : Bf16Products {
  static constexpr int64_t BYTES = 32;
  static constexpr bool UNPACKS = true;
  const uint8_t* weight;
  const float *absmax, *codebook;
  Nf4Lanes(const void* data, const float* scale, const float* book)
      : weight((const uint8_t*)data), absmax(scale), codebook(book) {}

  void block(int64_t index, vu* out) const {
    const uint8_t* codes = weight + index * BYTES;
    const vf scale = broadcast(absmax[index]);
#if defined(__AVX512F__)
    // 32 lookups of 16 bits: the table holds each value twice, so an index is twice the code, whatever its lowest bit.
    const vu values = rounded_to_bf16(load(codebook) * scale);
    const __m512i table = (__m512i)(values | values >> 16);
    const __m512i indices = (__m512i)widened<uint16_t>(codes);
    out[0] = (vu)_mm512_permutexvar_epi16(_mm512_slli_epi16(indices, 1), table);
    out[1] = (vu)_mm512_permutexvar_epi16(_mm512_srli_epi16(indices, 3), table);
#elif defined(__AVX2__)
    // Lookups of bytes, the values' lower and upper ones apart; then both are interleaved.
    const __m256i low = (__m256i)(rounded_to_bf16(load(codebook) * scale) >> 16);
    const __m256i high = (__m256i)(rounded_to_bf16(load(codebook + W) * scale) >> 16);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    const __m256i lower = _mm256_and_si256(words, _mm256_set1_epi16(0xff)), upper = _mm256_srli_epi16(words, 8);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(lower, upper), 0xd8);
    const __m256i tables[2] = {_mm256_permute4x64_epi64(packed, 0x44), _mm256_permute4x64_epi64(packed, 0xee)};
    // Interleaving takes 64-bit quarters 0 and 2, then 1 and 3.
    const __m256i both = _mm256_permute4x64_epi64(_mm256_loadu_si256((const __m256i*)codes), 0xd8);
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i halves[2] = {_mm256_and_si256(both, mask), _mm256_and_si256(_mm256_srli_epi16(both, 4), mask)};
    for (int half = 0; half < 2; ++half) {
      const __m256i first = _mm256_shuffle_epi8(tables[0], halves[half]);
      const __m256i second = _mm256_shuffle_epi8(tables[1], halves[half]);
      out[2 * half] = (vu)_mm256_unpacklo_epi8(first, second);
      out[2 * half + 1] = (vu)_mm256_unpackhi_epi8(first, second);
    }
#else
    uint32_t table[16];
    for (int i = 0; i < 16; i += W) {
      const vu values = rounded_to_bf16(load(codebook + i) * scale) >> 16;
      std::memcpy(table + i, &values, sizeof values);
    }
    uint16_t numbers[LANE_BLOCK];
    for (int j = 0; j < 32; ++j) numbers[j] = table[codes[j] & 15], numbers[32 + j] = table[codes[j] >> 4];
    std::memcpy(out, numbers, sizeof numbers);
#endif
  }
};

// Weights [..., block, 64]. Codes of both sides as 16-bit numbers; the sums are exact.
struct Int8Lanes {
  using Number = int32_t;
  using Sum = vi;
  using Row = int16_t;
  static constexpr int64_t BYTES = 64;
  static constexpr bool UNPACKS = true;
  const int8_t* weight;
  explicit Int8Lanes(const void* data) : weight((const int8_t*)data) {}

  static void arrange(const int8_t* x, Row* out) {
    for (int64_t i = 0; i < LANE_BLOCK; ++i) out[i] = x[i];
  }
  void block(int64_t index, vu* out) const {
    for (int i = 0; i < PAIRS; ++i) out[i] = (vu)widened<int16_t>(weight + index * BYTES + 2 * W * i);
  }
  static vi add(vi sum, vu weights, const Row* x, int i) {
    const vu own = pairs_at(x + 2 * W * i);
#if defined(__AVX512VNNI__)
    return (vi)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)own, (__m512i)weights);
#elif defined(__AVX512F__)
    return sum + (vi)_mm512_madd_epi16((__m512i)own, (__m512i)weights);
#elif defined(__AVX2__)
    return sum + (vi)_mm256_madd_epi16((__m256i)own, (__m256i)weights);
#elif defined(__SSE2__)
    return sum + (vi)_mm_madd_epi16((__m128i)own, (__m128i)weights);
#else
    const vi low = ((vi)(own << 16) >> 16) * ((vi)(weights << 16) >> 16);
    return sum + low + ((vi)own >> 16) * ((vi)weights >> 16);
#endif
  }
};

}  // namespace flexserve
