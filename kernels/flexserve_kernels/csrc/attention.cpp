// Attention of packed rows over a paged cache: tree_attention of reference/attention.py, fast.
//
// The order of every sum belongs to the row alone. Keys go in blocks of 64 logical positions that start at
// multiples of 64; in a block a score is summed over the head dimension front to back, the softmax is kept
// online from block to block (Milakov and Gimelshein, 2018), values are added in logical order. Rows of one
// sequence share the work of loading a block, not the arithmetic. A unit of work is (up to 32 rows of one
// sequence, one key/value head); which thread takes it changes nothing.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "native.h"
#include "vector.h"

namespace flexserve {
namespace {

constexpr int BLOCK = 64;             // keys
constexpr int VECTORS = BLOCK / W;    // of a block's scores
constexpr int MAX_ROWS = 32;          // of a tile
constexpr int MAX_QUERIES = 256;      // of a tile, unless one row alone has more heads
constexpr int64_t SERIAL_WORK = 1 << 19;  // multiply-adds below which waking threads does not pay
constexpr float NONE = -std::numeric_limits<float>::infinity();

// How many queries share a loaded key, and how many vectors of keys they take at once: what fits the registers.
#if defined(__AVX512F__)
constexpr int QUERIES = 4, KEY_VECTORS = 4;
#elif defined(__AVX2__)
constexpr int QUERIES = 4, KEY_VECTORS = 2;
#else
constexpr int QUERIES = 2, KEY_VECTORS = 4;
#endif

struct Tile {
  int64_t group;
  const int64_t* rows;
  int num_rows;
};

// A row's part of one block: it sees the keys [begin, end) of the block.
struct Query {
  int index;  // within the tile: row * heads per key/value head + head
  int begin, end;
};

struct Workspace {
  std::vector<float> memory;
  float *q, *keys, *values, *out, *highest, *total, *scores;
  std::vector<Query> queries;

  // [n, D] queries, [D, 64] keys, [64, V] values, [n, V] outputs, where V is Dv filled up to whole vectors.
  void reserve(int64_t n, int64_t dim, int64_t v_width) {
    const int64_t sizes[] = {n * dim, dim * BLOCK, BLOCK * v_width, n * v_width, n, n, QUERIES * BLOCK};
    float** parts[] = {&q, &keys, &values, &out, &highest, &total, &scores};
    int64_t sum = 16;
    for (int64_t size : sizes) sum += (size + 15) / 16 * 16;
    if ((int64_t)memory.size() < sum) memory.resize(sum);
    float* next = memory.data() + (64 - (uintptr_t)memory.data() % 64) % 64 / sizeof(float);
    for (int i = 0; i < 7; ++i) {
      *parts[i] = next;
      next += (sizes[i] + 15) / 16 * 16;
    }
    queries.reserve(n);
  }
};

// E: type of q and the caches. O: type of the output.
template <class E, class O>
class Attention {
 public:
  Attention(const FlexservePlan& plan, const FlexserveAttention& call)
      : plan_(plan), call_(call), per_kv_head_(call.num_heads / call.num_kv_heads),
        v_width_((call.v_dim + W - 1) / W * W) {}

  // Returns 0, or 1 where the plan leads outside the cache or contradicts itself; then `out` is not to be used.
  int run(FlexserveParallel parallel) {
    if (!make_tiles()) return 1;
    const int64_t units = (int64_t)tiles_.size() * call_.num_kv_heads;
    const int64_t threads = work_ > SERIAL_WORK ? std::min(call_.num_threads, units) : 1;
    if (parallel && threads > 1) {
      // Always the full team: a team of another size would make the runtime rebuild its pool.
      parallel([](void* self) { static_cast<Attention*>(self)->take_units(); }, this, call_.num_threads, 0);
    } else {
      take_units();
    }
    return failed_.load();
  }

