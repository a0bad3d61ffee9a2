// Linear layers over packed weights: out[r, n] = sum_k x[r, k] * w[n, k] + bias[n].
//
// A row's sum runs over k front to back in one accumulator, whatever rows come along and whichever thread computes the
// column, so rows are independent bit for bit. Weights are packed once, in strips of 32 columns, so that a strip is read
// front to back. bf16 and NF4 use AMX tiles (16 rows x 32 k times 32 k x 16 columns); fp32 uses plain vectors.
//
// NF4: a value is the codebook's entry times its block's absmax in fp32, rounded to bf16, as bitsandbytes dequantises
// it; the strip's next 32 k are dequantised into the first-level cache and multiplied from there.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <vector>

#include "native.h"
#include "vector.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__)
#define FLEXSERVE_AMX 1
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace flexserve {
namespace {

constexpr int64_t STRIP = 32;          // columns that are packed together
constexpr int64_t DEPTH = 32;          // k of one tile
constexpr int64_t TILE_ROWS = 16;
constexpr int64_t BLOCK_ROWS = 32;     // rows that share a pass over a strip
constexpr int64_t NF4_BLOCK = 64;      // weights that share an absmax
constexpr int64_t SERIAL_WORK = 1 << 17;  // multiply-adds below which waking threads costs more

int64_t up(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

// Memory on cache lines.
template <class T>
class Buffer {
 public:
  T* reserve(int64_t count) {
    if ((int64_t)memory_.size() < count + (int64_t)(64 / sizeof(T))) memory_.resize(count + 64 / sizeof(T));
    return memory_.data() + (-(uintptr_t)memory_.data() & 63) / sizeof(T);
  }

 private:
  std::vector<T> memory_;
};

// Strips dealt out to threads one by one; whoever is free takes the next.
template <class Body>
class Strips {
 public:
  Strips(int64_t count, Body& body) : count_(count), body_(body) {}

  void run(int64_t work, int64_t num_threads, FlexserveParallel parallel) {
    if (parallel && num_threads > 1 && work > SERIAL_WORK && count_ > 1) {
      // Always the full team: a team of another size would make the runtime rebuild its pool.
      parallel([](void* self) { static_cast<Strips*>(self)->take(); }, this, (unsigned)num_threads, 0);
    } else {
      take();
    }
  }

 private:
  const int64_t count_;
  Body& body_;
  std::atomic<int64_t> next_{0};

  void take() {
    for (int64_t strip; (strip = next_.fetch_add(1)) < count_;) body_(strip);
    body_.done();
  }
};

// ---- fp32: lanes are columns, k goes front to back -----------------------------------------------------------------

constexpr int FP32_VECTORS = STRIP / W;

template <int R>
void fp32_rows(const float* x, int64_t x_row, int64_t depth, const float* strip, vf (&sum)[R][FP32_VECTORS]) {
  for (int64_t k = 0; k < depth; ++k, strip += STRIP) {
    vf w[FP32_VECTORS];
    for (int i = 0; i < FP32_VECTORS; ++i) w[i] = load(strip + i * W);
    for (int r = 0; r < R; ++r)
      for (int i = 0; i < FP32_VECTORS; ++i) sum[r][i] = fma(broadcast(x[r * x_row + k]), w[i], sum[r][i]);
  }
}

struct Fp32Linear {
  const FlexserveLinear& call;

  template <int R>
  void rows(int64_t first, int64_t strip) const {
    const float* x = (const float*)call.x + first * call.depth;
    vf sum[R][FP32_VECTORS] = {};
    fp32_rows<R>(x, call.depth, call.depth, (const float*)call.weight + strip * STRIP * call.depth, sum);
    const int64_t column = strip * STRIP, count = std::min(STRIP, call.columns - column);
    for (int r = 0; r < R; ++r) {
      float line[STRIP];
      for (int i = 0; i < FP32_VECTORS; ++i) store(line + i * W, sum[r][i]);
      float* out = (float*)call.out + (first + r) * call.columns + column;
      for (int64_t i = 0; i < count; ++i) out[i] = call.bias ? line[i] + call.bias[column + i] : line[i];
    }
  }

  void operator()(int64_t strip) const {
    int64_t row = 0;
#if defined(__AVX512F__)
    for (; row + 8 <= call.rows; row += 8) rows<8>(row, strip);
#endif
    for (; row + 4 <= call.rows; row += 4) rows<4>(row, strip);
    for (; row < call.rows; ++row) rows<1>(row, strip);
  }
  void done() const {}
};

// ---- AMX -------------------------------------------------------------------------------------------------------------

#if FLEXSERVE_AMX

// The kernel asks to be allowed the tile registers, once per process.
bool allowed() {
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

// Tiles 0..3: sums [row tile][column tile]; 4, 5: rows; 6, 7: weights.
void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

constexpr int64_t TILE = TILE_ROWS * DEPTH;  // bf16 numbers of a tile
constexpr int64_t AHEAD = 8 * TILE;          // how far ahead weights are fetched

// One pass over `count` tiles of depth: two column tiles, one or two row tiles.
template <bool TWO>
inline void multiply(const bf16* x, int64_t x_row, const bf16* weight, int64_t count) {
  const int64_t stride = x_row * (int64_t)sizeof(bf16);
  for (int64_t i = 0; i < count; ++i, x += DEPTH, weight += 2 * TILE) {
    for (int64_t line = 0; line < 2 * TILE; line += 32) _mm_prefetch((const char*)(weight + AHEAD + line), _MM_HINT_T0);
    _tile_loadd(6, weight, 64);
    _tile_loadd(7, weight + TILE, 64);
    _tile_loadd(4, x, stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (TWO) {
      _tile_loadd(5, x + TILE_ROWS * x_row, stride);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
}

// Rows of x filled up to whole tiles in both directions.
struct Rows {
  const bf16* x;
  int64_t count, stride;  // stride: depth filled up
};

// Writes the sums of up to 32 rows and 32 columns.
void write_sums(const FlexserveLinear& call, int64_t first, int64_t strip) {
  alignas(64) float sums[4][TILE_ROWS][16];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  const int64_t rows = std::min(BLOCK_ROWS, call.rows - first);
  if (rows > TILE_ROWS) {
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
  }
  for (int half = 0; half < 2; ++half) {
    const int64_t column = strip * STRIP + half * 16, count = std::min<int64_t>(16, call.columns - column);
    if (count <= 0) return;
    const vf bias = call.bias ? load_part(call.bias + column, count) : vf{};
    for (int64_t r = 0; r < rows; ++r) {
      vf sum = load(sums[r / TILE_ROWS * 2 + half][r % TILE_ROWS]);
      if (call.bias) sum = sum + bias;
      store_part((bf16*)call.out + (first + r) * call.columns + column, sum, count);
    }
  }
}

template <class Source>
struct TileLinear {
  const FlexserveLinear& call;
  const Rows& rows;
  const Source source;

  void operator()(int64_t strip) const {
    static thread_local Buffer<bf16> memory;
    static const TileConfig config;
    _tile_loadconfig(&config);
    const int64_t tiles = rows.stride / DEPTH;
    const bool many = call.rows > BLOCK_ROWS;
    // With many rows a strip is unpacked once for all of them, else piece by piece into the first-level cache.
    const int64_t piece = many || Source::READY ? tiles : 1;
    bf16* buffer = Source::READY ? nullptr : memory.reserve(piece * 2 * TILE);
    const bf16* weight = many ? source.tiles(strip, 0, tiles, buffer) : nullptr;
    for (int64_t first = 0; first < call.rows; first += BLOCK_ROWS) {
      const bool two = call.rows - first > TILE_ROWS;
      const bf16* x = rows.x + first * rows.stride;
      clear_sums();
      for (int64_t t = 0; t < tiles; t += piece) {
        const bf16* w = many ? weight : source.tiles(strip, t, piece, buffer);
        if (two) multiply<true>(x + t * DEPTH, rows.stride, w, piece);
        else multiply<false>(x + t * DEPTH, rows.stride, w, piece);
      }
      write_sums(call, first, strip);
    }
  }
  void done() const { _tile_release(); }
};

// bf16 weights lie ready in tiles.
struct Bf16Source {
  static constexpr bool READY = true;
  const bf16* weight;
  int64_t strip_size;
  const bf16* tiles(int64_t strip, int64_t first, int64_t, bf16*) const {
    return weight + strip * strip_size + first * 2 * TILE;
  }
};

// Two 4-bit numbers a byte: k even in the low half, k odd in the high half; per pair of k 32 bytes, one a column.
struct Nf4Source {
  static constexpr bool READY = false;
  const uint8_t* codes;
  const float* absmax;  // [strip, K / 64, 32]
  const float* codebook;
  int64_t depth;

  const bf16* tiles(int64_t strip, int64_t first, int64_t count, bf16* out) const {
    const __m512 book = _mm512_loadu_ps(codebook);
    const __m512i pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,  //
                                           23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const int64_t tile_bytes = TILE_ROWS * STRIP;
    const uint8_t* in = codes + (strip * (depth / DEPTH) + first) * tile_bytes;
    for (int64_t t = first; t < first + count; ++t, out += 2 * TILE) {
      const float* scale = absmax + (strip * (depth / NF4_BLOCK) + t * DEPTH / NF4_BLOCK) * STRIP;
      const __m512 left = _mm512_loadu_ps(scale), right = _mm512_loadu_ps(scale + 16);
      for (int64_t line = 0; line < tile_bytes; line += 64) _mm_prefetch((const char*)(in + 4096 + line), _MM_HINT_T0);
      for (int64_t p = 0; p < TILE_ROWS; ++p, in += STRIP) {
        const __m512i a = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)in));
        const __m512i b = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)(in + 16)));
        _mm512_store_si512(out + p * DEPTH, unpacked(a, book, left, pairs));
        _mm512_store_si512(out + TILE + p * DEPTH, unpacked(b, book, right, pairs));
      }
    }
    return out - count * 2 * TILE;
  }

  // 16 columns x 2 k, the two k of a column beside each other.
  static __m512i unpacked(__m512i codes, __m512 book, __m512 scale, __m512i pairs) {
    const __m512 even = _mm512_mul_ps(_mm512_permutexvar_ps(codes, book), scale);
    const __m512 odd = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(codes, 4), book), scale);
    return _mm512_permutexvar_epi16(pairs, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
  }
};

