// Products of the training pass in AMX tiles: factors rounded to bf16 (to nearest even), sums in single precision. The names are those of
// floats.h. A tile product is C[16][16] += A[16][2p] B[2p][16], where a row of B holds pairs, (k, k + 1) of one column in one word.
#pragma once
#include "vectors.h"

namespace sparsewave {
namespace {

static_assert(SW_VECTOR == kLanes, "a lane group is one register");

using Word = uint32_t;  // two bf16; the first, or earlier, is the low half
constexpr int kLine = 16;  // words

// Tile registers: sums, factors of full depth (32) and of half.
enum Tile { kSum0, kSum1, kSum2, kSum3, kLeft, kRight, kHalfLeft, kHalfRight };

// AMX state belongs to a thread; it is given back at the end, so that later context switches need not save it.
struct Products {
  Products() {
    struct {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 32, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 8};
    } shapes;
    asm volatile("ldtilecfg %0" ::"m"(shapes));
  }
  Products(const Products&) = delete;
  ~Products() { asm volatile("tilerelease"); }
};

// The compilers' own functions do not say that a load reads memory.
template <int N>
inline void tile_load(const void* p, size_t bytes = 64) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(p), "r"(bytes), "i"(N) : "memory");
}
template <int N>
inline void tile_store(void* p) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(p), "r"((size_t)64), "i"(N) : "memory");
}
template <int N>
inline void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(N));
}
template <int C, int A, int B>
inline void tile_multiply() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

inline __m512i load_words(const void* p) { return _mm512_loadu_si512(p); }
inline void put_words(void* p, __m512i v) { _mm512_storeu_si512(p, v); }

inline __m256i bf16(V v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v))); }
// The bf16 of two half lines by turns: a word has one of each.
inline __m512i by_turns(__m512i both) {
  alignas(64) static constexpr uint16_t order[32] = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), both);
}
inline __m512i by_turns(__m256i first, __m256i second) { return by_turns(_mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1)); }

// [16][16] words -> their transpose.
inline void transpose(__m512i (&v)[16]) {
  __m512i a[16];
  for (int i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int k = 0; k < 2; k++) {
      v[i + 2 * k] = _mm512_unpacklo_epi64(a[i + k], a[i + 2 + k]);
      v[i + 2 * k + 1] = _mm512_unpackhi_epi64(a[i + k], a[i + 2 + k]);
    }
  // v[i + c] now holds column 4q + c of rows i .. i + 3 in its quarter q.
  for (int c = 0; c < 4; c++) {
    a[c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x88);
    a[4 + c] = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xdd);
    a[8 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x88);
    a[12 + c] = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xdd);
  }
  for (int c = 0; c < 4; c++) {
    v[c] = _mm512_shuffle_i32x4(a[c], a[8 + c], 0x88);
    v[8 + c] = _mm512_shuffle_i32x4(a[c], a[8 + c], 0xdd);
    v[4 + c] = _mm512_shuffle_i32x4(a[4 + c], a[12 + c], 0x88);
    v[12 + c] = _mm512_shuffle_i32x4(a[4 + c], a[12 + c], 0xdd);
  }
}

