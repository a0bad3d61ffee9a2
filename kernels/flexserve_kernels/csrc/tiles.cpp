// Linear layers by AMX tiles over bf16, NF4 and LLM.int8 weights.
//
// Threads share out strips of 32 columns; a sum runs over the depth front to back in one tile register (or is put down
// and taken up again, which changes no bit), whatever rows come along. So a row's bits depend on that row alone.
//
// NF4: the 16 values of a block, codebook times absmax in fp32 rounded to bf16, are bitsandbytes' dequantised values;
// they make a table in a register, and one instruction looks up 32 of them, straight into the order of a tile.
#include "tiles.h"

#include "share.h"

#if FLEXSERVE_AMX

namespace flexserve {
namespace {

constexpr int64_t PASS_ROWS = 32;     // rows that share one pass over a strip
constexpr int64_t CHUNK_ROWS = 256;   // rows whose tiles of a piece, and sums, stay in the second-level cache
constexpr int64_t PIECE = 8;          // depth tiles of a strip, 16 KB in the first-level cache, for all of a chunk
constexpr int64_t GROUP = 8;          // strips that a chunk's piece is multiplied with while it is there
constexpr int64_t AHEAD = 4096;       // bytes that weights are fetched ahead

inline void fetch(const uint8_t* from, int64_t bytes) {
  for (int64_t line = 0; line < bytes; line += 64) _mm_prefetch((const char*)(from + AHEAD + line), _MM_HINT_T0);
}

// Weights that lie ready in tiles: [strip][depth tile][2][16 columns][64 bytes].
template <bool INTEGER_>
struct ReadyTiles {
  static constexpr bool INTEGER = INTEGER_, READY = true;
  static constexpr int64_t TURN = 1;  // depth tiles that are unpacked at a time
  const uint8_t* weight;
  int64_t depth_tiles;
  const uint8_t* tiles(int64_t strip, int64_t first, uint8_t*) const {
    const uint8_t* at = weight + (strip * depth_tiles + first) * 2 * TILE_BYTES;
    fetch(at, 2 * TILE_BYTES);
    return at;
  }
};

// codes [strip][K / 64][16 pairs of columns][32][4]: four 4-bit numbers of a 16-bit word, low ones first, are column
// 2 p at k = j and k = 32 + j, then column 2 p + 1. absmax [strip][K / 64][32].
struct Nf4Tiles {
  static constexpr bool INTEGER = false, READY = false;
  static constexpr int64_t TURN = 2;
  const uint8_t* codes;
  const float *absmax, *codebook;
  int64_t depth_tiles;

  const uint8_t* tiles(int64_t strip, int64_t first, uint8_t* out) const {
    const int64_t block = (strip * depth_tiles + first) / 2;
    const uint8_t* in = codes + block * 1024;
    const float* scale = absmax + block * STRIP;
    const __m512 book = _mm512_loadu_ps(codebook);
    for (int pair = 0; pair < 16; ++pair, in += 64) {
      _mm_prefetch((const char*)(in + 4096), _MM_HINT_T0);
      const __m512i words = _mm512_load_si512((const void*)in);
      // The lookup reads five bits of an index; the table is doubled so that the fifth does not matter.
      const __m512i left = table(book, scale[2 * pair]), right = table(book, scale[2 * pair + 1]);
      uint8_t* line = out + pair / 8 * TILE_BYTES + pair % 8 * 128;
      _mm512_store_si512(line, _mm512_permutexvar_epi16(words, left));
      _mm512_store_si512(line + 2 * TILE_BYTES, _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 4), left));
      _mm512_store_si512(line + 64, _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 8), right));
      _mm512_store_si512(line + 2 * TILE_BYTES + 64, _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 12), right));
    }
    written();
    return out;
  }

  static __m512i table(__m512 book, float scale) {
    const __m512 values = _mm512_mul_ps(book, _mm512_set1_ps(scale));
    return (__m512i)_mm512_cvtne2ps_pbh(values, values);
  }
};

// Sums of 16 columns x 16 rows to numbers of out. first_row, column: of the tile's corner.
struct FloatOut {
  const FlexserveLinear& call;
  void operator()(const float (*sums)[16], int64_t first_row, int64_t column) const {
    const int64_t columns = std::min<int64_t>(16, call.columns - column);
    const int64_t rows = std::min<int64_t>(16, call.rows - first_row);
    if (columns <= 0) return;
    vf lines[16];
    for (int i = 0; i < 16; ++i) lines[i] = load(sums[i]);
    transpose(lines);
    const vf bias = call.bias ? load_part(call.bias + column, columns) : vf{};
    bf16* out = (bf16*)call.out + first_row * call.columns + column;
    for (int64_t r = 0; r < rows; ++r, out += call.columns)
      store_part(out, call.bias ? lines[r] + bias : lines[r], columns);
  }
};

