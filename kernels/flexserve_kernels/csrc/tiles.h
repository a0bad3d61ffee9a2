// AMX: the tile registers, the rows of x as tiles, and sums on their way out.
//
// A tile product takes 16 weights' columns x 64 bytes of depth (the first operand, as the weights lie in memory: no
// transposition when 4-bit codes are unpacked) and 64 bytes of depth x 16 rows of x (the second operand, whose 4-byte
// groups lie transposed; x is small and arranged once a call). So a sum is a tile of 16 columns x 16 rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "native.h"
#include "quantise.h"
#include "vector.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__)
#define FLEXSERVE_AMX 1
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace flexserve {

constexpr int64_t TILE_ROWS = 16;
constexpr int64_t TILE_BYTES = 1024;
constexpr int64_t STRIP = 32;  // columns of the weight that are packed together: two tiles

inline int64_t up(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

// The kernel asks to be allowed the tile registers, once per process.
inline bool tiles_allowed() {
#if defined(__linux__)
  static const bool granted = syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XTILEDATA */) == 0;
  return granted;
#else
  return false;
#endif
}

// Tiles of rows and of sums are `width` rows wide, all others whole.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes_per_row[16] = {};
  uint8_t rows[16] = {};
  explicit TileConfig(int64_t width) {
    for (int i = 0; i < 8; ++i) bytes_per_row[i] = i == 4 || i == 5 ? 64 : (uint16_t)(4 * width), rows[i] = 16;
  }
};

// The compiler does not know that tile loads read memory: what is before this stands in memory behind it.
inline void written() { asm volatile("" ::: "memory"); }

// Memory on cache lines that grows and is kept.
class Buffer {
 public:
  template <class T>
  T* reserve(int64_t count) {
    const size_t bytes = count * sizeof(T) + 64;
    if (memory_.size() < bytes) memory_.resize(bytes);
    return (T*)(memory_.data() + (-(uintptr_t)memory_.data() & 63));
  }

 private:
  std::vector<uint8_t> memory_;
};

// x as second operands: tile (r, t) holds rows 16 r .. 16 r + 15 and bytes 64 t .. 64 t + 63 of their depth; what is
// missing is zero. Of few rows only `width` are kept, so that they stay in the first-level cache.
struct RowTiles {
  uint8_t* data;
  int64_t row_tiles, depth_tiles, width;

  RowTiles(int64_t rows, int64_t depth_tiles_, Buffer& memory)
      : row_tiles(up(rows, TILE_ROWS) / TILE_ROWS), depth_tiles(depth_tiles_), width(1) {
    while (width < std::min(rows, TILE_ROWS)) width *= 2;
    data = memory.reserve<uint8_t>(row_tiles * row_tile_bytes() + 64);  // the last store may reach beyond its tile
  }
  int64_t row_tile_bytes() const { return depth_tiles * 64 * width; }
  uint8_t* at(int64_t row_tile, int64_t depth_tile) const {
    return data + row_tile * row_tile_bytes() + depth_tile * 64 * width;
  }

  // Tile t of a row tile from the 64 bytes at each of `count` lines, `stride` bytes apart.
  void arrange(const uint8_t* lines, int64_t stride, int64_t count, int64_t row_tile, int64_t t) {
    uint8_t* out = at(row_tile, t);
    if (width == 1) {
      std::memcpy(out, lines, 64);
      return;
    }
    vf groups[16] = {};
    for (int64_t r = 0; r < count; ++r) groups[r] = load((const float*)(lines + r * stride));
    transpose(groups);
    for (int g = 0; g < 16; ++g) store((float*)(out + g * 4 * width), groups[g]);
  }
};