// x itself where it has whole tiles, else a copy filled up with zeros.
Rows whole_rows(const FlexserveLinear& call, Buffer<bf16>& memory) {
  const int64_t count = up(call.rows, TILE_ROWS), stride = up(call.depth, DEPTH);
  const bf16* x = (const bf16*)call.x;
  if (count == call.rows && stride == call.depth) return {x, count, stride};
  bf16* copy = memory.reserve(count * stride);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t own = r < call.rows ? call.depth : 0;
    if (own) std::memcpy(copy + r * stride, x + r * call.depth, own * sizeof(bf16));
    std::memset(copy + r * stride + own, 0, (stride - own) * sizeof(bf16));
  }
  return {copy, count, stride};
}

template <class Source>
void run_tiles(const FlexserveLinear& call, const Source& source, FlexserveParallel parallel) {
  static thread_local Buffer<bf16> memory;
  const Rows rows = whole_rows(call, memory);
  TileLinear<Source> body{call, rows, source};
  Strips<TileLinear<Source>> strips(up(call.columns, STRIP) / STRIP, body);
  strips.run(rows.count * call.depth * call.columns, call.num_threads, parallel);
}

#endif  // FLEXSERVE_AMX

}  // namespace
}  // namespace flexserve

using namespace flexserve;

// Which kinds this library computes on this processor, as bits 1 << FlexserveLinearKind.
FLEXSERVE_EXPORT int flexserve_linear_kinds() {
  int kinds = 1 << FLEXSERVE_LINEAR_FP32;
#if FLEXSERVE_AMX
  if (allowed()) kinds |= 1 << FLEXSERVE_LINEAR_BF16 | 1 << FLEXSERVE_LINEAR_NF4;
#endif
  return kinds;
}