// sum * (row scale * column scale) / 127^2 + bias, then the row's outliers one by one in ascending order.
struct Int8Out {
  const FlexserveLinear& call;
  const Int8Rows& rows;
  void operator()(const float (*sums)[16], int64_t first_row, int64_t column) const {
    const int64_t columns = std::min<int64_t>(16, call.columns - column);
    const int64_t count = std::min<int64_t>(16, call.rows - first_row);
    if (columns <= 0) return;
    vf lines[16];
    for (int i = 0; i < 16; ++i) lines[i] = load(sums[i]);  // integers; only moved about as floats
    transpose(lines);
    const vf bias = call.bias ? load_part(call.bias + column, columns) : vf{};
    const vf scale = load_part(call.scale + column, columns);
    bf16* out = (bf16*)call.out + first_row * call.columns + column;
    const auto at = [&](int64_t k) { return weights(column, k); };
    for (int64_t r = 0; r < count; ++r, out += call.columns) {
      const vi exact = as_int(lines[r]);
      const QuantisedRow& row = rows.rows[first_row + r];
      store_part(out, dequantised(exact, row, scale, call.bias ? &bias : nullptr, at), columns);
    }
  }

  vf weights(int64_t column, int64_t k) const {
    const int64_t tile = (column / STRIP * rows.tiles.depth_tiles + k / 64) * 2 + column % STRIP / 16;
    const int8_t* at = (const int8_t*)call.weight + tile * TILE_BYTES + k % 64;
    float values[16];
    for (int i = 0; i < 16; ++i) values[i] = at[i * 64];
    return load(values);
  }
};

template <class Source, class Out>
struct TileLinear {
  const FlexserveLinear& call;
  const RowTiles& x;
  const Source source;
  const Out out;

  // Strips that a thread takes at a time.
  int64_t group() const {
    if (call.rows <= PASS_ROWS) return call.rows <= TILE_ROWS ? 2 : 1;
    return std::clamp<int64_t>(strips() / (4 * std::max<int64_t>(call.num_threads, 1)), 1, GROUP);
  }
  int64_t strips() const { return up(call.columns, STRIP) / STRIP; }

  void operator()(int64_t index) const {
    const TileConfig config(x.width);
    _tile_loadconfig(&config);
    const int64_t first = index * group(), end = std::min(first + group(), strips());
    if (call.rows <= PASS_ROWS) {
      if (call.rows > TILE_ROWS) return pass<true>(first);
      return end - first == 2 ? pass_two_strips(first) : pass<false>(first);
    }
    for (int64_t row = 0; row < x.row_tiles; row += CHUNK_ROWS / TILE_ROWS)
      chunk(first, end, row, std::min(x.row_tiles, row + CHUNK_ROWS / TILE_ROWS));
  }
  void done() const { _tile_release(); }

 private:
  static constexpr int64_t TURN = Source::TURN;
  using Sums = float[4][16][16];

  // Few rows: the strip is unpacked and multiplied turn by turn.
  template <bool TWO>
  void pass(int64_t strip) const {
    alignas(64) uint8_t unpacked[2][Source::READY ? 64 : TURN * 2 * TILE_BYTES];
    clear_sums();
    for (int64_t t = 0; t < x.depth_tiles; t += TURN) {
      const uint8_t* weight = source.tiles(strip, t, unpacked[t / TURN % 2]);
      for (int64_t i = 0; i < TURN; ++i)
        multiply<TWO, Source::INTEGER>(weight + i * 2 * TILE_BYTES, x.at(0, t + i), x.width, x.row_tile_bytes());
    }
    alignas(64) Sums sums;
    put_down(sums[0][0]);
    write(sums, strip, 0);
  }

  // Sixteen rows or fewer: their tiles are loaded once for two strips.
  void pass_two_strips(int64_t strip) const {
    alignas(64) uint8_t unpacked[2][2][Source::READY ? 64 : TURN * 2 * TILE_BYTES];
    clear_sums();
    for (int64_t t = 0; t < x.depth_tiles; t += TURN) {
      const uint8_t* one = source.tiles(strip, t, unpacked[t / TURN % 2][0]);
      const uint8_t* two = source.tiles(strip + 1, t, unpacked[t / TURN % 2][1]);
      for (int64_t i = 0; i < TURN; ++i, one += 2 * TILE_BYTES, two += 2 * TILE_BYTES)
        multiply_two_strips<Source::INTEGER>(one, two, x.at(0, t + i), x.width);
    }
    alignas(64) Sums sums;
    put_down(sums[0][0]);
    for (int i = 0; i < 4; ++i) out(sums[i], 0, strip * STRIP + i * 16);
  }

