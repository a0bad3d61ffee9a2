// The door of the linear layers, and fp32: out[r, n] = sum_k x[r, k] * w[n, k] + bias[n].
//
// fp32: lanes are columns, and a sum runs over k front to back in one accumulator, whatever rows come along and
// whichever thread computes the column; so rows are independent bit for bit. Weights lie in strips of 32 columns,
// [strip][K][32], that are read front to back. bf16, NF4 and int8: tiles.cpp and lanes.cpp.
#include <algorithm>

#include "native.h"
#include "share.h"
#include "vector.h"

namespace flexserve {

int tile_linear_kinds();
int tile_linear(const FlexserveLinear& call, FlexserveParallel parallel);
int lane_linear(const FlexserveLinear& call, FlexserveParallel parallel);

namespace {

constexpr int64_t STRIP = 32;
constexpr int VECTORS = STRIP / W;

struct Fp32Linear {
  const FlexserveLinear& call;

  void operator()(int64_t strip) const {
    int64_t row = 0;
#if defined(__AVX512F__)
    for (; row + 8 <= call.rows; row += 8) rows<8>(row, strip);
#endif
    for (; row + 4 <= call.rows; row += 4) rows<4>(row, strip);
    for (; row < call.rows; ++row) rows<1>(row, strip);
  }
  void done() const {}

 private:
  template <int R>
  void rows(int64_t first, int64_t strip) const {
    const float* x = (const float*)call.x + first * call.depth;
    const float* weight = (const float*)call.weight + strip * STRIP * call.depth;
    vf sum[R][VECTORS] = {};
    for (int64_t k = 0; k < call.depth; ++k, weight += STRIP) {
#if defined(__GNUC__)
      __builtin_prefetch(weight + 32 * STRIP);
      __builtin_prefetch(weight + 32 * STRIP + 16);
#endif
      for (int r = 0; r < R; ++r)
        for (int i = 0; i < VECTORS; ++i)
          sum[r][i] = fma(broadcast(x[r * call.depth + k]), load(weight + i * W), sum[r][i]);
    }
    for (int r = 0; r < R; ++r) write(sum[r], first + r, strip * STRIP);
  }

  void write(const vf (&sum)[VECTORS], int64_t row, int64_t column) const {
    float* out = (float*)call.out + row * call.columns;
    for (int i = 0; i < VECTORS; ++i, column += W) {
      const int64_t count = std::min<int64_t>(W, call.columns - column);
      if (count <= 0) return;
      store_part(out + column, call.bias ? sum[i] + load_part(call.bias + column, count) : sum[i], count);
    }
  }
};

}  // namespace
}  // namespace flexserve

using namespace flexserve;

// Which kinds this library can compute over tiles on this processor, as bits 1 << FlexserveLinearKind; over lanes all.
FLEXSERVE_EXPORT int flexserve_linear_tiles() { return tile_linear_kinds(); }

// 0, or 1 for what it does not compute.
FLEXSERVE_EXPORT int flexserve_linear(const FlexserveLinear* call, FlexserveParallel parallel) {
  if (call->rows == 0) return 0;
  if (call->tiles) return tile_linear_kinds() >> call->kind & 1 ? tile_linear(*call, parallel) : 1;
  if (call->kind != FLEXSERVE_LINEAR_FP32) return lane_linear(*call, parallel);
  const int64_t strips = (call->columns + STRIP - 1) / STRIP;
  share(strips, call->rows * call->depth * call->columns, call->num_threads, parallel, Fp32Linear{*call});
  return 0;
}
