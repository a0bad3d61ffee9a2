// Strips of columns dealt out to threads one by one; whoever is free takes the next.
#pragma once

#include <atomic>
#include <cstdint>

#include "native.h"

namespace flexserve {

constexpr int64_t SERIAL_WORK = 1 << 15;  // multiply-adds below which waking threads costs more

template <class Body>
class Strips {
 public:
  Strips(int64_t count, const Body& body) : count_(count), body_(body) {}

  void take() {
    for (int64_t strip; (strip = next_.fetch_add(1)) < count_;) body_(strip);
    body_.done();
  }

 private:
  const int64_t count_;
  const Body& body_;
  std::atomic<int64_t> next_{0};
};

// body(strip) for every strip below count; body.done() where a thread has no more.
template <class Body>
void share(int64_t count, int64_t work, int64_t num_threads, FlexserveParallel parallel, const Body& body) {
  Strips<Body> strips(count, body);
  if (parallel && num_threads > 1 && work > SERIAL_WORK && count > 1) {
    // Always the full team: a team of another size would make the runtime rebuild its pool.
    parallel([](void* self) { static_cast<Strips<Body>*>(self)->take(); }, &strips, (unsigned)num_threads, 0);
  } else {
    strips.take();
  }
}

}  // namespace flexserve
