// Attention of packed rows over a paged cache: tree_attention of reference/attention.py, fast.
//
// The order of every sum belongs to the row alone. Keys go in blocks of 64 logical positions that start at
// multiples of 64; block.h, or tile_block.h for bf16 where there are AMX tiles, works through one block, the softmax is
// kept online from block to block (Milakov and Gimelshein, 2018). Rows of one sequence share the loading of a block, not the arithmetic. A unit of work is
// (up to 32 rows of one sequence, some key/value heads); which thread takes it changes nothing.
#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>
#include <vector>

#include "block.h"
#include "cache.h"
#include "native.h"
#include "tile_block.h"
#include "vector.h"

namespace flexserve {
namespace {

constexpr int64_t MAX_ROWS = 32;          // of a tile
constexpr int64_t MAX_QUERIES = 256;      // of a tile, unless one row alone has more heads
constexpr int64_t SERIAL_WORK = 1 << 19;  // multiply-adds below which waking threads does not pay

struct Tile {
  int64_t group;
  const int64_t* rows;
  int64_t num_rows;
};

// A tile and some neighbouring key/value heads, which lie beside each other in the cache.
struct Unit {
  Tile tile;
  int64_t first_head, end_head;

  // Of a query among the unit's: row r of the tile, head h of those that share kv_head.
  int64_t index(int64_t kv_head, int64_t r, int64_t h, int64_t per_kv_head) const {
    return ((kv_head - first_head) * tile.num_rows + r) * per_kv_head + h;
  }
};

// E: type of q. O: type of the output. Block: what works through a block. C: type of the caches, E or int8_t, whose rows
// (cache.h) are unpacked to E when their block is loaded.
template <class E, class O, class Block, class C>
class Attention {
 public:
  Attention(const FlexservePlan& plan, const FlexserveAttention& call)
      : plan_(plan), call_(call), rules_{(float)call.scale, (float)call.softcap, call.alibi_slopes,
                                         call.key_bias, call.num_biased_positions},
        per_kv_head_(call.num_heads / call.num_kv_heads) {}

  // Returns 0, or 1 where the plan leads outside the cache or contradicts itself; then `out` is not to be used.
  int run(FlexserveParallel parallel) {
    if (!make_tiles()) return 1;
    if (parallel && call_.num_threads > 1 && work_ > SERIAL_WORK && num_units() > 1) {
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
  const ScoreRules rules_;
  const int64_t per_kv_head_;
  std::vector<int64_t> rows_;  // sorted by group
  std::vector<Unit> units_;
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
      if (call_.key_bias && position >= call_.num_biased_positions) return false;
      start[g + 1]++;
      work_ += (position + 1 - first_key(position)) * call_.num_heads * (call_.dim + call_.v_dim);
    }
    for (int64_t g = 0; g < plan_.num_groups; ++g) start[g + 1] += start[g];
    rows_.resize(plan_.num_rows);
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t row = 0; row < plan_.num_rows; ++row) rows_[next[plan_.group[row]]++] = row;
    make_units(start);
    return true;
  }

  // start[g]: where group g begins in rows_.
  void make_units(const std::vector<int64_t>& start) {
    const int64_t step = std::max<int64_t>(1, std::min(MAX_ROWS, MAX_QUERIES / per_kv_head_));
    const int64_t fair = (plan_.num_rows * call_.num_kv_heads + call_.num_threads - 1) / call_.num_threads;
    for (int64_t g = 0; g < plan_.num_groups; ++g)
      for (int64_t i = start[g]; i < start[g + 1]; i += step) {
        const Tile tile{g, &rows_[i], std::min(step, start[g + 1] - i)};
        const int64_t most = std::min(fair / tile.num_rows, MAX_QUERIES / (tile.num_rows * per_kv_head_));
        const int64_t heads = std::max<int64_t>(1, most);
        for (int64_t h = 0; h < call_.num_kv_heads; h += heads)
          units_.push_back({tile, h, std::min(h + heads, call_.num_kv_heads)});
      }
  }

  int64_t num_units() const { return (int64_t)units_.size(); }

  // The first logical position that a row at `position` sees.
  int64_t first_key(int64_t position) const {
    return call_.window > 0 && position >= call_.window ? position + 1 - call_.window : 0;
  }

