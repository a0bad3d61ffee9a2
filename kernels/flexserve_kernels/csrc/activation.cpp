// Elementwise activations. Every number goes through the same vector function, a ragged end included, so its
// result depends on nothing beside it.
#include <algorithm>
#include <atomic>
#include <cstddef>

#include "native.h"
#include "vector.h"

namespace flexserve {
namespace {

constexpr int64_t SERIAL_ELEMENTS = 1 << 15;  // below this, waking threads does not pay

// x / (1 + e^-x)
inline vf silu(vf x) { return x / (1.0f + exponential(-x)); }

// 0.5 x (1 + tanh u) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is x / (1 + e^-2u)
inline vf gelu_tanh(vf x) {
  const vf minus_two_u = x * fma(x * x, broadcast(-0.0713548163f), broadcast(-1.59576912f));
  return x / (1.0f + exponential(minus_two_u));
}

// max(x, 0) - z erfc(z) / sqrt(2) with z = |x| / sqrt(2). e^(z^2) erfc(z) is a polynomial in t = 1 / (1 + 0.3 z),
// fitted for least relative error over z <= 9.3 (2e-8, before rounding); behind that nothing is left of the term.
inline vf gelu(vf x) {
  const float coefficients[] = {-0.129375753f, 0.484789419f, -0.510533334f, 0.545519878f, -0.0929562127f,
                                0.214111069f,  0.148577855f, 0.170676364f,  0.169190695f};
  const vf size = x < 0.0f ? -x : x;
  const vf cut = size > 13.0f ? broadcast(13.0f) : size;
  const vf t = 1.0f / fma(cut, broadcast(0.3f * 0.707106781f), broadcast(1.0f));
  vf y = broadcast(0.0f);
  for (float c : coefficients) y = fma(y, t, broadcast(c));
  const vf tail = 0.5f * cut * (y * t * exponential(-0.5f * cut * cut));
  return (x > 0.0f ? x : broadcast(0.0f)) - tail;
}

template <class E>
struct Work {
  const E* in;
  E* out;
  int64_t size, piece;
  std::atomic<int64_t> next{0};
};

template <class E, vf (*F)(vf)>
void take_pieces(void* data) {
  Work<E>& work = *static_cast<Work<E>*>(data);
  for (int64_t i; (i = work.next.fetch_add(work.piece)) < work.size;) {
    const int64_t end = std::min(i + work.piece, work.size);
    for (; i + W <= end; i += W) store(work.out + i, F(load(work.in + i)));
    if (i < end) store_part(work.out + i, F(load_part(work.in + i, end - i)), end - i);
  }
}

template <class E, vf (*F)(vf)>
void apply(const void* in, void* out, int64_t size, int64_t num_threads, FlexserveParallel parallel) {
  const bool alone = !parallel || num_threads < 2 || size < SERIAL_ELEMENTS;
  Work<E> work{(const E*)in, (E*)out, size, alone ? std::max<int64_t>(size, 1) : SERIAL_ELEMENTS / 8};
  if (alone)
    take_pieces<E, F>(&work);
  else
    parallel(take_pieces<E, F>, &work, num_threads, 0);
}

template <vf (*F)(vf)>
int apply_to(int64_t dtype, const void* in, void* out, int64_t size, int64_t threads, FlexserveParallel parallel) {
  switch (dtype) {
    case FLEXSERVE_FP32: apply<float, F>(in, out, size, threads, parallel); return 0;
    case FLEXSERVE_BF16: apply<bf16, F>(in, out, size, threads, parallel); return 0;
    default: return 1;
  }
}

}  // namespace
}  // namespace flexserve

// kind: 0 SiLU, 1 GELU (tanh form), 2 GELU. in, out: `size` numbers of dtype (fp32 or bf16), contiguous.
// Returns 0, or 1 for what it does not know.
FLEXSERVE_EXPORT int flexserve_activation(
    int64_t kind, int64_t dtype, const void* in, void* out, int64_t size, int64_t num_threads, FlexserveParallel parallel) {
  using namespace flexserve;
  switch (kind) {
    case 0: return apply_to<silu>(dtype, in, out, size, num_threads, parallel);
    case 1: return apply_to<gelu_tanh>(dtype, in, out, size, num_threads, parallel);
    case 2: return apply_to<gelu>(dtype, in, out, size, num_threads, parallel);
    default: return 1;
  }
}