 private:
  const FlexservePlan& plan_;
  const FlexserveAttention& call_;
  const int64_t per_kv_head_, v_width_;
  std::vector<int64_t> rows_;  // sorted by group
  std::vector<Tile> tiles_;
  int64_t work_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<int> failed_{0};

  bool make_tiles() {
    std::vector<int64_t> start(plan_.num_groups + 1, 0);
    for (int64_t row = 0; row < plan_.num_rows; ++row) {
      const int64_t g = plan_.group[row];
      if (g < 0 || g >= plan_.num_groups) return false;
      const int64_t n = plan_.trunk_length[g], position = plan_.positions[row];
      if (n < 0 || n > plan_.trunk_width || position < 0 || position >= n + plan_.tail_width) return false;
      start[g + 1]++;
      work_ += (position + 1 - first_key(position)) * call_.num_heads * (call_.dim + call_.v_dim);
    }
    for (int64_t g = 0; g < plan_.num_groups; ++g) start[g + 1] += start[g];
    rows_.resize(plan_.num_rows);
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t row = 0; row < plan_.num_rows; ++row) rows_[next[plan_.group[row]]++] = row;
    const int64_t step = std::max<int64_t>(1, std::min<int64_t>(MAX_ROWS, MAX_QUERIES / per_kv_head_));
    for (int64_t g = 0; g < plan_.num_groups; ++g)
      for (int64_t i = start[g]; i < start[g + 1]; i += step)
        tiles_.push_back({g, &rows_[i], (int)std::min(step, start[g + 1] - i)});
    return true;
  }

  int64_t first_key(int64_t position) const {
    return call_.window > 0 && position >= call_.window ? position + 1 - call_.window : 0;
  }

  void take_units() {
    static thread_local Workspace workspace;
    const int64_t units = (int64_t)tiles_.size() * call_.num_kv_heads;
    for (int64_t unit; (unit = next_.fetch_add(1)) < units;)
      attend(tiles_[unit / call_.num_kv_heads], unit % call_.num_kv_heads, workspace);
  }

  void attend(const Tile& tile, int64_t kv_head, Workspace& w) {
    const int64_t n = tile.num_rows * per_kv_head_;
    w.reserve(n, call_.dim, v_width_);
    int64_t first = std::numeric_limits<int64_t>::max(), last = 0;
    for (int r = 0; r < tile.num_rows; ++r) {
      const int64_t row = tile.rows[r], position = plan_.positions[row];
      first = std::min(first, first_key(position));
      last = std::max(last, position);
      for (int64_t h = 0; h < per_kv_head_; ++h) start_query(w, r * per_kv_head_ + h, row, kv_head * per_kv_head_ + h);
    }
    for (int64_t base = first / BLOCK * BLOCK; base <= last; base += BLOCK) {
      if (!load_trunk(tile, kv_head, base, std::max(first, base), last + 1, w)) return;
      if (!attend_block(tile, kv_head, base, w)) return;
    }
    for (int r = 0; r < tile.num_rows; ++r)
      for (int64_t h = 0; h < per_kv_head_; ++h)
        finish_query(w, r * per_kv_head_ + h, tile.rows[r], kv_head * per_kv_head_ + h);
  }

  // A sink is a key that comes before all others and has the value zero.
  void start_query(Workspace& w, int64_t index, int64_t row, int64_t head) {
    convert((const E*)call_.q + row * call_.q_row + head * call_.q_head, call_.dim, w.q + index * call_.dim);
    for (int64_t i = 0; i < v_width_; ++i) w.out[index * v_width_ + i] = 0.0f;
    w.highest[index] = call_.sinks ? call_.sinks[head] : NONE;
    w.total[index] = call_.sinks ? 1.0f : 0.0f;
  }

  void finish_query(Workspace& w, int64_t index, int64_t row, int64_t head) {
    O* out = (O*)call_.out + (row * call_.num_heads + head) * call_.v_dim;
    const vf total = broadcast(w.total[index]);
    int64_t i = 0;
    for (; i + W <= call_.v_dim; i += W) store(out + i, load(w.out + index * v_width_ + i) / total);
    if (i < call_.v_dim) store_part(out + i, load(w.out + index * v_width_ + i) / total, call_.v_dim - i);
  }