  void take_units() {
    static thread_local Block own;
    Block* block = &own;
    asm volatile("" : "+r"(block));  // else the compiler asks for the thread's address again in every inner loop
    Block::begin();
    for (int64_t i; (i = next_.fetch_add(1)) < num_units();) attend_unit(units_[i], *block);
    Block::end();
  }

  void attend_unit(const Unit& unit, Block& block) {
    const Tile& tile = unit.tile;
    block.reserve((unit.end_head - unit.first_head) * tile.num_rows * per_kv_head_, call_.dim, call_.v_dim);
    int64_t first = std::numeric_limits<int64_t>::max(), last = 0;
    for (int64_t r = 0; r < tile.num_rows; ++r) {
      first = std::min(first, first_key(plan_.positions[tile.rows[r]]));
      last = std::max(last, plan_.positions[tile.rows[r]]);
    }
    for_each_query(unit, [&](int64_t index, int64_t row, int64_t head) {
      block.start(index, (const E*)call_.q + row * call_.q_row + head * call_.q_head,
                  call_.sinks ? call_.sinks + head : nullptr);
    });
    for (int64_t base = first / BLOCK * BLOCK; base <= last; base += BLOCK)
      for (int64_t kv_head = unit.first_head; kv_head < unit.end_head; ++kv_head) {
        if (!load_trunk(tile, kv_head, base, std::max(first, base), last + 1, block)) return;
        fetch_trunk(tile, kv_head, base + BLOCK);
        if (!attend_block(unit, kv_head, base, block)) return;
      }
    for_each_query(unit, [&](int64_t index, int64_t row, int64_t head) {
      block.finish(index, (O*)call_.out + (row * call_.num_heads + head) * call_.v_dim);
    });
  }

  template <class F>
  void for_each_query(const Unit& unit, F f) const {
    for (int64_t kv_head = unit.first_head; kv_head < unit.end_head; ++kv_head)
      for (int64_t r = 0; r < unit.tile.num_rows; ++r)
        for (int64_t h = 0; h < per_kv_head_; ++h)
          f(unit.index(kv_head, r, h, per_kv_head_), unit.tile.rows[r], kv_head * per_kv_head_ + h);
  }

  // A key and its value.
  template <class T>
  struct Entry {
    const T *key, *value;
  };
  Entry<C> in_cache_at(int64_t slot, int64_t kv_head) const {
    return {(const C*)call_.k + slot * call_.k_slot + kv_head * call_.k_head,
            (const C*)call_.v + slot * call_.v_slot + kv_head * call_.v_head};
  }

  // A block's keys and values as E.
  struct Unpacked {
    std::vector<E> keys, values;
  };

  // Positions [from, to) of the block, which lie at slot(j).
  template <class Slot>
  void put(int64_t from, int64_t to, int64_t kv_head, const Slot& slot, Block& block) const {
    if constexpr (std::is_same_v<C, E>) {
      block.put(from, to, [&](int64_t j) { return in_cache_at(slot(j), kv_head); });
    } else {
      static thread_local Unpacked own;  // lives until the block has been attended
      own.keys.resize(BLOCK * call_.dim);
      own.values.resize(BLOCK * call_.v_dim);
      E *const keys = own.keys.data(), *const values = own.values.data();
      for (int64_t j = from; j < to; ++j) {
        const Entry<C> packed = in_cache_at(slot(j), kv_head);
        unpack_cache_row(packed.key, call_.dim, keys + j * call_.dim);
        unpack_cache_row(packed.value, call_.v_dim, values + j * call_.v_dim);
      }
      block.put(from, to, [&](int64_t j) { return Entry<E>{keys + j * call_.dim, values + j * call_.v_dim}; });
    }
  }

  // The part of the block that the tile's rows share, in logical positions [from, to) cut to trunk and block.
  bool load_trunk(const Tile& tile, int64_t kv_head, int64_t base, int64_t from, int64_t to, Block& block) {
    const int64_t* slots = plan_.trunk_slots + tile.group * plan_.trunk_width + base;
    from -= base;
    to = std::min({to, base + BLOCK, plan_.trunk_length[tile.group]}) - base;
    for (int64_t j = from; j < to; ++j)
      if (!in_cache(slots[j])) return false;
    if (from < to) put(from, to, kv_head, [&](int64_t j) { return slots[j]; }, block);
    return true;
  }