inline RowTiles bf16_rows(const FlexserveLinear& call, Buffer& memory) {
  RowTiles out(call.rows, up(call.depth, 32) / 32, memory);
  const int64_t stride = call.depth * 2, whole = stride / 64;
  for (int64_t tile = 0; tile < out.row_tiles; ++tile) {
    const int64_t count = std::min(TILE_ROWS, call.rows - tile * TILE_ROWS);
    const uint8_t* x = (const uint8_t*)call.x + tile * TILE_ROWS * stride;
    for (int64_t t = 0; t < whole; ++t) out.arrange(x + t * 64, stride, count, tile, t);
    if (stride % 64 == 0) continue;
    uint8_t last[TILE_ROWS][64] = {};
    for (int64_t r = 0; r < count; ++r) std::memcpy(last[r], x + r * stride + whole * 64, stride % 64);
    out.arrange(last[0], 64, count, tile, whole);
  }
  written();
  return out;
}

// Tiles 0..3, whole, one behind the other.
inline void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}
inline void put_down(float* to) {
  _tile_stored(0, to, 64);
  _tile_stored(1, to + 256, 64);
  _tile_stored(2, to + 512, 64);
  _tile_stored(3, to + 768, 64);
  written();
}
inline void take_up(const float* from) {
  _tile_loadd(0, from, 64);
  _tile_loadd(1, from + 256, 64);
  _tile_loadd(2, from + 512, 64);
  _tile_loadd(3, from + 768, 64);
}

// sum += weights · rows. A macro, as the numbers of tiles are part of the instruction's text.
#define FLEXSERVE_DOT(sum, weights, rows)   \
  if constexpr (INTEGER)                    \
    _tile_dpbssd(sum, weights, rows);       \
  else                                      \
    _tile_dpbf16ps(sum, weights, rows)

// Tiles 0..3: sums [column tile][row tile]; 4, 5: weights; 6, 7: rows.
template <bool TWO, bool INTEGER>
inline void multiply(const uint8_t* weight, const uint8_t* x, int64_t width, int64_t next_row_tile) {
  _tile_loadd(4, weight, 64);
  _tile_loadd(6, x, 4 * width);
  _tile_loadd(5, weight + TILE_BYTES, 64);
  FLEXSERVE_DOT(0, 4, 6);
  FLEXSERVE_DOT(2, 5, 6);
  if constexpr (TWO) {
    _tile_loadd(7, x + next_row_tile, 64);  // then all rows are there
    FLEXSERVE_DOT(1, 4, 7);
    FLEXSERVE_DOT(3, 5, 7);
  }
}

// The same for one tile of rows and two strips; tiles 0..3: sums [column tile].
template <bool INTEGER>
inline void multiply_two_strips(const uint8_t* one, const uint8_t* two, const uint8_t* x, int64_t width) {
  _tile_loadd(6, x, 4 * width);
  _tile_loadd(4, one, 64);
  _tile_loadd(5, one + TILE_BYTES, 64);
  FLEXSERVE_DOT(0, 4, 6);
  FLEXSERVE_DOT(1, 5, 6);
  _tile_loadd(4, two, 64);
  _tile_loadd(5, two + TILE_BYTES, 64);
  FLEXSERVE_DOT(2, 4, 6);
  FLEXSERVE_DOT(3, 5, 6);
}

#undef FLEXSERVE_DOT

// Rows quantised by LLM.int8.
struct Int8Rows {
  RowTiles tiles;
  std::vector<QuantisedRow> rows;
};

inline Int8Rows int8_rows(const FlexserveLinear& call, Buffer& memory) {
  static thread_local Buffer line_memory;
  const int64_t stride = up(call.depth, 64);
  int8_t* lines = line_memory.reserve<int8_t>(TILE_ROWS * stride);
  std::memset(lines, 0, TILE_ROWS * stride);
  Int8Rows rows{RowTiles(call.rows, stride / 64, memory), {}};
  for (int64_t tile = 0; tile < rows.tiles.row_tiles; ++tile) {
    const int64_t first = tile * TILE_ROWS, count = std::min(TILE_ROWS, call.rows - first);
    for (int64_t r = 0; r < count; ++r)
      rows.rows.push_back(quantise_row((const bf16*)call.x + (first + r) * call.depth, call.depth,
                                       (float)call.threshold, lines + r * stride));
    for (int64_t t = 0; t < rows.tiles.depth_tiles; ++t)
      rows.tiles.arrange((const uint8_t*)lines + t * 64, stride, count, tile, t);
  }
  written();
  return rows;
}

}  // namespace flexserve
#endif