  static void convert(const E* from, int64_t n, float* to) {
    int64_t i = 0;
    for (; i + W <= n; i += W) store(to + i, load(from + i));
    if (i < n) store_part(to + i, load_part(from + i, n - i), n - i);
  }

  // The part of the block that the tile's rows share, in logical positions [from, to) cut to trunk and block.
  bool load_trunk(const Tile& tile, int64_t kv_head, int64_t base, int64_t from, int64_t to, Workspace& w) {
    const int64_t* slots = plan_.trunk_slots + tile.group * plan_.trunk_width;
    to = std::min({to, base + BLOCK, plan_.trunk_length[tile.group]});
    for (int64_t j = from; j < to; ++j)
      if (!in_cache(slots[j])) return false;
    for (int64_t j = from - base; j < to - base; ++j) load_value(slots[base + j], kv_head, j, w);
    for (int64_t j = (from - base) / W * W; j < to - base; j += W) load_keys(slots + base, kv_head, j, from - base, to - base, w);
    return true;
  }

  bool in_cache(int64_t slot) {
    if (slot >= 0 && slot < call_.num_slots) return true;
    failed_.store(1);
    return false;
  }

  const E* key(int64_t slot, int64_t kv_head) const { return (const E*)call_.k + slot * call_.k_slot + kv_head * call_.k_head; }

  void load_value(int64_t slot, int64_t kv_head, int64_t j, Workspace& w) {
    convert((const E*)call_.v + slot * call_.v_slot + kv_head * call_.v_head, call_.v_dim, w.values + j * v_width_);
  }

  // Keys j .. j + W of the block into W columns of w.keys; those outside [from, to) become zero.
  void load_keys(const int64_t* slots, int64_t kv_head, int64_t j, int64_t from, int64_t to, Workspace& w) {
    static const E zeros[W] = {};
    const E* rows[W];
    for (int i = 0; i < W; ++i) rows[i] = j + i >= from && j + i < to ? key(slots[j + i], kv_head) : nullptr;
    int64_t d = 0;
    for (; d + W <= call_.dim; d += W) {
      vf square[W];
      for (int i = 0; i < W; ++i) square[i] = load(rows[i] ? rows[i] + d : zeros);
      transpose(square);
      for (int i = 0; i < W; ++i) store(w.keys + (d + i) * BLOCK + j, square[i]);
    }
    for (int i = 0; i < W && d < call_.dim; ++i) {
      float rest[W];
      store(rest, rows[i] ? load_part(rows[i] + d, call_.dim - d) : vf{});
      for (int64_t e = d; e < call_.dim; ++e) w.keys[e * BLOCK + j + i] = rest[e - d];
    }
  }

  bool attend_block(const Tile& tile, int64_t kv_head, int64_t base, Workspace& w) {
    const int64_t trunk_length = plan_.trunk_length[tile.group];
    w.queries.clear();
    for (int r = 0; r < tile.num_rows; ++r) {
      const int64_t position = plan_.positions[tile.rows[r]];
      const int64_t begin = std::max(first_key(position), base), end = std::min(position + 1, base + BLOCK);
      if (begin >= end) continue;
      const bool own = end > trunk_length;
      if (own) {  // its own path goes on top of the shared part, so the rows before it must be done
        attend_queries(tile, kv_head, base, w);
        if (!load_tail(tile.rows[r], kv_head, base, std::max(begin, trunk_length), end, trunk_length, w)) return false;
      }
      for (int64_t h = 0; h < per_kv_head_; ++h)
        w.queries.push_back({(int)(r * per_kv_head_ + h), (int)(begin - base), (int)(end - base)});
      if (own) attend_queries(tile, kv_head, base, w);
    }
    attend_queries(tile, kv_head, base, w);
    return true;
  }

