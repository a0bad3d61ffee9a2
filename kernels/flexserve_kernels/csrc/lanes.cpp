// Linear layers over vector lanes for bf16, NF4 and LLM.int8 weights, where there are no tile registers.
//
// Threads share out strips of 8 columns, weights [strip][block of 64][8][64], which one row reads front to back.
// LLM.int8 gives the bits of tiles.cpp; of the others the order of the sum is another, so bits differ between
// processors, never between rows of one.
#include "lanes.h"

#include <algorithm>

#include "native.h"
#include "quantise.h"
#include "share.h"

namespace flexserve {
namespace {

constexpr int64_t STRIP = 8;       // columns
constexpr int64_t ROWS = 8;        // whose blocks lie side by side
constexpr int64_t FEW_ROWS = 32;   // up to here a thread takes strips one by one
constexpr int64_t GROUP = 8;       // strips that stay in a cache for all rows where there are more
#if defined(__AVX512F__)
constexpr int SUMS = 16;           // that fit the registers beside weights and rows
#else
constexpr int SUMS = 8;
#endif

// By halves, whatever the company.
template <class Vector>
inline auto total(Vector x) {
  decltype(x[0] + x[0]) lanes[W];
  std::memcpy(lanes, &x, sizeof x);
  for (int step = W / 2; step; step /= 2)
    for (int i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  return lanes[0];
}

// Rows as a format multiplies them: [rows / 8][block][8][64], what is missing is zero.
template <class Row>
struct LaneRows {
  int64_t blocks;
  std::vector<Row> numbers;

  LaneRows(int64_t rows, int64_t depth) : blocks((depth + LANE_BLOCK - 1) / LANE_BLOCK) {
    numbers.resize((rows + ROWS - 1) / ROWS * ROWS * blocks * LANE_BLOCK + 64 / sizeof(Row));
  }
  Row* at(int64_t row, int64_t block) {
    const int64_t start = (-(uintptr_t)numbers.data() & 63) / sizeof(Row);
    return numbers.data() + start + ((row / ROWS * blocks + block) * ROWS + row % ROWS) * LANE_BLOCK;
  }
  const Row* at(int64_t row, int64_t block) const { return const_cast<LaneRows*>(this)->at(row, block); }
};

template <class Format, class Element>
void arrange(const Element* x, int64_t row, int64_t depth, LaneRows<typename Format::Row>& out) {
  for (int64_t block = 0; block < out.blocks; ++block) {
    const int64_t first = block * LANE_BLOCK, count = std::min(LANE_BLOCK, depth - first);
    Element part[LANE_BLOCK] = {};
    std::memcpy(part, x + first, count * sizeof(Element));
    Format::arrange(part, out.at(row, block));
  }
}

// The numbers of out that W or fewer sums, in columns from `column` on, become.
struct FloatOut {
  const FlexserveLinear& call;
  vf operator()(vf sum, int64_t, int64_t column, int64_t count) const {
    return call.bias ? sum + load_part(call.bias + column, count) : sum;
  }
};

struct Int8Out {
  const FlexserveLinear& call;
  const std::vector<QuantisedRow>& rows;
  int64_t blocks;
  vf operator()(vi sum, int64_t row, int64_t column, int64_t count) const {
    const vf bias = call.bias ? load_part(call.bias + column, count) : vf{};
    const auto weights = [&](int64_t k) {
      const int64_t line = (column / STRIP * blocks + k / LANE_BLOCK) * STRIP + column % STRIP;
      const int8_t* at = (const int8_t*)call.weight + line * LANE_BLOCK + k % LANE_BLOCK;
      float values[W] = {};
      for (int64_t i = 0; i < count; ++i) values[i] = at[i * LANE_BLOCK];
      return load(values);
    };
    return dequantised(sum, rows[row], load_part(call.scale + column, count), call.bias ? &bias : nullptr, weights);
  }
};

template <class Format, class Out>
struct LaneLinear {
  const FlexserveLinear& call;
  const LaneRows<typename Format::Row>& x;
  const Format format;
  const Out out;

  int64_t strips() const { return (call.columns + STRIP - 1) / STRIP; }
  int64_t group() const { return call.rows <= FEW_ROWS ? 1 : GROUP; }

  void operator()(int64_t index) const {
    const int64_t first = index * group(), end = std::min(first + group(), strips());
    for (int64_t row = 0; row < call.rows; row += ROWS)
      for (int64_t strip = first; strip < end; ++strip) some_rows(row, std::min(ROWS, call.rows - row), strip);
  }
  void done() const {}

 private:
  using Number = typename Format::Number;
  static constexpr bool EIGHT = SUMS == 16 && Format::UNPACKS;  // rows at once: worth fewer columns at once?
  static constexpr int64_t AHEAD = 4096 / (STRIP * Format::BYTES);  // blocks that weights are fetched ahead

  // Which of these a row takes changes nothing about it.
  void some_rows(int64_t row, int64_t count, int64_t strip) const {
    if (count == 1) return multiply<1>(row, count, strip);
    if (count > 4 && EIGHT) return multiply<8>(row, count, strip);
    multiply<4>(row, std::min<int64_t>(count, 4), strip);
    if (count > 4) multiply<4>(row + 4, count - 4, strip);
  }

  // R rows, zeros among them, of which `count` are wanted.
  template <int R>
  void multiply(int64_t row, int64_t count, int64_t strip) const {
    constexpr int C = std::min<int64_t>(SUMS / R, STRIP);
    Number sums[R][STRIP];
    for (int64_t column = 0; column < STRIP; column += C) add_up<R, C>(row, strip, column, sums);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t i = 0; i < STRIP; i += W) write(sums[r] + i, row + r, strip * STRIP + i);
  }

  template <int R, int C>
  void add_up(int64_t row, int64_t strip, int64_t column, Number (*sums)[STRIP]) const {
    typename Format::Sum sum[R][C] = {};
    for (int64_t block = 0; block < x.blocks; ++block) {
      const int64_t index = (strip * x.blocks + block) * STRIP + column;
      const auto* numbers = x.at(row, block);
      for (int64_t byte = 0; byte < C * Format::BYTES; byte += 64)
        __builtin_prefetch((const char*)call.weight + (index + AHEAD * STRIP) * Format::BYTES + byte);
      vu weights[C][PAIRS];
      for (int c = 0; c < C; ++c) format.block(index + c, weights[c]);
      for (int i = 0; i < PAIRS; ++i)
        for (int r = 0; r < R; ++r)
          for (int c = 0; c < C; ++c)
            sum[r][c] = Format::add(sum[r][c], weights[c][i], numbers + r * LANE_BLOCK, i);
    }
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sums[r][column + c] = total(sum[r][c]);
  }

  void write(const Number* sums, int64_t row, int64_t column) const {
    const int64_t count = std::min<int64_t>(std::min<int64_t>(W, STRIP), call.columns - column);
    if (count <= 0) return;
    typename Format::Sum sum{};
    std::memcpy(&sum, sums, count * sizeof(Number));
    store_part((bf16*)call.out + row * call.columns + column, out(sum, row, column, count), count);
  }
};

template <class Format, class Out>
int run(const FlexserveLinear& call, const LaneRows<typename Format::Row>& x, const Format& format, const Out& out,
        FlexserveParallel parallel) {
  const LaneLinear<Format, Out> body{call, x, format, out};
  const int64_t count = (body.strips() + body.group() - 1) / body.group();
  share(count, call.rows * call.depth * call.columns, call.num_threads, parallel, body);
  return 0;
}

int int8_linear(const FlexserveLinear& call, FlexserveParallel parallel) {
  LaneRows<Int8Lanes::Row> x(call.rows, call.depth);
  std::vector<int8_t> codes(call.depth);
  std::vector<QuantisedRow> rows;
  for (int64_t r = 0; r < call.rows; ++r) {
    rows.push_back(quantise_row((const bf16*)call.x + r * call.depth, call.depth, (float)call.threshold, codes.data()));
    arrange<Int8Lanes>(codes.data(), r, call.depth, x);
  }
  return run(call, x, Int8Lanes(call.weight), Int8Out{call, rows, x.blocks}, parallel);
}

}  // namespace

int lane_linear(const FlexserveLinear& call, FlexserveParallel parallel) {
  if (call.kind == FLEXSERVE_LINEAR_INT8) return int8_linear(call, parallel);
  LaneRows<Bf16Products::Row> x(call.rows, call.depth);
  for (int64_t r = 0; r < call.rows; ++r)
    arrange<Bf16Products>((const bf16*)call.x + r * call.depth, r, call.depth, x);
  if (call.kind == FLEXSERVE_LINEAR_BF16) return run(call, x, Bf16Lanes(call.weight), FloatOut{call}, parallel);
  if (call.kind == FLEXSERVE_LINEAR_NF4 && call.depth % LANE_BLOCK == 0)
    return run(call, x, Nf4Lanes(call.weight, call.scale, call.codebook), FloatOut{call}, parallel);
  return 1;
}

}  // namespace flexserve