// What the forward pass leaves for the backward one, with the 11 bits of half precision: gates are within -1..1, and what lies in main
// memory is half as much.
struct Stored {
  __m256i half;
};
inline void store(Stored* p, V v) { _mm256_store_si256(&p->half, _mm512_cvtps_ph(reinterpret_cast<__m512>(v), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
inline V load(const Stored* p) { return reinterpret_cast<V>(_mm512_cvtph_ps(p->half)); }

// Activations [features][16] as products read them: bf16, half a line each, so that they stay in the first-level cache; written to `to`.
constexpr int kHalfLine = 32;  // bytes
SW_NOINLINE const float* operand(const float* x, int features, float* to) {
  for (int i = 0; i < features; i++) _mm256_store_si256(reinterpret_cast<__m256i*>(to) + i, bf16(vec(x)[i]));
  return to;
}

// A strip's weights as products read them, in tiles: [16 rows][32 columns] for the forward product, the last one [16][16] if that is enough,
// then [16 columns][16 rows] for the backward one, then where the columns' activations are. Missing columns have weights of 0, and are
// the first ones once more.
constexpr bool kInPlace = false;
constexpr int kHalf = 16;  // columns
constexpr size_t kHalfTile = 128;  // words
inline int halves(int kept) { return (kept + kHalf - 1) / kHalf; }
inline size_t strip_floats(int kept) { return halves(kept) * (2 * kHalfTile + kHalf); }
struct Tiles {
  const Word *forward, *backward, *offsets;  // offsets in bytes
  int halves;
  explicit Tiles(const Strip& a) : halves(sparsewave::halves(a.kept)) {
    forward = reinterpret_cast<const Word*>(a.w);
    backward = forward + halves * kHalfTile;
    offsets = backward + halves * kHalfTile;
  }
};

SW_NOINLINE void gather_strip(const float* w, const uint16_t* columns, int kept, float* to) {
  const Tiles tiles({to, columns, kept});
  Word *forward = const_cast<Word*>(tiles.forward), *backward = const_cast<Word*>(tiles.backward), *offsets = const_cast<Word*>(tiles.offsets);
  for (int j = 0; j < tiles.halves * kHalf; j++) offsets[j] = columns[j % kept] * kHalfLine;
  for (int h = 0; h < tiles.halves; h += 2) {
    const int count = std::min(2, tiles.halves - h);
    __m512i v[16] = {};
    for (int p = 0; p < 8 * count; p++) {
      __m256i pair[2];
      for (int k = 0; k < 2; k++) {
        const int j = h * kHalf + 2 * p + k;
        pair[k] = j < kept ? bf16(vec(w + (size_t)columns[j] * kBlock)[0]) : __m256i{};
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(backward + (size_t)j * 8), pair[k]);
      }
      v[p] = by_turns(pair[0], pair[1]);
    }
    transpose(v);
    for (int r = 0; r < kBlock; r++)
      if (count == 2) put_words(forward + h * kHalfTile + r * 16, v[r]);
      else _mm256_storeu_si256(reinterpret_cast<__m256i*>(forward + h * kHalfTile + r * 8), _mm512_castsi512_si256(v[r]));
  }
}

// Gradients of outputs for each strip and step, as the right factor of the backward product: [8 pairs of rows][16] words.
using Delta = const Word*;
struct Deltas {
  Word* words;
  int steps;
  static size_t floats(int strips, int steps) { return (size_t)strips * steps * kHalfTile; }
  static Deltas in(float* to, int steps) { return {reinterpret_cast<Word*>(to), steps}; }
  // Of [steps][strips][16][16] floats, steps `stride` apart; written to `to`.
  static Deltas of(const float* d, size_t stride, int strips, int steps, float* to) {
    const Deltas made = in(to, steps);
    for (int t = 0; t < steps; t++)
      for (int s = 0; s < strips; s++)
        for (int i = 0; i < kBlock; i += 2) made.put(s, t, i, vec(d + t * stride + s * kTile)[i], vec(d + t * stride + s * kTile)[i + 1]);
    return made;
  }
  Word* tile(int s, int t) const { return words + ((size_t)s * steps + t) * kHalfTile; }
  Delta at(int s, int t) const { return tile(s, t); }
  // Rows i and i + 1.
  void put(int s, int t, int i, V first, V second) const { put_words(tile(s, t) + i / 2 * kLine, by_turns(bf16(first), bf16(second))); }
  // Row i of steps t and t + 1 by turns; after the last step come zeros.
  __m512i pair(int s, int t, int i) const {
    const __m512i first = words_at(s, t, i), second = t + 1 < steps ? words_at(s, t + 1, i) : __m512i{};
    constexpr __mmask32 kSecond = 0xaaaaaaaa;
    return i % 2 ? _mm512_mask_mov_epi16(_mm512_srli_epi32(first, 16), kSecond, second) : _mm512_mask_mov_epi16(first, kSecond, _mm512_slli_epi32(second, 16));
  }

 private:
  __m512i words_at(int s, int t, int i) const { return load_words(tile(s, t) + i / 2 * kLine); }
};

// Sum N += W x.
template <int N>
inline void add_product(const Term<N>& term) {
  constexpr int kPanel = 8;  // halves whose activations are brought together at a time: right factors
  alignas(64) Word panel[kPanel * kHalfTile];
  const Tiles tiles(term.a);
  auto half_line = [&](Word offset) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(reinterpret_cast<const char*>(term.x) + offset)); };
  for (int from = 0; from < tiles.halves; from += kPanel) {
    const int n = std::min(kPanel, tiles.halves - from);
    for (int h = 0; h < n; h++) {
      const Word* at = tiles.offsets + (from + h) * kHalf;
      for (int p = 0; p < 8; p++) put_words(panel + h * kHalfTile + p * kLine, by_turns(half_line(at[2 * p]), half_line(at[2 * p + 1])));
    }
    const Word* left = tiles.forward + from * kHalfTile;
    int h = 0;
    for (; h + 1 < n; h += 2) {
      tile_load<kLeft>(left + h * kHalfTile);
      tile_load<kRight>(panel + h * kHalfTile);
      tile_multiply<N, kLeft, kRight>();
    }
    if (h < n) {
      tile_load<kHalfLeft>(left + h * kHalfTile, 32);
      tile_load<kHalfRight>(panel + h * kHalfTile);
      tile_multiply<N, kHalfLeft, kHalfRight>();
    }
  }
}

