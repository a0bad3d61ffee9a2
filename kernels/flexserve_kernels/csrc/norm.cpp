// RMSNorm. A row's sum of squares runs through W lanes front to back and over the lanes in one order, so it depends on
// that row alone.
#include "native.h"
#include "share.h"
#include "vector.h"

#include <algorithm>
#include <cmath>

namespace flexserve {
namespace {

template <class E>
inline vf rounded(vf x) {
  E part[W];
  store(part, x);
  return load(part);
}

template <class E>
struct RmsNorm {
  const FlexserveRmsNorm& call;

  void operator()(int64_t row) const {
    const E* x = (const E*)call.x + row * call.depth;
    E* out = (E*)call.out + row * call.depth;
    const vf factor = broadcast(1.0f / std::sqrt(mean_square(x) + (float)call.epsilon));
    for (int64_t k = 0; k < call.depth; k += W) {
      const int64_t n = std::min<int64_t>(W, call.depth - k);
      vf y = load_part(x + k, n) * factor;
      if (call.rounds_first) y = rounded<E>(y);
      store_part(out + k, y * load_part(call.weight + k, n), n);
    }
  }
  void done() const {}

 private:
  float mean_square(const E* x) const {
    vf sum{};
    for (int64_t k = 0; k < call.depth; k += W) {
      const vf part = load_part(x + k, std::min<int64_t>(W, call.depth - k));
      sum = fma(part, part, sum);
    }
    float total = 0;
    for (int i = 0; i < W; ++i) total += sum[i];
    return total / (float)call.depth;
  }
};

}  // namespace
}  // namespace flexserve

// 0, or 1 for a dtype that it does not compute.
FLEXSERVE_EXPORT int flexserve_rms_norm(const FlexserveRmsNorm* call, FlexserveParallel parallel) {
  using namespace flexserve;
  const int64_t work = call->rows * call->depth * 4;
  switch (call->dtype) {
    case FLEXSERVE_FP32: share(call->rows, work, call->num_threads, parallel, RmsNorm<float>{*call}); return 0;
    case FLEXSERVE_BF16: share(call->rows, work, call->num_threads, parallel, RmsNorm<bf16>{*call}); return 0;
    default: return 1;
  }
}
