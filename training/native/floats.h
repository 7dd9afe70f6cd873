// Products of the training pass in single precision, and what they read: everything as it lies. tiles.h has the same names for bf16.
// SW_ROWS, SW_COLUMNS, SW_GRADIENT_ROWS and SW_GRADIENT_COLUMNS are sums side by side; SW_PIN keeps a vector in a register.
#pragma once
#include "vectors.h"

namespace sparsewave {
namespace {

// Weights come from the second-level cache, one line a block: they are asked for this many blocks ahead.
constexpr int kAhead = 8;

// The thread's state that products need: none.
struct Products {
  Products() {}
};

// What the forward pass leaves for the backward one.
using Stored = VM;
inline void store(Stored* p, V v) { stream(p, v); }
inline V load(const Stored* p) { return *p; }

// Activations [features][16] as products read them; written to `to`.
inline const float* operand(const float* x, int, float*) { return x; }

// A strip's weights as products read them: its kept blocks one after another. A dense matrix lies so already.
constexpr bool kInPlace = true;
inline size_t strip_floats(int kept) { return (size_t)kept * kBlock; }
inline void gather_strip(const float* w, const uint16_t* columns, int kept, float* to) {
  for (int j = 0; j < kept; j++) memcpy(to + (size_t)j * kBlock, w + (size_t)columns[j] * kBlock, sizeof(float) * kBlock);
}

// Gradients of outputs, a tile [16 rows][16] for each strip and step.
using Delta = const float*;
struct Deltas {
  float* data;
  size_t strip_stride, step_stride;
  static size_t floats(int strips, int steps) { return (size_t)strips * steps * kTile; }
  static Deltas in(float* to, int steps) { return {to, (size_t)steps * kTile, kTile}; }
  // Of [steps][strips][16][16], steps `stride` apart; written to `to`.
  static Deltas of(float* d, size_t stride, int, int, float*) { return {d, kTile, stride}; }
  float* tile(int s, int t) const { return data + s * strip_stride + t * step_stride; }
  Delta at(int s, int t) const { return tile(s, t); }
  // Vector i of a tile and that of the next row.
  void put(int s, int t, int i, V first, V second) const { vec(tile(s, t))[i] = first, vec(tile(s, t))[i + kParts] = second; }
};

// y[16][16] = from[16][16] + sum_j w[j][16] x[columns[j]][16]: one strip of a block-sparse product. `from` may be y.
SW_NOINLINE void multiply_kept(const float* w, const uint16_t* columns, int kept, const float* x, const float* from, float* y) {
  for (int r0 = 0; r0 < kBlock; r0 += SW_ROWS) {
    V acc[SW_ROWS][kParts];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) acc[r][p] = vec(from + (r0 + r) * kLanes)[p];
    const float* wj = w + r0;
    for (int j = 0; j < kept; j++, wj += kBlock) {
      __builtin_prefetch(wj + kAhead * kBlock);
      V xj[kParts];
      for (int p = 0; p < kParts; p++) {
        xj[p] = vec(x + columns[j] * kLanes)[p];
        SW_PIN(xj[p]);  // keeps x in a register, so that the weight is the folded operand
      }
      for (int r = 0; r < SW_ROWS; r++)
        for (int p = 0; p < kParts; p++) acc[r][p] += wj[r] * xj[p];
    }
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) vec(y + (r0 + r) * kLanes)[p] = acc[r][p];
  }
}

// to[n][16][16] = from[n][16][16] + the terms' products that belong to sum n. `from` may be `to`.
template <int... N, size_t Sums>
inline void multiply_strips(const float* const (&from)[Sums], float* const (&to)[Sums], const Term<N>&... terms) {
  const float* last[Sums];
  std::copy(from, from + Sums, last);
  ((multiply_kept(terms.a.w, terms.a.columns, terms.a.kept, terms.x, last[N], to[N]), last[N] = to[N]), ...);
}