// to[n][16][16] = from[n][16][16] + the terms' products that belong to sum n. `from` may be `to`.
template <int... N, size_t Sums>
inline void multiply_strips(const float* const (&from)[Sums], float* const (&to)[Sums], const Term<N>&... terms) {
  static_assert(Sums <= 4);
  with_indices<Sums>([&](auto n) { tile_load<n>(from[n]); });
  (add_product(terms), ...);
  with_indices<Sums>([&](auto n) { tile_store<n>(to[n]); });
}

// dx[columns[j]][16] += sum_r w[j][r] d[r][16]: the transpose of multiply_strips.
SW_NOINLINE void multiply_strip_transposed(const Strip& a, Delta d, float* dx, Ahead* = nullptr) {
  tile_load<kHalfRight>(d);
  const Tiles tiles(a);
  alignas(64) float sums[4][kTile];
  auto product = [&](int h, auto n) {
    if (h + n >= tiles.halves) return;
    tile_zero<n>();
    tile_load<kHalfLeft>(tiles.backward + (h + n) * kHalfTile, 32);
    tile_multiply<n, kHalfLeft, kHalfRight>();
    tile_store<n>(sums[n]);
  };
  for (int h = 0; h < tiles.halves; h += 4) {
    product(h, std::integral_constant<int, 0>());
    product(h, std::integral_constant<int, 1>());
    product(h, std::integral_constant<int, 2>());
    product(h, std::integral_constant<int, 3>());
    for (int n = 0; n < std::min(4, tiles.halves - h); n++) {
      const Word* at = tiles.offsets + (h + n) * kHalf;
      auto add = [&](int k) {
        float* to = reinterpret_cast<float*>(reinterpret_cast<char*>(dx) + 2 * at[k]);
        vec(to)[0] += vec(sums[n])[k];
      };
      const int columns = a.kept - (h + n) * kHalf;
      if (columns >= kHalf)
        for (int k = 0; k < kHalf; k++) add(k);
      else
        for (int k = 0; k < columns; k++) add(k);
    }
  }
}

// Activations by feature, [features][pairs of steps][16] words, so that a column is read in sequence.
struct Packed {
  const Word* words;
  size_t stride;
  Packed features(int from) const { return {words + from * stride, stride}; }
};
inline size_t packed_floats(int features, int n) { return (size_t)features * ((n + 1) / 2) * kLanes; }
// Of [n][features][16], steps x_stride apart.
SW_NOINLINE Packed pack(const float* x, size_t x_stride, int features, int n, float* packed) {
  const size_t stride = (size_t)((n + 1) / 2) * kLine;
  for (int t = 0; t < n; t += 2) {
    Word* to = reinterpret_cast<Word*>(packed) + t / 2 * kLine;
    const float *first = x + t * x_stride, *second = first + x_stride;
    for (int i = 0; i < features; i++) put_words(to + i * stride, by_turns(bf16(vec(first)[i]), t + 1 < n ? bf16(vec(second)[i]) : __m256i{}));
  }
  return {reinterpret_cast<Word*>(packed), stride};
}
inline Packed pack_next(const Packed&, const float* x, size_t x_stride, int features, int n, float* to) { return pack(x + x_stride, x_stride, features, n, to); }

