// Attention of some queries over one block of 64 keys by AMX tiles, for bf16: what block.h does in vectors.
//
// Scores are keys x queries, one vector lane a query: 16 queries have a place in a tile from beginning to end, whoever
// else comes along. Weights are rounded to bf16 before they meet the values; sums are fp32, over the head dimension and
// over the keys front to back. A query that does not see the block keeps its bits.
#pragma once

#include "block.h"
#include "tile_entries.h"
#include "tiles.h"

#if FLEXSERVE_AMX

namespace flexserve {

class TileBlock {
 public:
  std::vector<Query> queries;

  static void begin() {
    const TileConfig config(LANES);
    _tile_loadconfig(&config);
  }
  static void end() { _tile_release(); }

  // For n queries, none of which has seen anything.
  void reserve(int64_t n, int64_t dim, int64_t v_dim) {
    const int64_t groups = up(n, LANES) / LANES;
    dim_ = dim, v_dim_ = v_dim, depth_tiles_ = up(dim, 32) / 32, v_width_ = up(v_dim, LANES);
    q_ = zeros<uint32_t>(memory_[0], groups * depth_tiles_ * TILE_BYTES / 4);
    out_ = zeros<float>(memory_[1], groups * LANES * v_width_);
    highest_ = zeros<float>(memory_[2], groups * LANES);
    total_ = zeros<float>(memory_[3], groups * LANES);
    entries_.reserve(dim, v_dim);
  }

  // A sink is a key that comes before all others and has the value zero; null: none.
  void start(int64_t index, const bf16* q, const float* sink) {
    uint32_t* tile = q_ + index / LANES * depth_tiles_ * (TILE_BYTES / 4) + index % LANES;
    for (int64_t d = 0; d < dim_; d += 2)
      tile[d / 2 * LANES] = q[d].bits | (d + 1 < dim_ ? (uint32_t)q[d + 1].bits << 16 : 0);
    highest_[index] = sink ? *sink * LOG2_E : NONE;
    total_[index] = sink ? 1.0f : 0.0f;
  }

  void finish(int64_t index, bf16* out) const {
    const vf total = broadcast(total_[index]);
    for (int64_t d = 0; d < v_dim_; d += W)
      store_part(out + d, load(out_ + index * v_width_ + d) / total, std::min<int64_t>(W, v_dim_ - d));
  }

  // Keys and values [from, to) of the block; entry(j) points to them.
  template <class Entry>
  void put(int64_t from, int64_t to, const Entry& entry) {
    entries_.put(from, to, entry);
  }

  // All collected queries, then none.
  void attend(const ScoreRules& rules) {
    written();
    for (size_t i = 0; i < queries.size();) {
      const int64_t group = queries[i].index / LANES;
      Seen seen;
      for (; i < queries.size() && queries[i].index / LANES == group; ++i) seen.add(queries[i], rules);
      attend_group(group, seen, rules);
    }
    queries.clear();
  }

 private:
  static constexpr int64_t LANES = TILE_ROWS;
  static constexpr float LOG2_E = 1.44269504088896341f;

  // What the queries of a group see of the block; lanes without one see nothing.
  struct Seen {
    const Query* query[LANES] = {};
    vi begin{}, end{}, active{};
    vf distance{}, slope{};
    int last = 0;  // nobody sees what is behind

    void add(const Query& own, const ScoreRules& rules) {
      const int lane = own.index % LANES;
      query[lane] = &own;
      begin[lane] = own.begin, end[lane] = own.end, active[lane] = -1;
      distance[lane] = own.distance;
      slope[lane] = rules.alibi_slopes ? rules.alibi_slopes[own.head] : 0;
      last = std::max(last, own.end);
    }
    // Whether all lanes that count see all keys before the last.
    bool whole() const { return !any(active & ((begin > 0) | (end < last))); }
    vi at(int j) const { return (begin <= j) & (end > j); }
  };