  bool load_tail(int64_t row, int64_t kv_head, int64_t base, int64_t from, int64_t to, int64_t trunk_length, Workspace& w) {
    for (int64_t j = from; j < to; ++j) {
      const int64_t slot = plan_.tail_slots[row * plan_.tail_width + j - trunk_length];
      if (!in_cache(slot)) return false;
      load_value(slot, kv_head, j - base, w);
      load_column(key(slot, kv_head), j - base, w);
    }
    return true;
  }

  void load_column(const E* from, int64_t j, Workspace& w) {
    for (int64_t d = 0; d < call_.dim; d += W) {
      float part[W];
      const int n = (int)std::min<int64_t>(W, call_.dim - d);
      store(part, n == W ? load(from + d) : load_part(from + d, n));
      for (int i = 0; i < n; ++i) w.keys[(d + i) * BLOCK + j] = part[i];
    }
  }

  // All queries collected for this block, then none.
  void attend_queries(const Tile& tile, int64_t kv_head, int64_t base, Workspace& w) {
    size_t i = 0;
    for (; i + QUERIES <= w.queries.size(); i += QUERIES) attend_some<QUERIES>(tile, kv_head, base, &w.queries[i], w);
    for (; i < w.queries.size(); ++i) attend_some<1>(tile, kv_head, base, &w.queries[i], w);
    w.queries.clear();
  }

  template <int N>
  void attend_some(const Tile& tile, int64_t kv_head, int64_t base, const Query* queries, Workspace& w) {
    int begin = 0, end = BLOCK, last = 0;  // [begin, end): the keys that all of them see
    for (int n = 0; n < N; ++n) {
      begin = std::max(begin, queries[n].begin);
      end = std::min(end, queries[n].end);
      last = std::max(last, queries[n].end);
    }
    end = std::max(begin, end);
    dot_products<N>(queries, last, w);
    for (int n = 0; n < N; ++n) {
      const int64_t index = queries[n].index, row = tile.rows[index / per_kv_head_];
      const int64_t head = kv_head * per_kv_head_ + index % per_kv_head_;
      softmax(queries[n], (float)(base - plan_.positions[row]), head, w.scores + n * BLOCK, w);
    }
    for (int n = 0; n < N; ++n) add_values<1>(queries + n, queries[n].begin, std::min(begin, queries[n].end), w.scores + n * BLOCK, w);
    add_values<N>(queries, begin, end, w.scores, w);
    for (int n = 0; n < N; ++n) add_values<1>(queries + n, std::max(end, queries[n].begin), queries[n].end, w.scores + n * BLOCK, w);
  }

  // scores[n, j] = q[n] . k[j] for the keys before `last`, rounded up to whole vectors.
  template <int N>
  void dot_products(const Query* queries, int last, Workspace& w) {
    const float* q[N];
    for (int n = 0; n < N; ++n) q[n] = w.q + queries[n].index * call_.dim;
    for (int j = 0; j < last; j += KEY_VECTORS * W) {
      vf sum[N][KEY_VECTORS] = {};
      const float* keys = w.keys + j;
      for (int64_t d = 0; d < call_.dim; ++d, keys += BLOCK) {
        vf k[KEY_VECTORS];
        for (int i = 0; i < KEY_VECTORS; ++i) k[i] = load(keys + i * W);
        for (int n = 0; n < N; ++n)
          for (int i = 0; i < KEY_VECTORS; ++i) sum[n][i] = fma(broadcast(q[n][d]), k[i], sum[n][i]);
      }
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < KEY_VECTORS; ++i) store(w.scores + n * BLOCK + j + i * W, sum[n][i]);
    }
  }

