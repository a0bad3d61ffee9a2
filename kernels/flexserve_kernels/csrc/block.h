// Attention of some queries over one block of 64 keys that is already laid out for it: dot products, online
// softmax, weighted sum of values. Knows nothing of slots, plans or threads.
//
// A query's arithmetic is the same whether it comes alone or with others: each sum runs over the head dimension
// or over the keys front to back, and one vector lane belongs to one key (scores) or one value column (outputs).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "vector.h"

namespace flexserve {

constexpr int BLOCK = 64;           // keys
constexpr int VECTORS = BLOCK / W;  // of a block's scores
constexpr float NONE = -std::numeric_limits<float>::infinity();

// How many queries share a loaded vector, and how many vectors they take at once: what fits the registers.
#if defined(__AVX512F__)
constexpr int QUERIES = 4, COLUMNS = 4;
#elif defined(__AVX2__)
constexpr int QUERIES = 4, COLUMNS = 2;
#else
constexpr int QUERIES = 2, COLUMNS = 4;
#endif

// How a dot product becomes a logit, in this order.
struct ScoreRules {
  float scale;
  float softcap;              // 0: none
  const float* alibi_slopes;  // per head; null: none
  const float* key_bias;      // [head, logical position]; null: none
  int64_t num_biased_positions;
};

// A query's part of the block: it sees the keys [begin, end). `distance` is the logical position `base` of the
// block's first key minus the query's own, `head` its query head.
struct Query {
  int64_t index;
  int begin, end;
  float distance;
  int64_t head, base;
};

// All of a thread's memory for one unit of work on n queries: q [n, D], keys [D, 64], values [64, V], out [n, V],
// highest and total [n], scores [QUERIES, 64], where V is Dv filled up to whole vectors.
struct Workspace {
  std::vector<float> memory;
  std::vector<Query> queries;
  int64_t dim, v_dim, v_width;
  float *q, *keys, *values, *out, *highest, *total, *scores;