template <int N>
SW_NOINLINE void multiply_transposed_columns(const float* w, const uint16_t* columns, const float* d, float* dx, const void* ahead) {
  V acc[N][kParts];
  for (int j = 0; j < N; j++)
    for (int p = 0; p < kParts; p++) acc[j][p] = V{};
  for (int r = 0; r < kBlock; r++) {
    __builtin_prefetch(w + (N + r) * kBlock);
    __builtin_prefetch(static_cast<const float*>(ahead) + r * kLanes);
    V dr[kParts];
    for (int p = 0; p < kParts; p++) {
      dr[p] = vec(d + r * kLanes)[p];
      SW_PIN(dr[p]);
    }
    for (int j = 0; j < N; j++)
      for (int p = 0; p < kParts; p++) acc[j][p] += w[j * kBlock + r] * dr[p];
  }
  for (int j = 0; j < N; j++)
    for (int p = 0; p < kParts; p++) vec(dx + columns[j] * kLanes)[p] += acc[j][p];
}

// Cuts `kept` columns into tiles of at most N and of sizes as equal as can be, so that no tile is too small to hide latency.
template <int N, class F>
inline void for_tiles(int kept, F&& f) {
  for (int j = 0, tiles = (kept + N - 1) / N; tiles > 0; tiles--) {
    const int n = (kept - j + tiles - 1) / tiles;
    with_constant<N>(n, [&](auto size) { f(j, size); });
    j += n;
  }
}

// dx[columns[j]][16] += sum_r w[j][r] d[r][16]: the transpose of multiply_strips.
inline void multiply_strip_transposed(const Strip& a, Delta d, float* dx, Ahead* ahead = nullptr) {
  for_tiles<SW_COLUMNS>(a.kept, [&](int j, auto n) { multiply_transposed_columns<n>(a.w + j * kBlock, a.columns + j, d, dx, ahead ? ahead->take(d) : d); });
}

template <size_t... I>
inline V interleave(V a, V b, size_t from, std::index_sequence<I...>) {
#if defined(__clang__) || __GNUC__ >= 12
  return from ? __builtin_shufflevector(a, b, (int)(SW_VECTOR / 2 + I / 2 + I % 2 * SW_VECTOR)...) : __builtin_shufflevector(a, b, (int)(I / 2 + I % 2 * SW_VECTOR)...);
#else
  return from ? __builtin_shuffle(a, b, VI{(int)(SW_VECTOR / 2 + I / 2 + I % 2 * SW_VECTOR)...}) : __builtin_shuffle(a, b, VI{(int)(I / 2 + I % 2 * SW_VECTOR)...});
#endif
}

// Halves of a and b added: lane 2i of the result is a's, lane 2i + 1 is b's.
inline V merge(V a, V b) {
  constexpr auto lanes = std::make_index_sequence<SW_VECTOR>();
  return interleave(a, b, 0, lanes) + interleave(a, b, 1, lanes);
}

// One vector whose lane l holds a part of the sum of the lanes of v[l % R].
template <int R>
inline V merge_rows(const V* v) {
  V halves[R / 2];
  for (int r = 0; r < R / 2; r++) halves[r] = merge(v[r], v[r + R / 2]);
  return merge_rows<R / 2>(halves);
}
template <>
inline V merge_rows<1>(const V* v) {
  return v[0];
}

// g[r] += sum of the lanes of v[r], for R rows.
template <int R>
inline void add_lane_sums_of_rows(const V* v, float* g) {
  alignas(64) float lanes[SW_VECTOR];
  vec(lanes)[0] = merge_rows<R>(v);
  for (int l = 0; l < SW_VECTOR; l++) g[l % R] += lanes[l];
}

