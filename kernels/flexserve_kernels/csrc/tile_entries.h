// Keys and values of a block of 64 as tiles take them: keys in lines, values in pairs of keys.
#pragma once

#include "block.h"
#include "tiles.h"

#if FLEXSERVE_AMX

namespace flexserve {

inline bool any(vi x) { return _mm512_test_epi32_mask((__m512i)x, (__m512i)x) != 0; }

template <class T>
T* zeros(Buffer& buffer, int64_t count) {
  T* memory = buffer.reserve<T>(count);
  std::memset(memory, 0, count * sizeof(T));
  return memory;
}

class TileEntries {
 public:
  // Where a tile's keys lie, `stride` bytes apart.
  struct Keys {
    const uint8_t* data;
    int64_t stride;
  };

  void reserve(int64_t dim, int64_t v_dim) {
    dim_ = dim, v_dim_ = v_dim, depth_tiles_ = up(dim, 32) / 32, v_width_ = up(v_dim, TILE_ROWS);
    keys_ = zeros<uint16_t>(memory_[0], BLOCK * depth_tiles_ * 32);
    values_ = zeros<uint32_t>(memory_[1], BLOCK / 2 * v_width_);
    rare_ = 0;
    for (int64_t tile = 0; tile < BLOCK / TILE_ROWS; ++tile) tiles_[tile] = own_lines(tile);
  }

  // Keys and values [from, to) of the block; entry(j) points to them.
  template <class Entry>
  void put(int64_t from, int64_t to, const Entry& entry) {
    for (int64_t tile = from / TILE_ROWS; tile * TILE_ROWS < to; ++tile) put_keys(tile, from, to, entry);
    int64_t j = from;
    if (j % 2 && j < to) put_value(j, entry(j).value), ++j;
    for (; j + 1 < to; j += 2) put_values(j, entry(j).value, entry(j + 1).value);
    if (j < to) put_value(j, entry(j).value);
  }

  const Keys& keys(int64_t tile) const { return tiles_[tile]; }

  // [pair of keys][column], the earlier key in the lower half.
  const uint32_t* pairs(int64_t first) const { return values_ + first * v_width_; }

  // The value at key j that is not finite and for which there are zeros among the pairs; null: there is none.
  bool any_rare() const { return rare_; }
  const bf16* rare(int64_t j) const { return rare_ >> j & 1 ? rare_value_[j] : nullptr; }

 private:
  Keys own_lines(int64_t tile) const {
    return {(const uint8_t*)(keys_ + tile * TILE_ROWS * depth_tiles_ * 32), depth_tiles_ * 64};
  }

  static vi infinite_or_nan(vi bits) { return (bits & 0x7f800000) == 0x7f800000; }

  // The keys of a tile. Sixteen that lie evenly spaced in the cache are read where they are, for tile loads wait for
  // copies to leave the store buffer.
  template <class Entry>
  void put_keys(int64_t tile, int64_t from, int64_t to, const Entry& entry) {
    Keys& keys = tiles_[tile];
    const int64_t first = tile * TILE_ROWS, end = first + TILE_ROWS;
    if (from <= first && end <= to && dim_ % 32 == 0 && evenly_spaced(first, entry)) {
      keys = {(const uint8_t*)entry(first).key, (const uint8_t*)entry(first + 1).key - (const uint8_t*)entry(first).key};
      return;
    }
    const Keys own = own_lines(tile);
    if (keys.data != own.data)
      for (int64_t i = 0; i < TILE_ROWS; ++i)
        std::memcpy((uint8_t*)own.data + i * own.stride, keys.data + i * keys.stride, dim_ * sizeof(bf16));
    keys = own;
    for (int64_t j = std::max(from, first); j < std::min(to, end); ++j)
      std::memcpy((uint8_t*)own.data + (j - first) * own.stride, entry(j).key, dim_ * sizeof(bf16));
  }

  template <class Entry>
  static bool evenly_spaced(int64_t first, const Entry& entry) {
    const bf16* before = entry(first + 1).key;
    const int64_t stride = before - entry(first).key;
    for (int64_t j = first + 2; j < first + TILE_ROWS; ++j) {
      const bf16* key = entry(j).key;
      if (key - before != stride) return false;
      before = key;
    }
    return true;
  }

  // Two keys' values as pairs. A value that is not finite would spoil the sums of queries that do not see its key:
  // zeros take its place, and it is added by itself to the queries that do.
  void put_values(int64_t j, const bf16* first, const bf16* second) {
    uint32_t* out = values_ + j / 2 * v_width_;
    vi rare{};
    for (int64_t d = 0; d < v_dim_; d += W) {
      const int64_t n = std::min<int64_t>(W, v_dim_ - d);
      const vi low = as_int(load_part(first + d, n)), high = as_int(load_part(second + d, n));
      rare |= infinite_or_nan(low) | infinite_or_nan(high);
      store((float*)out + d, as_float((vi)((vu)low >> 16) | high));
    }
    rare_ &= ~((uint64_t)3 << j);
    if (any(rare)) put_value(j, first), put_value(j + 1, second);
  }

  void put_value(int64_t j, const bf16* value) {
    uint32_t* out = values_ + j / 2 * v_width_;
    vi rare{};
    for (int64_t d = 0; d < v_dim_; d += W)
      rare |= infinite_or_nan(as_int(load_part(value + d, std::min<int64_t>(W, v_dim_ - d))));
    const bool finite = !any(rare);
    for (int64_t d = 0; d < v_dim_; d += W) {
      const vi own = finite ? as_int(load_part(value + d, std::min<int64_t>(W, v_dim_ - d))) : vi{};
      const vi old = as_int(load((float*)out + d));
      const vi both = j % 2 ? (old & 0xffff) | own : (old & (int)0xffff0000) | (vi)((vu)own >> 16);
      store((float*)out + d, as_float(both));
    }
    rare_ = finite ? rare_ & ~((uint64_t)1 << j) : rare_ | (uint64_t)1 << j;
    rare_value_[j] = value;
  }

  Buffer memory_[2];
  int64_t dim_, v_dim_, depth_tiles_, v_width_;
  uint16_t* keys_;    // [key][depth tile][32], unless they are read in the cache
  uint32_t* values_;  // [pair of keys][column]
  Keys tiles_[BLOCK / TILE_ROWS];
  uint64_t rare_;  // keys whose values are not all finite
  const bf16* rare_value_[BLOCK];
};

}  // namespace flexserve
#endif
