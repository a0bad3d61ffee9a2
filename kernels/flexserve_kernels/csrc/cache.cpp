// Writing rows of the int8 cache.
#include "cache.h"
#include "native.h"
#include "share.h"

namespace flexserve {
namespace {

template <class E>
struct Append {
  const FlexserveAppend& call;

  void operator()(int64_t row) const {
    const int64_t first = call.slots[row] * call.num_kv_heads;
    for (int64_t head = 0; head < call.num_kv_heads; ++head) {
      pack_cache_row((const E*)call.k + row * call.k_row + head * call.k_head, call.dim,
                     (int8_t*)call.k_cache + (first + head) * (call.dim + SCALE_BYTES));
      pack_cache_row((const E*)call.v + row * call.v_row + head * call.v_head, call.v_dim,
                     (int8_t*)call.v_cache + (first + head) * (call.v_dim + SCALE_BYTES));
    }
  }
  void done() const {}
};

template <class E>
int append(const FlexserveAppend& call, FlexserveParallel parallel) {
  for (int64_t row = 0; row < call.num_rows; ++row)
    if (call.slots[row] < 0 || call.slots[row] >= call.num_slots) return 1;
  const int64_t work = call.num_rows * call.num_kv_heads * (call.dim + call.v_dim);
  share(call.num_rows, work, call.num_threads, parallel, Append<E>{call});
  return 0;
}

}  // namespace
}  // namespace flexserve

// 0, or 1 where a slot lies outside the cache; then nothing is written.
FLEXSERVE_EXPORT int flexserve_append_int8(const FlexserveAppend* call, FlexserveParallel parallel) {
  using namespace flexserve;
  switch (call->dtype) {
    case FLEXSERVE_FP32: return append<float>(*call, parallel);
    case FLEXSERVE_BF16: return append<bf16>(*call, parallel);
    case FLEXSERVE_FP16: return append<fp16>(*call, parallel);
    default: return 1;
  }
}