  // Many rows: a piece of a strip is unpacked and multiplied with all of them before the next.
  void chunk(int64_t first_strip, int64_t end_strip, int64_t first_row, int64_t end_row) const {
    static thread_local Buffer weight_memory, sum_memory;
    uint8_t* unpacked = Source::READY ? nullptr : weight_memory.reserve<uint8_t>(PIECE * 2 * TILE_BYTES);
    const int64_t pairs = (end_row - first_row + 1) / 2;
    Sums* sums = sum_memory.reserve<Sums>((end_strip - first_strip) * pairs);
    for (int64_t t = 0; t < x.depth_tiles; t += PIECE) {
      const int64_t end = std::min(t + PIECE, x.depth_tiles);
      for (int64_t strip = first_strip; strip < end_strip; ++strip)
        multiply_rows(piece(strip, t, end, unpacked), first_row, end_row, t, end, sums + (strip - first_strip) * pairs);
    }
    for (int64_t strip = first_strip; strip < end_strip; ++strip)
      for (int64_t pair = 0; pair < pairs; ++pair)
        write(sums[(strip - first_strip) * pairs + pair], strip, first_row + 2 * pair);
  }

  void multiply_rows(const uint8_t* weight, int64_t first_row, int64_t end_row, int64_t t, int64_t end,
                     Sums* sums) const {
    for (int64_t row = first_row; row < end_row; row += 2, ++sums) {
      t ? take_up((*sums)[0][0]) : clear_sums();
      row + 1 < end_row ? run<true>(weight, row, t, end) : run<false>(weight, row, t, end);
      put_down((*sums)[0][0]);
    }
  }

  const uint8_t* piece(int64_t strip, int64_t t, int64_t end, uint8_t* unpacked) const {
    if (Source::READY) return source.tiles(strip, t, nullptr);
    for (int64_t i = t; i < end; i += TURN) source.tiles(strip, i, unpacked + (i - t) * 2 * TILE_BYTES);
    return unpacked;
  }

  template <bool TWO>
  void run(const uint8_t* weight, int64_t row_tile, int64_t t, int64_t end) const {
    for (; t < end; ++t, weight += 2 * TILE_BYTES)
      multiply<TWO, Source::INTEGER>(weight, x.at(row_tile, t), x.width, x.row_tile_bytes());
  }

  void write(const Sums& sums, int64_t strip, int64_t row_tile) const {
    for (int half = 0; half < 2; ++half)
      for (int next = 0; next < 2; ++next)
        if (row_tile + next < x.row_tiles)
          out(sums[2 * half + next], (row_tile + next) * TILE_ROWS, strip * STRIP + half * 16);
  }
};

template <class Source, class Out>
void run_tiles(const FlexserveLinear& call, const RowTiles& x, const Source& source, const Out& out,
               FlexserveParallel parallel) {
  const TileLinear<Source, Out> body{call, x, source, out};
  const int64_t work = x.row_tiles * TILE_ROWS * call.depth * call.columns;
  share((body.strips() + body.group() - 1) / body.group(), work, call.num_threads, parallel, body);
}

}  // namespace

int tile_linear_kinds() {
  if (!tiles_allowed()) return 0;
  return 1 << FLEXSERVE_LINEAR_BF16 | 1 << FLEXSERVE_LINEAR_NF4 | 1 << FLEXSERVE_LINEAR_INT8;
}

int tile_linear(const FlexserveLinear& call, FlexserveParallel parallel) {
  static thread_local Buffer memory;
  if (call.kind == FLEXSERVE_LINEAR_INT8) {
    const Int8Rows rows = int8_rows(call, memory);
    const ReadyTiles<true> source{(const uint8_t*)call.weight, rows.tiles.depth_tiles};
    run_tiles(call, rows.tiles, source, Int8Out{call, rows}, parallel);
    return 0;
  }
  const RowTiles x = bf16_rows(call, memory);
  if (call.kind == FLEXSERVE_LINEAR_BF16) {
    run_tiles(call, x, ReadyTiles<false>{(const uint8_t*)call.weight, x.depth_tiles}, FloatOut{call}, parallel);
    return 0;
  }
  if (call.kind == FLEXSERVE_LINEAR_NF4 && call.depth % 64 == 0) {
    const Nf4Tiles source{(const uint8_t*)call.weight, call.scale, call.codebook, x.depth_tiles};
    run_tiles(call, x, source, FloatOut{call}, parallel);
    return 0;
  }
  return 1;
}

}  // namespace flexserve

#else

namespace flexserve {
int tile_linear_kinds() { return 0; }
int tile_linear(const FlexserveLinear&, FlexserveParallel) { return 1; }
}  // namespace flexserve

#endif
