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

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes_per_row[16] = {};
  uint8_t rows[16] = {};
  TileConfig() {
    for (int i = 0; i < 8; ++i) bytes_per_row[i] = 64, rows[i] = 16;
  }
};

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
// missing is zero.
struct RowTiles {
  const uint8_t* data;
  int64_t row_tiles, depth_tiles;
  const uint8_t* at(int64_t row_tile, int64_t depth_tile) const {
    return data + (row_tile * depth_tiles + depth_tile) * TILE_BYTES;
  }
};

// lines [16][depth_tiles * 64 bytes] to the tiles of one row tile.
inline void arrange_rows(const uint8_t* lines, int64_t depth_tiles, uint8_t* out) {
  for (int64_t t = 0; t < depth_tiles; ++t, out += TILE_BYTES) {
    vf groups[16];
    for (int r = 0; r < 16; ++r) groups[r] = load((const float*)(lines + (r * depth_tiles + t) * 64));
    transpose(groups);
    for (int g = 0; g < 16; ++g) store((float*)(out + g * 64), groups[g]);
  }
  asm volatile("" ::: "memory");  // the compiler does not know that tile loads read memory
}

inline RowTiles bf16_rows(const FlexserveLinear& call, Buffer& memory) {
  static thread_local Buffer line_memory;
  const int64_t depth_tiles = up(call.depth, 32) / 32, row_tiles = up(call.rows, TILE_ROWS) / TILE_ROWS;
  uint16_t* lines = line_memory.reserve<uint16_t>(TILE_ROWS * depth_tiles * 32);
  std::memset(lines, 0, TILE_ROWS * depth_tiles * 64);
  uint8_t* out = memory.reserve<uint8_t>(row_tiles * depth_tiles * TILE_BYTES);
  for (int64_t tile = 0; tile < row_tiles; ++tile) {
    const int64_t count = std::min(TILE_ROWS, call.rows - tile * TILE_ROWS);
    if (count < TILE_ROWS) std::memset(lines, 0, TILE_ROWS * depth_tiles * 64);
    for (int64_t r = 0; r < count; ++r)
      std::memcpy(lines + r * depth_tiles * 32, (const uint16_t*)call.x + (tile * TILE_ROWS + r) * call.depth,
                  call.depth * 2);
    arrange_rows((const uint8_t*)lines, depth_tiles, out + tile * depth_tiles * TILE_BYTES);
  }
  return {out, row_tiles, depth_tiles};
}

// Rows quantised by LLM.int8.
struct Int8Rows {
  RowTiles tiles;
  std::vector<QuantisedRow> rows;
};

inline Int8Rows int8_rows(const FlexserveLinear& call, Buffer& memory) {
  static thread_local Buffer line_memory;
  const int64_t depth_tiles = up(call.depth, 64) / 64, row_tiles = up(call.rows, TILE_ROWS) / TILE_ROWS;
  int8_t* lines = line_memory.reserve<int8_t>(TILE_ROWS * depth_tiles * 64);
  uint8_t* out = memory.reserve<uint8_t>(row_tiles * depth_tiles * TILE_BYTES);
  Int8Rows rows{{out, row_tiles, depth_tiles}, {}};
  for (int64_t tile = 0; tile < row_tiles; ++tile) {
    std::memset(lines, 0, TILE_ROWS * depth_tiles * 64);
    for (int64_t r = tile * TILE_ROWS; r < std::min((tile + 1) * TILE_ROWS, call.rows); ++r)
      rows.rows.push_back(quantise_row((const bf16*)call.x + r * call.depth, call.depth, (float)call.threshold,
                                       lines + (r % TILE_ROWS) * depth_tiles * 64));
    arrange_rows((const uint8_t*)lines, depth_tiles, out + tile * depth_tiles * TILE_BYTES);
  }
  return rows;
}

}  // namespace flexserve
#endif