// Packs weight [N, K] into strips of 32 columns; what lies beyond N and K is zero. bf16: [strip][K / 32][2 tiles]
// [16 pairs of k][16 columns][2]. fp32: [strip][K][32].
FLEXSERVE_EXPORT int flexserve_linear_pack(int64_t kind, const void* weight, int64_t columns, int64_t depth, void* out) {
  const int64_t strips = up(columns, STRIP) / STRIP;
  if (kind == FLEXSERVE_LINEAR_FP32) {
    const float* from = (const float*)weight;
    float* to = (float*)out;
    for (int64_t s = 0; s < strips; ++s)
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t i = 0; i < STRIP; ++i, ++to) {
          const int64_t n = s * STRIP + i;
          *to = n < columns ? from[n * depth + k] : 0;
        }
    return 0;
  }
  if (kind != FLEXSERVE_LINEAR_BF16) return 1;
  const uint16_t* from = (const uint16_t*)weight;
  uint16_t* to = (uint16_t*)out;
  const int64_t whole = up(depth, DEPTH);
  for (int64_t s = 0; s < strips; ++s)
    for (int64_t k = 0; k < whole; k += DEPTH)
      for (int64_t half = 0; half < 2; ++half)
        for (int64_t p = 0; p < 16; ++p)
          for (int64_t i = 0; i < 16; ++i)
            for (int64_t j = 0; j < 2; ++j, ++to) {
              const int64_t n = s * STRIP + half * 16 + i, at = k + 2 * p + j;
              *to = n < columns && at < depth ? from[n * depth + at] : 0;
            }
  return 0;
}