  // Asks for what load_trunk is to read next: slots lie anywhere, which the processor cannot guess.
  void fetch_trunk(const Tile& tile, int64_t kv_head, int64_t base) const {
    const int64_t* slots = plan_.trunk_slots + tile.group * plan_.trunk_width;
    const int64_t end = std::min(base + BLOCK, plan_.trunk_length[tile.group]);
    for (int64_t j = base; j < end; ++j) {
      const Entry<C> next = in_cache_at(slots[j], kv_head);
      for (int64_t d = 0; d < call_.dim; d += 64 / sizeof(C)) __builtin_prefetch(next.key + d);
      for (int64_t d = 0; d < call_.v_dim; d += 64 / sizeof(C)) __builtin_prefetch(next.value + d);
    }
  }

  bool in_cache(int64_t slot) {
    if (slot >= 0 && slot < call_.num_slots) return true;
    failed_.store(1);
    return false;
  }

  bool attend_block(const Unit& unit, int64_t kv_head, int64_t base, Block& block) {
    const Tile& tile = unit.tile;
    for (int64_t r = 0; r < tile.num_rows; ++r) {
      const int64_t row = tile.rows[r], position = plan_.positions[row];
      const int64_t begin = std::max(first_key(position), base), end = std::min(position + 1, base + BLOCK);
      if (begin >= end) continue;
      const bool own = end > plan_.trunk_length[tile.group];
      if (own) {  // its own path goes on top of the shared part: first finish the rows before it
        block.attend(rules_);
        if (!load_tail(row, kv_head, base, begin, end, block)) return false;
      }
      for (int64_t h = 0; h < per_kv_head_; ++h) {
        Query& query = block.queries.emplace_back();  // field by field: a copy would wait for the fields
        query.index = unit.index(kv_head, r, h, per_kv_head_);
        query.begin = (int)(begin - base);
        query.end = (int)(end - base);
        query.distance = (float)(base - position);
        query.head = kv_head * per_kv_head_ + h;
        query.base = base;
      }
      if (own) block.attend(rules_);
    }
    block.attend(rules_);
    return true;
  }

  // The row's own path, in logical positions [from, to) cut to what lies behind the trunk.
  bool load_tail(int64_t row, int64_t kv_head, int64_t base, int64_t from, int64_t to, Block& block) {
    const int64_t trunk_length = plan_.trunk_length[plan_.group[row]];
    for (int64_t j = std::max(from, trunk_length); j < to; ++j) {
      const int64_t slot = plan_.tail_slots[row * plan_.tail_width + j - trunk_length];
      if (!in_cache(slot)) return false;
      put(j - base, j - base + 1, kv_head, [&](int64_t) { return slot; }, block);
    }
    return true;
  }
};

template <class E, class O, class Block>
int run(const FlexservePlan& plan, const FlexserveAttention& call, FlexserveParallel parallel) {
  if (call.int8_cache) return Attention<E, O, Block, int8_t>(plan, call).run(parallel);
  return Attention<E, O, Block, E>(plan, call).run(parallel);
}

}  // namespace
}  // namespace flexserve

FLEXSERVE_EXPORT int64_t flexserve_abi() { return FLEXSERVE_ABI; }

FLEXSERVE_EXPORT int flexserve_attention(
    const FlexservePlan* plan, const FlexserveAttention* call, FlexserveParallel parallel) {
  using namespace flexserve;
  switch (call->dtype) {
    case FLEXSERVE_FP32: return run<float, float, LaneBlock<float, float>>(*plan, *call, parallel);
    case FLEXSERVE_BF16:
#if FLEXSERVE_AMX
      if (tiles_allowed()) return run<bf16, bf16, TileBlock>(*plan, *call, parallel);
#endif
      return run<bf16, bf16, LaneBlock<bf16, bf16>>(*plan, *call, parallel);
    case FLEXSERVE_FP16:
      if (call->int8_cache) return 1;  // there is no rounding to fp16 here
      return Attention<fp16, float, LaneBlock<fp16, float>, fp16>(*plan, *call).run(parallel);
    default: return 1;
  }
}