  void attend_group(int64_t group, const Seen& seen, const ScoreRules& rules) {
    multiply_keys(group, (seen.last + 15) / 16);
    const vf factor = softmax(group, seen, rules);
    for (int half = 0; half * 32 < seen.last; ++half) {  // [pair][query] to [query][pair]
      vf lines[16];
      for (int i = 0; i < 16; ++i) lines[i] = load((const float*)weights_[half * 16 + i]);
      transpose(lines);
      for (int i = 0; i < 16; ++i) store((float*)weight_tiles_[half][i], lines[i]);
    }
    written();
    for (int64_t column = 0; column < v_width_; column += 4 * LANES)
      add_values(group, seen, factor, column, std::min<int64_t>(4, (v_width_ - column) / LANES));
    if (entries_.any_rare()) add_rare(group, seen);
  }

  // scores_[key][query] = keys . queries, in tiles of 16 keys.
  void multiply_keys(int64_t group, int key_tiles) {
    clear_sums();
    for (int64_t t = 0; t < depth_tiles_; ++t) {
      _tile_loadd(4, q_ + (group * depth_tiles_ + t) * (TILE_BYTES / 4), 64);
      _tile_loadd(5, entries_.keys(0).data + t * 64, entries_.keys(0).stride);
      _tile_dpbf16ps(0, 5, 4);
      if (key_tiles > 1) {
        _tile_loadd(6, entries_.keys(1).data + t * 64, entries_.keys(1).stride);
        _tile_dpbf16ps(1, 6, 4);
      }
      if (key_tiles > 2) {
        _tile_loadd(7, entries_.keys(2).data + t * 64, entries_.keys(2).stride);
        _tile_dpbf16ps(2, 7, 4);
      }
      if (key_tiles > 3) {
        _tile_loadd(5, entries_.keys(3).data + t * 64, entries_.keys(3).stride);
        _tile_dpbf16ps(3, 5, 4);
      }
    }
    put_down(scores_[0]);
  }

  // Scores become weights, in pairs of keys; returns what earlier sums are to be multiplied with. Logits are kept in
  // powers of two, so that the scale of plain scores costs nothing.
  vf softmax(int64_t group, const Seen& seen, const ScoreRules& rules) {
    const bool plain = rules.scale > 0 && !(rules.softcap > 0) && !rules.alibi_slopes && !rules.key_bias;
    const float unit = plain ? rules.scale * LOG2_E : 1.0f;
    const bool whole = seen.whole();
    vf top = broadcast(NONE);
    for (int j = 0; j < seen.last; ++j) {
      vf x = load(scores_[j]);
      if (!plain) x = logits(seen, rules, j, x) * LOG2_E;
      if (!whole) x = seen.at(j) ? x : broadcast(NONE);
      if (!plain || !whole) store(scores_[j], x);
      top = maximum(x, top);
    }
    const vf before = load(highest_ + group * LANES), now = maximum(top * unit, before);
    if (seen.last % 2) store(scores_[seen.last], broadcast(NONE));
    const vf minus_now = -now;
    vf even{}, odd{};
    for (int j = 0; j < seen.last; j += 2) {
      const vf first = power_of_two(fma(load(scores_[j]), broadcast(unit), minus_now));
      const vf second = power_of_two(fma(load(scores_[j + 1]), broadcast(unit), minus_now));
      even = even + first;
      odd = odd + second;
      const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
      _mm512_store_si512(weights_[j / 2], _mm512_permutexvar_epi16(interleaved(), both));
    }
    for (int pair = (seen.last + 1) / 2; pair % 16; ++pair) store((float*)weights_[pair], vf{});
    const vf factor = now == before ? broadcast(1.0f) : power_of_two(before - now);
    const vf total = load(total_ + group * LANES);
    store(highest_ + group * LANES, seen.active ? now : before);
    store(total_ + group * LANES, seen.active ? fma(total, factor, even + odd) : total);
    return factor;
  }

  // 0, 16, 1, 17 ...
  static __m512i interleaved() {
    const vi lane = iota();
    return (__m512i)(lane | (lane + 16) << 16);
  }