template <int N>
SW_NOINLINE void accumulate_columns(float* g, const uint16_t* columns, const float* d, size_t d_stride, const float* x, size_t x_stride, int n) {
  for (int r0 = 0; r0 < kBlock; r0 += SW_GRADIENT_ROWS) {
    V acc[N][SW_GRADIENT_ROWS];
    for (int j = 0; j < N; j++)
      for (int r = 0; r < SW_GRADIENT_ROWS; r++) acc[j][r] = V{};
    const float* xj[N];
    for (int j = 0; j < N; j++) xj[j] = x + columns[j] * x_stride;
    const float* dt = d + r0 * kLanes;
    for (int t = 0; t < n; t++, dt += d_stride)
      for (int p = 0; p < kParts; p++) {
        V xv[N];
        for (int j = 0; j < N; j++) {
          xv[j] = vec(xj[j] + t * kLanes)[p];
          SW_PIN(xv[j]);
        }
        for (int r = 0; r < SW_GRADIENT_ROWS; r++) {
          V dv = vec(dt + r * kLanes)[p];
          SW_PIN(dv);
          for (int j = 0; j < N; j++) acc[j][r] += dv * xv[j];
        }
      }
    for (int j = 0; j < N; j++) add_lane_sums_of_rows<SW_GRADIENT_ROWS>(acc[j], g + j * kBlock + r0);
  }
}

// Activations by feature, [features][steps][16], so that a column is read in sequence; features `stride` apart.
struct Packed {
  const float* data;
  size_t stride;
  Packed features(int from) const { return {data + from * stride, stride}; }
};
inline size_t packed_floats(int features, int n) { return (size_t)features * n * kLanes; }
// Of [n][features][16], steps x_stride apart.
inline Packed pack(const float* x, size_t x_stride, int features, int n, float* to) {
  for (int i = 0; i < features; i++)
    for (int t = 0; t < n; t++)
      for (int p = 0; p < kParts; p++) vec(to + ((size_t)i * n + t) * kLanes)[p] = vec(x + t * x_stride + i * kLanes)[p];
  return {to, (size_t)n * kLanes};
}
// The same moved by one step: `packed` has one step more than is read of it.
inline Packed pack_next(const Packed& packed, const float*, size_t, int, int, float*) { return {packed.data + kLanes, packed.stride}; }

// A strip's deltas over n steps as weight gradients read them.
struct Turned {
  const float* d;
  size_t stride;
  int n;
};
constexpr size_t kTurned = 1;  // floats a step that `turn` needs
inline Turned turn(const Deltas& d, int s, int t, int n, float*) { return {d.tile(s, t), d.step_stride, n}; }

// g[j][r] += sum_t sum_lanes d[t][r] x[columns[j]][t]: the weight gradient of one strip.
inline void accumulate_strip(float* g, const uint16_t* columns, int kept, const Turned& d, const Packed& x) {
  for_tiles<SW_GRADIENT_COLUMNS>(kept, [&](int j, auto size) { accumulate_columns<size>(g + j * kBlock, columns + j, d.d, d.stride, x.data, x.stride, d.n); });
}

// y[16][16] = sum_t d[t][16][16].
SW_NOINLINE void add_steps(const Deltas& d, int s, int from, int n, float* y) {
  const float* dt = d.tile(s, from);
  for (int r0 = 0; r0 < kBlock; r0 += SW_ROWS) {
    V acc[SW_ROWS][kParts];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) acc[r][p] = V{};
    for (int t = 0; t < n; t++)
      for (int r = 0; r < SW_ROWS; r++)
        for (int p = 0; p < kParts; p++) acc[r][p] += vec(dt + t * d.step_stride + (r0 + r) * kLanes)[p];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) vec(y + (r0 + r) * kLanes)[p] = acc[r][p];
  }
}

// gradient[rows] += the sums over lanes and steps.
inline void add_sums(float* gradient, const Deltas& d, int s, int rows, int n) {
  for (int t = 0; t < n; t++) add_lane_sums(gradient, d.tile(s, t), rows, kLanes);
}

}  // namespace
}  // namespace sparsewave