// Packs bitsandbytes' NF4: codes [N * K / 2], the earlier number in the high half; absmax [N * K / 64]; K a multiple of
// 64. codes_out [strip][K / 2][32], absmax_out [strip][K / 64][32]; columns beyond N: codes 7 (zero), absmax 0.
FLEXSERVE_EXPORT int flexserve_linear_pack_nf4(const uint8_t* codes, const float* absmax, int64_t columns, int64_t depth,
                                               uint8_t* codes_out, float* absmax_out) {
  if (depth % NF4_BLOCK) return 1;
  const int64_t strips = up(columns, STRIP) / STRIP;
  for (int64_t s = 0; s < strips; ++s) {
    for (int64_t p = 0; p < depth / 2; ++p)
      for (int64_t i = 0; i < STRIP; ++i) {
        const int64_t n = s * STRIP + i;
        const uint8_t both = n < columns ? codes[n * (depth / 2) + p] : 0x77;
        *codes_out++ = (uint8_t)(both >> 4 | both << 4);
      }
    for (int64_t b = 0; b < depth / NF4_BLOCK; ++b)
      for (int64_t i = 0; i < STRIP; ++i) {
        const int64_t n = s * STRIP + i;
        *absmax_out++ = n < columns ? absmax[n * (depth / NF4_BLOCK) + b] : 0;
      }
  }
  return 0;
}

FLEXSERVE_EXPORT int flexserve_linear(const FlexserveLinear* call, FlexserveParallel parallel) {
  if (call->kind == FLEXSERVE_LINEAR_FP32) {
    Fp32Linear body{*call};
    Strips<Fp32Linear> strips(up(call->columns, STRIP) / STRIP, body);
    strips.run(call->rows * call->depth * call->columns, call->num_threads, parallel);
    return 0;
  }
#if FLEXSERVE_AMX
  if (call->kind == FLEXSERVE_LINEAR_BF16) {
    const int64_t strip_size = up(call->depth, DEPTH) * STRIP;
    run_tiles(*call, Bf16Source{(const bf16*)call->weight, strip_size}, parallel);
    return 0;
  }
  if (call->kind == FLEXSERVE_LINEAR_NF4) {
    run_tiles(*call, Nf4Source{(const uint8_t*)call->weight, call->absmax, call->codebook, call->depth}, parallel);
    return 0;
  }
#endif
  return 1;
}
