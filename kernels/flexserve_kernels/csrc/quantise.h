// LLM.int8 activations: each row quantised on its own, its outliers kept apart.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "vector.h"

namespace flexserve {

// A number of x that is multiplied unquantised.
struct Outlier {
  int64_t column;
  float value;
};

// x is about code * scale / 127, but for the outliers.
struct QuantisedRow {
  float scale;                    // the largest magnitude that is no outlier; NaN where x has one
  std::vector<Outlier> outliers;  // columns ascending
};

inline vf magnitude(vf x) { return as_float(as_int(x) & 0x7fffffff); }

// Numbers below the threshold in magnitude to codes, rounded to even; others, NaN among them, to 0. n <= W.
inline void quantise(const bf16* x, int64_t n, float threshold, float factor, int8_t* codes) {
  typedef int8_t bytes __attribute__((vector_size(W)));
  const vf value = load_part(x, n), magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const vf usual = magnitude(value) < threshold ? value * factor : broadcast(0.0f);
  const bytes code = __builtin_convertvector(as_int(usual + magic) - as_int(magic), bytes);
  std::memcpy(codes, &code, n);
}

inline QuantisedRow quantise_row(const bf16* x, int64_t depth, float threshold, int8_t* codes) {
  QuantisedRow row{0, {}};
  vf largest{}, poison{};
  for (int64_t k = 0; k < depth; k += W) {
    const int64_t count = depth - k < W ? depth - k : W;
    const vf value = load_part(x + k, count), size = magnitude(value);
    const vi usual = size < threshold;
    largest = maximum(usual ? size : broadcast(0.0f), largest);
    poison = size == size ? poison : size;
    vi rare = ~usual & (size == size), any{};
    if (std::memcmp(&rare, &any, sizeof any) == 0) continue;
    for (int64_t i = 0; i < count; ++i)
      if (rare[i]) row.outliers.push_back({k + i, value[i]});
  }
  float poisoned = 0;
  for (int i = 0; i < W; ++i) {
    row.scale = largest[i] > row.scale ? largest[i] : row.scale;
    poisoned += poison[i];
  }
  const float factor = row.scale > 0 ? 127.0f / row.scale : 0;
  row.scale += poisoned;
  for (int64_t k = 0; k < depth; k += W) quantise(x + k, depth - k < W ? depth - k : W, threshold, factor, codes + k);
  return row;
}

// Integer sums of W columns to numbers of out: sum * (row scale * column scale) / 127^2 + bias, then the row's outliers
// one by one in ascending order. weights(k): the columns' codes at depth k.
template <class Weights>
inline vf dequantised(vi sums, const QuantisedRow& row, vf scale, const vf* bias, const Weights& weights) {
  vf sum = __builtin_convertvector(sums, vf) * (scale * row.scale) * (1.0f / (127 * 127));
  if (bias) sum = sum + *bias;
  for (const Outlier& outlier : row.outliers)
    sum = sum + weights(outlier.column) * (scale * (1.0f / 127)) * outlier.value;
  return sum;
}

}  // namespace flexserve