  void reserve(int64_t n, int64_t dim_, int64_t v_dim_) {
    dim = dim_;
    v_dim = v_dim_;
    v_width = (v_dim + W - 1) / W * W;
    const int64_t sizes[] = {n * dim, dim * BLOCK, BLOCK * v_width, n * v_width, n, n, QUERIES * BLOCK};
    float** const parts[] = {&q, &keys, &values, &out, &highest, &total, &scores};
    const auto rounded = [](int64_t size) { return (size + 15) / 16 * 16; };  // to cache lines
    int64_t sum = 16;
    for (int64_t size : sizes) sum += rounded(size);
    if ((int64_t)memory.size() < sum) memory.resize(sum);
    float* next = memory.data() + (-(uintptr_t)memory.data() & 63) / sizeof(float);
    for (int i = 0; i < 7; ++i) {
      *parts[i] = next;
      next += rounded(sizes[i]);
    }
  }
};

// scores[n, j] = q[n] . keys[j] for the keys before `last`, rounded up to whole vectors.
template <int N>
void dot_products(const Query* queries, int last, Workspace& w) {
  const float* q[N];
  for (int n = 0; n < N; ++n) q[n] = w.q + queries[n].index * w.dim;
  for (int j = 0; j < last; j += COLUMNS * W) {
    vf sum[N][COLUMNS] = {};
    const float* keys = w.keys + j;
    for (int64_t d = 0; d < w.dim; ++d, keys += BLOCK) {
      vf k[COLUMNS];
      for (int i = 0; i < COLUMNS; ++i) k[i] = load(keys + i * W);
      for (int n = 0; n < N; ++n)
        for (int i = 0; i < COLUMNS; ++i) sum[n][i] = fma(broadcast(q[n][d]), k[i], sum[n][i]);
    }
    for (int n = 0; n < N; ++n)
      for (int i = 0; i < COLUMNS; ++i) store(w.scores + n * BLOCK + j + i * W, sum[n][i]);
  }
}

// One vector of logits from dot products; -inf for keys the query does not see.
inline vf logits(const Query& query, const ScoreRules& rules, int first, vf dots) {
  const vi j = iota() + first;
  vf x = dots * broadcast(rules.scale);
  if (rules.softcap > 0) {
    const vf cap = broadcast(rules.softcap);
    x = hyperbolic_tangent(x / cap) * cap;
  }
  if (rules.alibi_slopes) {
    const vf distance = __builtin_convertvector(j, vf) + query.distance;
    x = fma(broadcast(rules.alibi_slopes[query.head]), distance, x);
  }
  if (rules.key_bias) {  // read no further than the query sees: the table may end there
    const float* bias = rules.key_bias + query.head * rules.num_biased_positions + query.base + first;
    x = x + load_part(bias, std::min(W, query.end - first));
  }
  return (j >= query.begin) & (j < query.end) ? x : broadcast(NONE);
}

// By halves, whatever W is: (0 + 32) + (16 + 48) ...
inline float sum_block(vf* x) {
  for (int step = VECTORS / 2; step; step /= 2)
    for (int i = 0; i < step; ++i) x[i] = x[i] + x[i + step];
  float lanes[W];
  store(lanes, x[0]);
  for (int step = W / 2; step; step /= 2)
    for (int i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  return lanes[0];
}

// Turns a query's dot products into unnormalised weights and rescales what earlier blocks have left.
inline void softmax(const Query& query, const ScoreRules& rules, float* scores, Workspace& w) {
  vf x[VECTORS];
  vf top = broadcast(NONE);
  for (int i = 0; i < VECTORS; ++i) {
    const bool unseen = i * W >= query.end || (i + 1) * W <= query.begin;
    x[i] = unseen ? broadcast(NONE) : logits(query, rules, i * W, load(scores + i * W));
    top = maximum(x[i], top);
  }
  const float before = w.highest[query.index];
  float now = before;
  for (int i = 0; i < W; ++i) now = top[i] > now ? top[i] : now;
  for (int i = 0; i < VECTORS; ++i) {
    x[i] = exponential(x[i] - now);
    store(scores + i * W, x[i]);
  }
  if (now != before) {
    const float factor = exponential(before - now);
    float* out = w.out + query.index * w.v_width;
    for (int64_t i = 0; i < w.v_width; i += W) store(out + i, load(out + i) * factor);
    w.total[query.index] *= factor;
    w.highest[query.index] = now;
  }
  w.total[query.index] += sum_block(x);
}

// out[n] += the sum over j in [begin, end), in this order, of weights[n, j] * values[j], in C vectors from `at` on.
template <int N, int C>
void add_columns(const Query* queries, int begin, int end, const float* weights, int64_t at, Workspace& w) {
  vf sum[N][C];
  for (int n = 0; n < N; ++n)
    for (int i = 0; i < C; ++i) sum[n][i] = load(w.out + queries[n].index * w.v_width + at + i * W);
  for (int j = begin; j < end; ++j) {
    vf v[C];
    for (int i = 0; i < C; ++i) v[i] = load(w.values + j * w.v_width + at + i * W);
    for (int n = 0; n < N; ++n)
      for (int i = 0; i < C; ++i) sum[n][i] = fma(broadcast(weights[n * BLOCK + j]), v[i], sum[n][i]);
  }
  for (int n = 0; n < N; ++n)
    for (int i = 0; i < C; ++i) store(w.out + queries[n].index * w.v_width + at + i * W, sum[n][i]);
}

template <int N>
void add_values(const Query* queries, int begin, int end, const float* weights, Workspace& w) {
  if (begin >= end) return;
  int64_t at = 0;
  for (; at + COLUMNS * W <= w.v_width; at += COLUMNS * W)
    add_columns<N, COLUMNS>(queries, begin, end, weights, at, w);
  for (; at < w.v_width; at += W) add_columns<N, 1>(queries, begin, end, weights, at, w);
}

template <int N>
void attend(const Query* queries, const ScoreRules& rules, Workspace& w) {
  int begin = 0, end = BLOCK, last = 0;  // [begin, end): the keys that all of them see
  for (int n = 0; n < N; ++n) {
    begin = std::max(begin, queries[n].begin);
    end = std::min(end, queries[n].end);
    last = std::max(last, queries[n].end);
  }
  end = std::max(begin, end);
  dot_products<N>(queries, last, w);
  for (int n = 0; n < N; ++n) softmax(queries[n], rules, w.scores + n * BLOCK, w);
  // A key that a query does not see is left out, not weighted with zero: it may hold a stranger's NaN.
  for (int n = 0; n < N; ++n)
    add_values<1>(queries + n, queries[n].begin, std::min(begin, queries[n].end), w.scores + n * BLOCK, w);
  add_values<N>(queries, begin, end, w.scores, w);
  for (int n = 0; n < N; ++n)
    add_values<1>(queries + n, std::max(end, queries[n].begin), queries[n].end, w.scores + n * BLOCK, w);
}

// All queries collected in the workspace, then none.
inline void attend_collected(const ScoreRules& rules, Workspace& w) {
  size_t i = 0;
  for (; i + QUERIES <= w.queries.size(); i += QUERIES) attend<QUERIES>(&w.queries[i], rules, w);
  for (; i < w.queries.size(); ++i) attend<1>(&w.queries[i], rules, w);
  w.queries.clear();
}

// The same as an object: keys, values and queries of type E go in, finished queries of type O come out.
template <class E, class O>
class LaneBlock {
 public:
  std::vector<Query>& queries = w_.queries;

  static void begin() {}
  static void end() {}
  void reserve(int64_t n, int64_t dim, int64_t v_dim) { w_.reserve(n, dim, v_dim); }
  void attend(const ScoreRules& rules) { attend_collected(rules, w_); }

  // A sink is a key that comes before all others and has the value zero; null: none.
  void start(int64_t index, const E* q, const float* sink) {
    convert(q, w_.dim, w_.q + index * w_.dim);
    std::fill_n(w_.out + index * w_.v_width, w_.v_width, 0.0f);
    w_.highest[index] = sink ? *sink : NONE;
    w_.total[index] = sink ? 1.0f : 0.0f;
  }

  void finish(int64_t index, O* out) const {
    const vf total = broadcast(w_.total[index]);
    for (int64_t i = 0; i < w_.v_dim; i += W)
      store_part(out + i, load(w_.out + index * w_.v_width + i) / total, std::min<int64_t>(W, w_.v_dim - i));
  }

  // Keys and values [from, to) of the block; entry(j) points to them.
  template <class Entry>
  void put(int64_t from, int64_t to, const Entry& entry) {
    for (int64_t j = from; j < to; ++j) convert(entry(j).value, w_.v_dim, w_.values + j * w_.v_width);
    if (to - from == 1) return put_key(from, entry(from).key);
    for (int64_t j = from / W * W; j < to; j += W) put_keys(j, from, to, entry);
  }

 private:
  Workspace w_;

  static void convert(const E* from, int64_t n, float* to) {
    for (int64_t i = 0; i < n; i += W) {
      const int64_t part = std::min<int64_t>(W, n - i);
      store_part(to + i, load_part(from + i, part), part);
    }
  }

  void put_key(int64_t j, const E* key) {
    for (int64_t d = 0; d < w_.dim; d += W) {
      const int64_t part = std::min<int64_t>(W, w_.dim - d);
      const vf some = load_part(key + d, part);
      for (int64_t i = 0; i < part; ++i) w_.keys[(d + i) * BLOCK + j] = some[i];
    }
  }

  // Keys j .. j + W into W columns; those outside [from, to) become zero, as nobody looks at them.
  template <class Entry>
  void put_keys(int64_t j, int64_t from, int64_t to, const Entry& entry) {
    static const E zeros[W] = {};
    const E* rows[W];
    for (int i = 0; i < W; ++i) rows[i] = j + i >= from && j + i < to ? entry(j + i).key : nullptr;
    for (int64_t d = 0; d < w_.dim; d += W) {
      const int64_t part = std::min<int64_t>(W, w_.dim - d);
      vf square[W];
      for (int i = 0; i < W; ++i) square[i] = load_part(rows[i] ? rows[i] + d : zeros, part);
      transpose(square);
      for (int i = 0; i < part; ++i) store(w_.keys + (d + i) * BLOCK + j, square[i]);
    }
  }
};

}  // namespace flexserve