  // 2^x for x <= 0 or so, within 3e-7; 0 below -126. Rounding to whole powers, then a polynomial fitted over [-0.5, 0.5].
  static vf power_of_two(vf x) {
    const __m512 whole = _mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const vf r = x - (vf)whole;
    vf y = broadcast(0.00132669704f);
    for (float c : {0.00967545975f, 0.0555074262f, 0.240221218f, 0.693146949f, 1.00000007f}) y = fma(y, r, broadcast(c));
    const __mmask16 kept = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);  // NaN is
    return (vf)_mm512_maskz_scalef_ps(kept, (__m512)y, whole);
  }

  static vf logits(const Seen& seen, const ScoreRules& rules, int j, vf dots) {
    vf x = dots * broadcast(rules.scale);
    if (rules.softcap > 0) {
      const vf cap = broadcast(rules.softcap);
      x = hyperbolic_tangent(x / cap) * cap;
    }
    if (rules.alibi_slopes) x = fma(seen.slope, seen.distance + (float)j, x);
    if (rules.key_bias) {
      vf bias{};
      for (int lane = 0; lane < LANES; ++lane)
        if (const Query* own = seen.query[lane]; own && j >= own->begin && j < own->end)
          bias[lane] = rules.key_bias[own->head * rules.num_biased_positions + own->base + j];
      x = x + bias;
    }
    return x;
  }

  // out = out * factor + weights . values, in `count` tiles of 16 columns from `column` on.
  void add_values(int64_t group, const Seen& seen, vf factor, int64_t column, int64_t count) {
    clear_sums();
    for (int half = 0; half * 32 < seen.last; ++half) {
      const uint32_t* values = entries_.pairs(half * 16) + column;
      _tile_loadd(4, weight_tiles_[half], 64);
      _tile_loadd(5, values, v_width_ * 4);
      _tile_dpbf16ps(0, 4, 5);
      if (count > 1) {
        _tile_loadd(6, values + 16, v_width_ * 4);
        _tile_dpbf16ps(1, 4, 6);
      }
      if (count > 2) {
        _tile_loadd(7, values + 32, v_width_ * 4);
        _tile_dpbf16ps(2, 4, 7);
      }
      if (count > 3) {
        _tile_loadd(5, values + 48, v_width_ * 4);
        _tile_dpbf16ps(3, 4, 5);
      }
    }
    put_down(products_[0][0]);
    for (int lane = 0; lane < LANES; ++lane) {
      if (!seen.query[lane]) continue;
      float* out = out_ + (group * LANES + lane) * v_width_ + column;
      for (int64_t i = 0; i < count; ++i)
        store(out + i * LANES, fma(load(out + i * LANES), broadcast(factor[lane]), load(products_[i][lane])));
    }
  }

  void add_rare(int64_t group, const Seen& seen) {
    for (int j = 0; j < seen.last; ++j) {
      const bf16* value = entries_.rare(j);
      if (!value) continue;
      for (int lane = 0; lane < LANES; ++lane) {
        const Query* own = seen.query[lane];
        if (!own || j < own->begin || j >= own->end) continue;
        const bf16 weight{(uint16_t)(weights_[j / 2][lane] >> (j % 2 * 16))};
        float* out = out_ + (group * LANES + lane) * v_width_;
        for (int64_t d = 0; d < v_dim_; ++d) out[d] += number(weight) * number(value[d]);
      }
    }
  }

  TileEntries entries_;
  Buffer memory_[4];
  int64_t dim_, v_dim_, depth_tiles_, v_width_;
  uint32_t* q_;       // [group][depth tile][pair of dims][query]
  float *out_, *highest_, *total_;  // [query][column], [query], [query]
  alignas(64) float scores_[BLOCK][LANES];
  alignas(64) float products_[4][LANES][LANES];
  alignas(64) uint32_t weights_[BLOCK / 2][LANES];
  alignas(64) uint32_t weight_tiles_[2][LANES][LANES];
};

}  // namespace flexserve
#endif