// A strip's deltas over n steps as weight gradients read them, [pairs of steps][16 lanes][16 rows].
struct Turned {
  const Word* words;
  int n;
};
constexpr size_t kTurned = kTile / 2;  // floats a step that `turn` needs
SW_NOINLINE Turned turn(const Deltas& d, int s, int t, int n, float* to) {
  for (int p = 0; 2 * p < n; p++) {
    __m512i v[16];
    for (int i = 0; i < 16; i++) v[i] = d.pair(s, t + 2 * p, i);
    transpose(v);
    for (int i = 0; i < 16; i++) put_words(to + (p * 16 + i) * kLine, v[i]);
  }
  return {reinterpret_cast<Word*>(to), n};
}

// g[j][r] += sum_t sum_lanes d[t][r] x[columns[j]][t]: the weight gradient of one strip.
SW_NOINLINE void accumulate_strip(float* g, const uint16_t* columns, int kept, const Turned& d, const Packed& x) {
  // Parts of 16 columns and some steps are copied, the next before one is multiplied: tiles wait long for what was just stored.
  constexpr int kPart = 8, kRow = (kPart + 1) * kLine;  // pairs of steps; an odd number of lines, so that rows do not collide
  alignas(64) Word left[2][16 * kRow];
  alignas(64) float sums[4][kTile];
  const int pairs = (d.n + 1) / 2, parts = (pairs + kPart - 1) / kPart, units = (kept + 15) / 16 * parts;
  auto copy = [&](int unit) {
    const int j = unit / parts * 16, from = unit % parts * kPart, n = std::min(kPart, pairs - from);
    for (int k = 0; k < std::min(16, kept - j); k++) {
      const Word* column = x.words + columns[j + k] * x.stride + from * kLine;
      for (int p = 0; p < n; p++) put_words(left[unit % 2] + k * kRow + p * kLine, load_words(column + p * kLine));
    }
  };
  copy(0);
  for (int unit = 0; unit < units; unit++) {
    if (unit + 1 < units) copy(unit + 1);
    const int j = unit / parts * 16, from = unit % parts * kPart, n = std::min(kPart, pairs - from);
    if (from == 0) tile_zero<0>(), tile_zero<1>(), tile_zero<2>(), tile_zero<3>();
    auto product = [&](int p, auto sum) {
      if (p >= n) return;
      tile_load<kLeft>(left[unit % 2] + p * kLine, kRow * sizeof(Word));
      tile_load<kRight>(d.words + (size_t)(from + p) * kTile);
      tile_multiply<sum, kLeft, kRight>();
    };
    // Four sums, since one would wait for itself.
    for (int p = 0; p < n; p += 4) {
      product(p, std::integral_constant<int, 0>());
      product(p + 1, std::integral_constant<int, 1>());
      product(p + 2, std::integral_constant<int, 2>());
      product(p + 3, std::integral_constant<int, 3>());
    }
    if (from + n < pairs) continue;
    tile_store<0>(sums[0]), tile_store<1>(sums[1]), tile_store<2>(sums[2]), tile_store<3>(sums[3]);
    for (int k = 0; k < std::min(16, kept - j); k++) vec(g + (size_t)(j + k) * kBlock)[0] += (vec(sums[0])[k] + vec(sums[1])[k]) + (vec(sums[2])[k] + vec(sums[3])[k]);
  }
}

// sum[16][16] = sum_t d[t][16][16].
SW_NOINLINE void sum_steps(const Deltas& d, int s, int from, int n, V (&sum)[kBlock]) {
  const __m512bh ones = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f803f80));
  for (V& v : sum) v = V{};
  for (int t = from; t < from + n; t += 2)
    for (int i = 0; i < kBlock; i++)
      sum[i] = reinterpret_cast<V>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum[i]), reinterpret_cast<__m512bh>(d.pair(s, t, i)), ones));
}
// y[16][16] = sum_t d[t][16][16].
inline void add_steps(const Deltas& d, int s, int from, int n, float* y) {
  V sum[kBlock];
  sum_steps(d, s, from, n, sum);
  for (int i = 0; i < kBlock; i++) vec(y)[i] = sum[i];
}
// gradient[rows] += the sums over lanes and steps.
inline void add_sums(float* gradient, const Deltas& d, int s, int rows, int n) {
  V sum[kBlock];
  sum_steps(d, s, 0, n, sum);
  for (int i = 0; i < rows; i++) gradient[i] += lane_sum(reinterpret_cast<const VM*>(&sum[i]));
}

}  // namespace
}  // namespace sparsewave
