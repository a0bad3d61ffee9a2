// AMX: the tile registers, the rows of x as tiles, and sums on their way out.
//
// A tile product takes 16 weights' columns x 64 bytes of depth (the first operand, as the weights lie in memory: no
// transposition when 4-bit codes are unpacked) and 64 bytes of depth x 16 rows of x (the second operand, whose 4-byte
// groups lie transposed; x is small and arranged once a call). So a sum is a tile of 16 columns x 16 rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "native.h"
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

// A number of x that LLM.int8 multiplies unquantised.
struct Outlier {
  int64_t column;
  float value;
};

// Rows quantised by LLM.int8, each on its own: x is about code * scale, but for the outliers.
struct Int8Rows {
  RowTiles tiles;
  std::vector<float> scale;                     // [rows] the largest magnitude that is no outlier
  std::vector<std::vector<Outlier>> outliers;  // [rows], columns ascending
};

inline void quantise_row(const bf16* x, int64_t depth, float threshold, int8_t* codes, float& scale,
                         std::vector<Outlier>& outliers) {
  float largest = 0, poison = 0;
  for (int64_t k = 0; k < depth; ++k) {
    uint32_t bits = (uint32_t)x[k].bits << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    const float size = std::fabs(value);
    if (size >= threshold) outliers.push_back({k, value});
    else if (size != size) poison = size;
    else largest = std::max(largest, size);
  }
  const float factor = largest > 0 ? 127.0f / largest : 0;
  scale = largest + poison;
  int64_t k = 0;
  for (; k + W <= depth; k += W) {
    const __m512 value = (__m512)load(x + k);
    const __mmask16 usual = _mm512_cmp_ps_mask(_mm512_abs_ps(value), _mm512_set1_ps(threshold), _CMP_LT_OQ);
    const __m512i code = _mm512_maskz_cvtps_epi32(usual, _mm512_mul_ps(value, _mm512_set1_ps(factor)));
    _mm_storeu_si128((__m128i*)(codes + k), _mm512_cvtsepi32_epi8(code));
  }
  if (k < depth) {
    const __mmask16 inside = (__mmask16)((1u << (depth - k)) - 1);
    const __m512 value = (__m512)load_part(x + k, depth - k);
    const __mmask16 usual = _mm512_cmp_ps_mask(_mm512_abs_ps(value), _mm512_set1_ps(threshold), _CMP_LT_OQ);
    const __m512i code = _mm512_maskz_cvtps_epi32(usual & inside, _mm512_mul_ps(value, _mm512_set1_ps(factor)));
    _mm512_mask_cvtsepi32_storeu_epi8(codes + k, inside, code);
  }
}

inline Int8Rows int8_rows(const FlexserveLinear& call, Buffer& memory) {
  static thread_local Buffer line_memory;
  const int64_t depth_tiles = up(call.depth, 64) / 64, row_tiles = up(call.rows, TILE_ROWS) / TILE_ROWS;
  int8_t* lines = line_memory.reserve<int8_t>(TILE_ROWS * depth_tiles * 64);
  uint8_t* out = memory.reserve<uint8_t>(row_tiles * depth_tiles * TILE_BYTES);
  Int8Rows rows{{out, row_tiles, depth_tiles}, std::vector<float>(call.rows), {}};
  rows.outliers.resize(call.rows);
  for (int64_t tile = 0; tile < row_tiles; ++tile) {
    std::memset(lines, 0, TILE_ROWS * depth_tiles * 64);
    for (int64_t r = tile * TILE_ROWS; r < std::min((tile + 1) * TILE_ROWS, call.rows); ++r)
      quantise_row((const bf16*)call.x + r * call.depth, call.depth, call.threshold,
                   lines + (r % TILE_ROWS) * depth_tiles * 64, rows.scale[r], rows.outliers[r]);
    arrange_rows((const uint8_t*)lines, depth_tiles, out + tile * depth_tiles * TILE_BYTES);
  }
  return rows;
}

}  // namespace flexserve
#endif