  // Turns dot products into unnormalised weights; rescales what earlier blocks have left.
  // distance: logical position of the block's first key minus the row's.
  void softmax(const Query& query, float distance, int64_t head, float* scores, Workspace& w) {
    vf s[VECTORS];
    vf top = broadcast(NONE);
    for (int i = 0; i < VECTORS; ++i) {
      const vi j = iota() + i * W;
      s[i] = broadcast(NONE);
      if (i * W >= query.end || (i + 1) * W <= query.begin) continue;
      vf logit = load(scores + i * W) * broadcast((float)call_.scale);
      if (call_.softcap > 0) {
        const vf cap = broadcast((float)call_.softcap);
        logit = hyperbolic_tangent(logit / cap) * cap;
      }
      if (call_.alibi_slopes)
        logit = fma(broadcast(call_.alibi_slopes[head]), __builtin_convertvector(j, vf) + distance, logit);
      s[i] = (j >= query.begin) & (j < query.end) ? logit : s[i];
      top = maximum(s[i], top);
    }
    float& highest = w.highest[query.index];
    float now = highest;
    for (int i = 0; i < W; ++i) now = top[i] > now ? top[i] : now;
    for (int i = 0; i < VECTORS; ++i) {
      s[i] = exponential(s[i] - now);
      store(scores + i * W, s[i]);
    }
    for (int step = VECTORS / 2; step; step /= 2)
      for (int i = 0; i < step; ++i) s[i] = s[i] + s[i + step];
    float lanes[W];
    store(lanes, s[0]);
    for (int step = W / 2; step; step /= 2)
      for (int i = 0; i < step; ++i) lanes[i] += lanes[i + step];
    if (now != highest) rescale(query.index, exponential(highest - now), w);
    highest = now;
    w.total[query.index] += lanes[0];
  }

  void rescale(int64_t index, float factor, Workspace& w) {
    float* out = w.out + index * v_width_;
    for (int64_t i = 0; i < v_width_; i += W) store(out + i, load(out + i) * factor);
    w.total[index] *= factor;
  }

  // out[n] += sum over j in [begin, end), in this order, of weights[n, j] * values[j].
  template <int N>
  void add_values(const Query* queries, int begin, int end, const float* weights, Workspace& w) {
    if (begin >= end) return;
    int64_t at = 0;
    for (; at + KEY_VECTORS * W <= v_width_; at += KEY_VECTORS * W)
      add_columns<N, KEY_VECTORS>(queries, begin, end, weights, at, w);
    for (; at < v_width_; at += W) add_columns<N, 1>(queries, begin, end, weights, at, w);
  }

  template <int N, int COLUMNS>
  void add_columns(const Query* queries, int begin, int end, const float* weights, int64_t at, Workspace& w) {
    vf sum[N][COLUMNS];
    for (int n = 0; n < N; ++n)
      for (int i = 0; i < COLUMNS; ++i) sum[n][i] = load(w.out + queries[n].index * v_width_ + at + i * W);
    for (int j = begin; j < end; ++j) {
      vf v[COLUMNS];
      for (int i = 0; i < COLUMNS; ++i) v[i] = load(w.values + j * v_width_ + at + i * W);
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < COLUMNS; ++i) sum[n][i] = fma(broadcast(weights[n * BLOCK + j]), v[i], sum[n][i]);
    }
    for (int n = 0; n < N; ++n)
      for (int i = 0; i < COLUMNS; ++i) store(w.out + queries[n].index * v_width_ + at + i * W, sum[n][i]);
  }
};

}  // namespace
}  // namespace flexserve

FLEXSERVE_EXPORT int64_t flexserve_abi() { return FLEXSERVE_ABI; }

FLEXSERVE_EXPORT int flexserve_attention(
    const FlexservePlan* plan, const FlexserveAttention* call, FlexserveParallel parallel) {
  using namespace flexserve;
  switch (call->dtype) {
    case FLEXSERVE_FP32: return Attention<float, float>(*plan, *call).run(parallel);
    case FLEXSERVE_BF16: return Attention<bf16, bf16>(*plan, *call).run(parallel);
    default: return Attention<fp16, float>(*plan, *call).run(parallel);
  }
}
