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
constexpr int64_t TOGETHER = VECTORS < 8 ? 8 / VECTORS : 1;  // strips that a single row reads side by side: its sums
// alone do not hide how long memory takes

// unit: of work; a strip, or where there is only one row, strips that are read together.
struct Fp32Linear {
  const FlexserveLinear& call;

  int64_t strips() const { return (call.columns + STRIP - 1) / STRIP; }
  int64_t units() const { return call.rows == 1 ? (strips() + TOGETHER - 1) / TOGETHER : strips(); }

  void operator()(int64_t unit) const {
    if (call.rows == 1) return one_row(unit * TOGETHER);
    int64_t row = 0;
#if defined(__AVX512F__)
    for (; row + 8 <= call.rows; row += 8) block<8, 1>(row, unit);
#endif
    for (; row + 4 <= call.rows; row += 4) block<4, 1>(row, unit);
    for (; row + 2 <= call.rows; row += 2) block<2, 1>(row, unit);
    if (row < call.rows) block<1, 1>(row, unit);
  }
  void done() const {}

 private:
  void one_row(int64_t strip) const {
    if (strip + TOGETHER <= strips()) return block<1, TOGETHER>(0, strip);
    for (; strip < strips(); ++strip) block<1, 1>(0, strip);
  }

  // R rows from `first` on times S strips from `strip` on.
  template <int R, int S>
  void block(int64_t first, int64_t strip) const {
    const float* x = (const float*)call.x + first * call.depth;
    const float* weight = (const float*)call.weight + strip * STRIP * call.depth;
    vf sum[R][S][VECTORS] = {};
    for (int64_t k = 0; k < call.depth; ++k, weight += STRIP)
      for (int s = 0; s < S; ++s) {
        const float* line = weight + s * STRIP * call.depth;
#if defined(__GNUC__)
        __builtin_prefetch(line + 32 * STRIP);
        __builtin_prefetch(line + 32 * STRIP + 16);
#endif
        for (int r = 0; r < R; ++r)
          for (int i = 0; i < VECTORS; ++i)
            sum[r][s][i] = fma(broadcast(x[r * call.depth + k]), load(line + i * W), sum[r][s][i]);
      }
    for (int r = 0; r < R; ++r)
      for (int s = 0; s < S; ++s) write(sum[r][s], first + r, (strip + s) * STRIP);
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
  const Fp32Linear linear{*call};
  share(linear.units(), call->rows * call->depth * call->columns, call->num_threads, parallel, linear);
  return 0;
}
