// The training pass, compiled once per ISA (core.<isa>.cpp sets SW_VECTOR, SW_ROWS, SW_COLUMNS, SW_GRADIENT_ROWS, SW_GRADIENT_COLUMNS, SW_PIN, SW_RUN_TASK and SW_RUN_PRODUCT).
// Layout everywhere: [feature][16 lanes]; one lane group is SW_PARTS vectors. Matrices: [rows / 16][columns][16].
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX2__)
// GCC 12 warns of its own header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#include "exponential.h"
#include "net.h"

namespace sparsewave {
namespace {

typedef float V __attribute__((vector_size(SW_VECTOR * 4)));
// In memory: arrays of JavaScript are aligned to their elements only.
typedef float VM __attribute__((vector_size(SW_VECTOR * 4), aligned(4), may_alias));
typedef int32_t VI __attribute__((vector_size(SW_VECTOR * 4)));
constexpr int kParts = kLanes / SW_VECTOR;
constexpr int kTile = kBlock * kLanes;
// Weights come from the second-level cache, one line a block: they are asked for this many blocks ahead.
constexpr int kAhead = 8;
// Not inlined, so that a kernel has all registers to itself.
#define SW_KERNEL __attribute__((noinline))

// What is read again only much later does not go through the caches. The address is aligned to the vector.
#if defined(__AVX512F__)
inline void stream(VM* p, V v) { _mm512_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m512>(v)); }
#elif defined(__AVX2__)
inline void stream(VM* p, V v) { _mm256_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m256>(v)); }
#else
inline void stream(VM* p, V v) { *p = v; }
#endif

inline V splat(float v) { return v - V{}; }
inline VM* vec(float* p) { return reinterpret_cast<VM*>(p); }
inline const VM* vec(const float* p) { return reinterpret_cast<const VM*>(p); }
inline V select(VI condition, V a, V b) { return reinterpret_cast<V>((condition & reinterpret_cast<VI>(a)) | (~condition & reinterpret_cast<VI>(b))); }

// Least, greatest and 1 / x: the compiler does not find the single instructions for them. With b not a number the first two give b.
#if defined(__AVX512F__)
inline V vmin(V a, V b) { return reinterpret_cast<V>(_mm512_min_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b))); }
inline V vmax(V a, V b) { return reinterpret_cast<V>(_mm512_max_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b))); }
// An estimate of 14 bits and one Newton step: relative error below 2e-7, at a third of a division's time.
inline V vreciprocal(V x) {
  const V y = reinterpret_cast<V>(_mm512_rcp14_ps(reinterpret_cast<__m512>(x)));
  return y + y * (1.f - x * y);
}
#elif defined(__AVX2__)
inline V vmin(V a, V b) { return reinterpret_cast<V>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b))); }
inline V vmax(V a, V b) { return reinterpret_cast<V>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b))); }
inline V vreciprocal(V x) { return 1.f / x; }
#else
inline V vmin(V a, V b) { return select(a < b, a, b); }
inline V vmax(V a, V b) { return select(a > b, a, b); }
inline V vreciprocal(V x) { return 1.f / x; }
#endif

// Relative error below 2e-7.
inline V vexp(V x) { return exponential_inside<V, VI>(vmax(splat(-87.f), vmin(splat(88.f), x))); }

// Natural logarithm of positive normal numbers, absolute error below 1e-6 (Cephes polynomial).
inline V vlog(V x) {
  VI bits = reinterpret_cast<VI>(x);
  VI e = ((bits >> 23) & 255) - 126;
  V m = reinterpret_cast<V>((bits & 0x007fffff) | 0x3f000000);
  const VI low = m < splat(0.707106781186547524f);
  m = select(low, m + m, m) - 1.f;
  e = e + low;
  const V k = __builtin_convertvector(e, V);
  const V z = m * m;
  V p = splat(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z + k * -2.12194440e-4f - z * 0.5f;
  // x - x is 0, but for what is not finite, which must not pass for a number.
  return m + p + k * 0.693359375f + (x - x);
}

inline V vsigmoid(V x) { return vreciprocal(1.f + vexp(-x)); }
inline V vtanh(V x) { return 2.f * vreciprocal(1.f + vexp(-2.f * x)) - 1.f; }

inline float lane_sum(const VM* v) {
  float s = 0;
  for (int i = 0; i < kParts; i++)
    for (int l = 0; l < SW_VECTOR; l++) s += v[i][l];
  return s;
}

// y[16][16] = from[16][16] + sum_j w[j][16] x[columns[j]][16]: one strip of a block-sparse product. `from` may be y.
SW_KERNEL void multiply_strip(const float* w, const uint16_t* columns, int kept, const float* x, const float* from, float* y) {
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

// Tiles [16][16] that are asked for while products are under way, one with every call of their kernel: what was stored long ago lies in
// main memory, and many requests at once would stall the product's own.
struct Ahead {
  const float* tiles[9];
  int count, next;
  const float* take(const float* otherwise) { return next < count ? tiles[next++] : otherwise; }
};

template <int N>
SW_KERNEL void multiply_transposed_columns(const float* w, const uint16_t* columns, const float* d, float* dx, const float* ahead) {
  V acc[N][kParts];
  for (int j = 0; j < N; j++)
    for (int p = 0; p < kParts; p++) acc[j][p] = V{};
  for (int r = 0; r < kBlock; r++) {
    __builtin_prefetch(w + (N + r) * kBlock);
    __builtin_prefetch(ahead + r * kLanes);
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

// Calls the instance of `f` for n = 1 .. N: f(std::integral_constant<int, n>).
template <int N, class F>
inline void with_constant(int n, F&& f) {
  if constexpr (N > 1)
    if (n < N) return with_constant<N - 1>(n, f);
  f(std::integral_constant<int, N>());
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

// dx[columns[j]][16] += sum_r w[j][r] d[r][16]: the transpose of multiply_strip.
inline void multiply_strip_transposed(const float* w, const uint16_t* columns, int kept, const float* d, float* dx, Ahead* ahead = nullptr) {
  for_tiles<SW_COLUMNS>(kept, [&](int j, auto n) { multiply_transposed_columns<n>(w + j * kBlock, columns + j, d, dx, ahead ? ahead->take(d) : d); });
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
SW_KERNEL void accumulate_columns(float* g, const uint16_t* columns, const float* d, size_t d_stride, const float* x, size_t x_stride, int n) {
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

// g[j][r] += sum_t sum_lanes d[t][r] x[columns[j]][t]: the weight gradient of one strip over n steps.
// x is packed, [features][n or more][16] with features x_stride apart, so that a column is read in sequence.
inline void accumulate_strip(float* g, const uint16_t* columns, int kept, const float* d, size_t d_stride, const float* x, size_t x_stride, int n) {
  for_tiles<SW_GRADIENT_COLUMNS>(kept, [&](int j, auto size) { accumulate_columns<size>(g + j * kBlock, columns + j, d, d_stride, x, x_stride, n); });
}

// [n][stride] -> [features][n][16].
void pack(const float* x, size_t stride, int features, int n, float* packed) {
  for (int i = 0; i < features; i++)
    for (int t = 0; t < n; t++)
      for (int p = 0; p < kParts; p++) vec(packed + ((size_t)i * n + t) * kLanes)[p] = vec(x + t * stride + i * kLanes)[p];
}

// All columns in order: the list of every strip of a dense matrix. Made by the compiler: a constructor in this file would run when
// the addon is loaded, with instructions that the CPU may not have.
struct AllColumns {
  uint16_t index[8192];
  constexpr AllColumns() : index() {
    for (int i = 0; i < 8192; i++) index[i] = (uint16_t)i;
  }
};
constexpr AllColumns kAll;

// Blocks of a strip lie together, [strips][kept][16], in the order of its columns; so do their gradients.
struct Matrix {
  const float* w;
  float* g;
  const uint16_t* columns;
  int kept, strips;
  int columns_stride;  // 0 when all strips share a list
  const uint16_t* strip_columns(int s) const { return columns + (size_t)s * columns_stride; }
  size_t at(int s) const { return (size_t)s * kept * kBlock; }
  void forward(int s, const float* x, const float* from, float* y) const { multiply_strip(w + at(s), strip_columns(s), kept, x, from, y); }
  void backward(int s, const float* d, float* dx, Ahead* ahead = nullptr) const { multiply_strip_transposed(w + at(s), strip_columns(s), kept, d, dx, ahead); }
  void accumulate(int s, const float* d, size_t d_stride, const float* x, size_t x_stride, int n) const {
    accumulate_strip(g + at(s), strip_columns(s), kept, d, d_stride, x, x_stride, n);
  }
  // All strips: y += W x; strip s of d at d + s * strip_stride.
  void forward(const float* x, float* y) const {
    for (int s = 0; s < strips; s++) forward(s, x, y + s * kTile, y + s * kTile);
  }
  void backward(const float* d, size_t strip_stride, float* dx) const {
    for (int s = 0; s < strips; s++) backward(s, d + s * strip_stride, dx);
  }
  void accumulate(const float* d, size_t strip_stride, size_t d_stride, const float* x, size_t x_stride, int n) const {
    for (int s = 0; s < strips; s++) accumulate(s, d + s * strip_stride, d_stride, x, x_stride, n);
  }
};

// Negative log density of a mixture of logistics, its gradient in `d` (same order as `o`); both weighted by `weight`.
// o: [12][16] logits, means (skip included), log scales, 4 each. Returns the weighted loss summed over lanes.
double mixture_loss(const float* o, const float* target, const float* weight, float* d) {
  double total = 0;
  for (int p = 0; p < kParts; p++) {
    const V e = vec(target)[p], wt = vec(weight)[p];
    V logit[kMixtures], logp[kMixtures], z[kMixtures], inv[kMixtures], slope[kMixtures];
    VI inside[kMixtures];
    V top = vec(o)[p];
    for (int k = 0; k < kMixtures; k++) {
      logit[k] = vec(o + k * kLanes)[p];
      top = select(logit[k] > top, logit[k], top);
    }
    V norm = V{};
    for (int k = 0; k < kMixtures; k++) norm += vexp(logit[k] - top);
    const V log_norm = top + vlog(norm);
    V best = splat(-1e30f);
    for (int k = 0; k < kMixtures; k++) {
      const V mean = vec(o + (4 + k) * kLanes)[p];
      V s = vec(o + (8 + k) * kLanes)[p];
      inside[k] = (s >= splat(-7.f)) & (s <= splat(4.f));
      s = select(s < splat(-7.f), splat(-7.f), s);
      s = select(s > splat(4.f), splat(4.f), s);
      inv[k] = vexp(-s);
      z[k] = (e - mean) * inv[k];
      const V a = select(z[k] < V{}, z[k], -z[k]);  // -|z|
      const V ea = vexp(a);
      logp[k] = logit[k] - log_norm + a - s - 2.f * vlog(1.f + ea);
      const V tail = (1.f - ea) / (1.f + ea);  // |2 sigmoid(z) - 1|
      slope[k] = select(z[k] < V{}, tail, -tail);  // 1 - 2 sigmoid(z)
      best = select(logp[k] > best, logp[k], best);
    }
    V sum = V{};
    for (int k = 0; k < kMixtures; k++) sum += vexp(logp[k] - best);
    const V loss = (best + vlog(sum)) * -wt;
    for (int l = 0; l < SW_VECTOR; l++) total += loss[l];
    if (!d) continue;
    for (int k = 0; k < kMixtures; k++) {
      const V gamma = vexp(logp[k] - best) / sum;
      vec(d + k * kLanes)[p] = (vexp(logit[k] - log_norm) - gamma) * wt;
      vec(d + (4 + k) * kLanes)[p] = gamma * slope[k] * inv[k] * wt;
      vec(d + (8 + k) * kLanes)[p] = select(inside[k], gamma * (1.f + z[k] * slope[k]) * wt, V{});
    }
  }
  return total;
}

// y[16][16] = sum_t d[t][16][16].
SW_KERNEL void add_steps(const float* d, int n, float* y) {
  for (int r0 = 0; r0 < kBlock; r0 += SW_ROWS) {
    V acc[SW_ROWS][kParts];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) acc[r][p] = V{};
    for (int t = 0; t < n; t++)
      for (int r = 0; r < SW_ROWS; r++)
        for (int p = 0; p < kParts; p++) acc[r][p] += vec(d + t * kTile + (r0 + r) * kLanes)[p];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) vec(y + (r0 + r) * kLanes)[p] = acc[r][p];
  }
}

void add_lane_sums(float* gradient, const float* d, int features, size_t stride) {
  for (int i = 0; i < features; i++) gradient[i] += lane_sum(vec(d + i * stride));
}

struct Pass {
  Task& task;
  const Shape& shape;
  const int H, K4, C, D, T, F;
  const int XE;             // columns of [x; e_0..e_2] with the residuals
  const size_t h_stride, x_stride;
  Matrix masked[kMasked];
  Matrix grown[kMasked];    // what gradients are gathered in: the kept blocks, or all columns straight into the flat gradient
  float *xe, *hs, *r, *z, *n, *q, *u, *du, *dout, *dmean, *c1, *c2, *gates, *dgates, *dh, *dh2, *dc2, *dc1, *dr, *dz, *dn, *dq, *packed, *packed_x, *packed_u;

  static size_t odd(size_t features) { return (features | 1) * kLanes; }

  Pass(Task& t, Workspace& ws)
      : task(t), shape(*t.shape), H(shape.hidden), K4(kBands * shape.head), C(shape.conditioning), D(shape.inputs), T(t.steps), F(t.steps / kStepsPerFrame),
        XE(shape.inputs + kBands - 1), h_stride(odd(shape.hidden)), x_stride(odd(shape.inputs + kBands - 1)) {
    size_t total = 0;
    auto plan = [&](size_t floats) {
      const size_t at = total;
      total += (floats + 31) / 16 * 16;
      return at;
    };
    const size_t per_frame = (size_t)H / kBlock * kStepsPerFrame * kTile;
    const size_t o_xe = plan(x_stride * T), o_hs = plan(h_stride * (T + 1)), o_r = plan(h_stride * T), o_z = plan(h_stride * T), o_n = plan(h_stride * T),
                 o_q = plan(h_stride * T), o_u = plan((size_t)K4 * kLanes * T), o_du = plan((size_t)K4 * kLanes * T), o_do = plan((size_t)kBands * T * kTile),
                 o_dm = plan((size_t)kBands * T * kLanes), o_c1 = plan((size_t)(F + 2) * C * kLanes), o_c2 = plan((size_t)F * C * kLanes),
                 o_g = plan((size_t)F * 3 * H * kLanes), o_dg = plan((size_t)F * 3 * H * kLanes), o_dh = plan((size_t)H * kLanes), o_dh2 = plan((size_t)H * kLanes + 512) + 512,
                 o_dc2 = plan((size_t)F * C * kLanes), o_dc1 = plan((size_t)(F + 2) * C * kLanes), o_dr = plan(per_frame), o_dz = plan(per_frame),
                 o_dn = plan(per_frame), o_dq = plan(per_frame),
                 o_p = plan((size_t)std::max({H * (kStepsPerFrame + 1), 3 * C * F, shape.features * (F + 2)}) * kLanes),
                 o_px = plan((size_t)XE * kStepsPerFrame * kLanes), o_pu = plan((size_t)K4 * kStepsPerFrame * kLanes);
    const int rows[kMasked] = {H, H, H, H, H, H, K4};
    size_t o_w[kMasked], o_gw[kMasked];
    for (int m = 0; m < kMasked; m++) {
      const size_t size = (size_t)rows[m] * task.masks[m].kept;
      o_w[m] = plan(size), o_gw[m] = plan(size);
    }
    float* base = ws.reserve(total);
    xe = base + o_xe, hs = base + o_hs, r = base + o_r, z = base + o_z, n = base + o_n, q = base + o_q, u = base + o_u, du = base + o_du, dout = base + o_do;
    dmean = base + o_dm, c1 = base + o_c1, c2 = base + o_c2, gates = base + o_g, dgates = base + o_dg, dh = base + o_dh, dh2 = base + o_dh2;
    dc2 = base + o_dc2, dc1 = base + o_dc1, dr = base + o_dr, dz = base + o_dz, dn = base + o_dn, dq = base + o_dq, packed = base + o_p, packed_x = base + o_px, packed_u = base + o_pu;
    for (int m = 0; m < kMasked; m++) {
      const Mask& mask = task.masks[m];
      masked[m] = {base + o_w[m], base + o_gw[m], mask.columns, mask.kept, rows[m] / kBlock, mask.kept};
      grown[m] = task.gradient && task.dense_gradient ? dense(m, rows[m], width(m)) : masked[m];
    }
  }

  const float* parameter(int segment) const { return task.parameters + shape.offset[segment]; }
  float* gradient(int segment) const { return task.gradient ? task.gradient + shape.offset[segment] : nullptr; }
  Matrix dense(int segment, int rows, int columns) const { return {parameter(segment), gradient(segment), kAll.index, columns, rows / kBlock, 0}; }
  int width(int segment) const { return segment < kInputReset || segment == kHeadHidden ? H : D; }

  // Brings the kept blocks together: every step then reads them in sequence, aligned.
  void gather() {
    for (int m = 0; m < kMasked; m++) {
      const Matrix& a = masked[m];
      for (int k = 0; k < a.strips * a.kept; k++)
        memcpy(const_cast<float*>(a.w) + (size_t)k * kBlock, parameter(m) + ((size_t)(k / a.kept) * width(m) + a.columns[k]) * kBlock, sizeof(float) * kBlock);
      if (task.gradient) memset(a.g, 0, sizeof(float) * a.strips * a.at(1));
    }
  }

  void scatter_gradient() {
    if (task.dense_gradient) return;
    for (int m = 0; m < kMasked; m++) {
      const Matrix& a = masked[m];
      for (int k = 0; k < a.strips * a.kept; k++) {
        float* g = gradient(m) + ((size_t)(k / a.kept) * width(m) + a.columns[k]) * kBlock;
        for (int r = 0; r < kBlock; r++) g[r] += a.g[(size_t)k * kBlock + r];
      }
    }
  }

  void conditioning() {
    const Matrix w0 = dense(kConditioning0, C, shape.features), w1 = dense(kConditioning1, C, 3 * C), w2 = dense(kConditioning2, 3 * H, C);
    auto biased = [](float* y, const float* bias, int rows) {
      for (int i = 0; i < rows; i++)
        for (int p = 0; p < kParts; p++) vec(y + i * kLanes)[p] = splat(bias[i]);
    };
    auto squash = [](float* y, int rows) {
      for (int i = 0; i < rows * kParts; i++) vec(y)[i] = vtanh(vec(y)[i]);
    };
    for (int f = 0; f < F + 2; f++) {
      float* y = c1 + (size_t)f * C * kLanes;
      biased(y, parameter(kConditioningBias0), C);
      w0.forward(task.frames + (size_t)f * shape.features * kLanes, y);
      squash(y, C);
    }
    for (int f = 0; f < F; f++) {
      float* y = c2 + (size_t)f * C * kLanes;
      biased(y, parameter(kConditioningBias1), C);
      w1.forward(c1 + (size_t)f * C * kLanes, y);
      squash(y, C);
      float* g = gates + (size_t)f * 3 * H * kLanes;
      biased(g, parameter(kConditioningBias2), 3 * H);
      w2.forward(y, g);
    }
  }

  void conditioning_backward() {
    const Matrix w0 = dense(kConditioning0, C, shape.features), w1 = dense(kConditioning1, C, 3 * C), w2 = dense(kConditioning2, 3 * H, C);
    const size_t gate_stride = (size_t)3 * H * kLanes, c_stride = (size_t)C * kLanes;
    memset(dc2, 0, sizeof(float) * F * c_stride);
    memset(dc1, 0, sizeof(float) * (F + 2) * c_stride);
    for (int f = 0; f < F; f++) {
      w2.backward(dgates + f * gate_stride, kTile, dc2 + f * c_stride);
      add_lane_sums(gradient(kConditioningBias2), dgates + f * gate_stride, 3 * H, kLanes);
      for (int i = 0; i < C * kParts; i++) {
        const V y = vec(c2 + f * c_stride)[i];
        vec(dc2 + f * c_stride)[i] *= 1.f - y * y;
      }
      w1.backward(dc2 + f * c_stride, kTile, dc1 + f * c_stride);
      add_lane_sums(gradient(kConditioningBias1), dc2 + f * c_stride, C, kLanes);
    }
    pack(c2, c_stride, C, F, packed);
    w2.accumulate(dgates, kTile, gate_stride, packed, (size_t)F * kLanes, F);
    pack(c1, c_stride, 3 * C, F, packed);
    w1.accumulate(dc2, kTile, c_stride, packed, (size_t)F * kLanes, F);
    for (int f = 0; f < F + 2; f++) {
      for (int i = 0; i < C * kParts; i++) {
        const V y = vec(c1 + f * c_stride)[i];
        vec(dc1 + f * c_stride)[i] *= 1.f - y * y;
      }
      add_lane_sums(gradient(kConditioningBias0), dc1 + f * c_stride, C, kLanes);
    }
    pack(task.frames, (size_t)shape.features * kLanes, shape.features, F + 2, packed);
    w0.accumulate(dc1, kTile, c_stride, packed, (size_t)(F + 2) * kLanes, F + 2);
  }

  void gru(int t) {
    const Matrix &rr = masked[kRecurrentReset], &rz = masked[kRecurrentUpdate], &rn = masked[kRecurrentCandidate];
    const Matrix &ir = masked[kInputReset], &iz = masked[kInputUpdate], &in = masked[kInputCandidate];
    const float *h = hs + h_stride * t, *x = xe + x_stride * t, *g = gates + (size_t)(t / kStepsPerFrame) * 3 * H * kLanes;
    alignas(64) const float zeros[kTile] = {};
    alignas(64) float rt[kTile], zt[kTile], nt[kTile], qt[kTile];
    float* next = hs + h_stride * (t + 1);
    for (int s = 0; s < H / kBlock; s++) {
      const size_t at = (size_t)s * kTile;
      ir.forward(s, x, g + at, rt);
      rr.forward(s, h, rt, rt);
      iz.forward(s, x, g + (size_t)H * kLanes + at, zt);
      rz.forward(s, h, zt, zt);
      in.forward(s, x, g + (size_t)2 * H * kLanes + at, nt);
      rn.forward(s, h, zeros, qt);
      for (int i = 0; i < kBlock * kParts; i++) {
        const V rv = vsigmoid(vec(rt)[i]), zv = vsigmoid(vec(zt)[i]), qv = vec(qt)[i];
        const V nv = vtanh(vec(nt)[i] + rv * qv);
        const size_t to = h_stride * t + at;
        stream(vec(r + to) + i, rv);
        stream(vec(z + to) + i, zv);
        stream(vec(n + to) + i, nv);
        stream(vec(q + to) + i, qv);
        vec(next + at)[i] = zv * vec(h + at)[i] + (1.f - zv) * nv;
      }
    }
  }

  // Heads of all bands at step t: loss, and with a gradient wanted also dout, dmean and du.
  void heads(int t) {
    const int K = shape.head;
    const Matrix& hidden = masked[kHeadHidden];
    const float *h = hs + h_stride * (t + 1), *x = xe + x_stride * t;
    float* ut = u + (size_t)t * K4 * kLanes;
    const float* bias = parameter(kHeadHiddenBias);
    for (int i = 0; i < K4; i++)
      for (int p = 0; p < kParts; p++) vec(ut + i * kLanes)[p] = splat(bias[i]);
    hidden.forward(h, ut);
    for (int b = 0; b < kBands; b++) {
      float* ub = ut + (size_t)b * K * kLanes;
      dense(kHeadStep0 + b, K, D + b).forward(x, ub);
      for (int i = 0; i < K * kParts; i++) vec(ub)[i] = vmax(V{}, vec(ub)[i]);
      alignas(64) float o[kTile];
      const float* ob = parameter(kHeadOutputBias0 + b);
      for (int i = 0; i < kPaddedOutputs; i++)
        for (int p = 0; p < kParts; p++) vec(o + i * kLanes)[p] = splat(ob[i]);
      const Matrix output = dense(kHeadOutput0 + b, kPaddedOutputs, K);
      output.forward(ub, o);
      const float* skip = parameter(kHeadSkip0 + b);
      V shift[kParts] = {};
      for (int i = 0; i < D + b; i++)
        for (int p = 0; p < kParts; p++) shift[p] += skip[i] * vec(x + i * kLanes)[p];
      for (int k = 0; k < kMixtures; k++)
        for (int p = 0; p < kParts; p++) vec(o + (4 + k) * kLanes)[p] += shift[p];
      if (task.outputs) memcpy(task.outputs + ((size_t)t * kBands + b) * kHeadOutputs * kLanes, o, sizeof(float) * kHeadOutputs * kLanes);
      const float* target = task.targets + ((size_t)t * kBands + b) * kLanes;
      const float* weight = task.weights + (size_t)(t / kStepsPerFrame) * kLanes;
      float* d = task.gradient ? dout + ((size_t)b * T + t) * kTile : nullptr;
      task.losses[b] += mixture_loss(o, target, weight, d);
      if (!d) continue;
      memset(d + kHeadOutputs * kLanes, 0, sizeof(float) * (kPaddedOutputs - kHeadOutputs) * kLanes);
      for (int p = 0; p < kParts; p++) {
        V m = V{};
        for (int k = 0; k < kMixtures; k++) m += vec(d + (4 + k) * kLanes)[p];
        vec(dmean + ((size_t)b * T + t) * kLanes)[p] = m;
      }
      alignas(64) float back[512 * kLanes];
      memset(back, 0, sizeof(float) * K * kLanes);
      output.backward(d, kTile, back);
      // du is stored by strip, [4K / 16][T][16][16], as accumulate_strip wants it.
      for (int i = 0; i < K; i++) {
        float* to = du + ((size_t)((b * K + i) / kBlock) * T + t) * kTile + (i % kBlock) * kLanes;
        for (int p = 0; p < kParts; p++) vec(to)[p] = select(vec(ub + i * kLanes)[p] > V{}, vec(back + i * kLanes)[p], V{});
      }
    }
  }

  // Sums of the heads' vectors over all steps.
  void heads_backward() {
    const size_t strip = (size_t)T * kTile;
    for (int b = 0; b < kBands; b++) {
      float* skip = gradient(kHeadSkip0 + b);
      for (int i = 0; i < D + b; i++) {
        V acc[kParts] = {};
        for (int t = 0; t < T; t++)
          for (int p = 0; p < kParts; p++) acc[p] += vec(dmean + ((size_t)b * T + t) * kLanes)[p] * vec(xe + x_stride * t + i * kLanes)[p];
        skip[i] += lane_sum(vec(reinterpret_cast<float*>(acc)));
      }
      for (int t = 0; t < T; t++) add_lane_sums(gradient(kHeadOutputBias0 + b), dout + b * strip + (size_t)t * kTile, kHeadOutputs, kLanes);
    }
    float* bias = gradient(kHeadHiddenBias);
    for (int s = 0; s < K4 / kBlock; s++)
      for (int t = 0; t < T; t++) add_lane_sums(bias + s * kBlock, du + s * strip + (size_t)t * kTile, kBlock, kLanes);
  }

  void gru_backward() {
    const Matrix &rr = masked[kRecurrentReset], &rz = masked[kRecurrentUpdate], &rn = masked[kRecurrentCandidate];
    const Matrix& hidden = masked[kHeadHidden];
    const int K = shape.head;
    const size_t strip = (size_t)kStepsPerFrame * kTile, head_strip = (size_t)T * kTile;
    // The heads see the state after the step, so one step more is packed.
    const size_t h_packed = (size_t)(kStepsPerFrame + 1) * kLanes, x_packed = (size_t)kStepsPerFrame * kLanes;
    memset(dh, 0, sizeof(float) * H * kLanes);
    for (int f = F - 1; f >= 0; f--) {
      for (int i = kStepsPerFrame - 1; i >= 0; i--) {
        const int t = f * kStepsPerFrame + i;
        hidden.backward(du + (size_t)t * kTile, (size_t)T * kTile, dh);
        for (int s = 0; s < H / kBlock; s++) {
          const size_t at = (size_t)s * kTile;
          const VM *rt = vec(r + h_stride * t + at), *zt = vec(z + h_stride * t + at), *nt = vec(n + h_stride * t + at), *qt = vec(q + h_stride * t + at),
                  *h = vec(hs + h_stride * t + at), *d = vec(dh + at);
          VM *d_r = vec(dr + s * strip + i * kTile), *d_z = vec(dz + s * strip + i * kTile), *d_n = vec(dn + s * strip + i * kTile), *d_q = vec(dq + s * strip + i * kTile);
          for (int k = 0; k < kBlock * kParts; k++) {
            const V dn_pre = d[k] * (1.f - zt[k]) * (1.f - nt[k] * nt[k]);
            const V dz_pre = d[k] * (h[k] - nt[k]) * zt[k] * (1.f - zt[k]);
            const V dr_pre = dn_pre * qt[k] * rt[k] * (1.f - rt[k]);
            d_n[k] = dn_pre;
            d_z[k] = dz_pre;
            d_r[k] = dr_pre;
            d_q[k] = dn_pre * rt[k];
            vec(dh2 + at)[k] = d[k] * zt[k];
          }
        }
        for (int s = 0; s < H / kBlock; s++) {
          const size_t before = h_stride * std::max(t - 1, 0) + (size_t)s * kTile, earlier = s * strip + (size_t)std::max(i - 1, 0) * kTile;
          Ahead ahead{{r + before, z + before, n + before, q + before, hs + before, dr + earlier, dz + earlier, dn + earlier, dq + earlier}, t == 0 ? 0 : i == 0 ? 5 : 9, 0};
          rr.backward(s, dr + s * strip + i * kTile, dh2, &ahead);
          rz.backward(s, dz + s * strip + i * kTile, dh2, &ahead);
          rn.backward(s, dq + s * strip + i * kTile, dh2, &ahead);
        }
        float* swap = dh;
        dh = dh2;
        dh2 = swap;
      }
      const int t0 = f * kStepsPerFrame;
      pack(hs + h_stride * t0, h_stride, H, kStepsPerFrame + 1, packed);
      pack(xe + x_stride * t0, x_stride, XE, kStepsPerFrame, packed_x);
      pack(u + (size_t)t0 * K4 * kLanes, (size_t)K4 * kLanes, K4, kStepsPerFrame, packed_u);
      grown[kHeadHidden].accumulate(du + (size_t)t0 * kTile, head_strip, kTile, packed + kLanes, h_packed, kStepsPerFrame);
      for (int b = 0; b < kBands; b++) {
        dense(kHeadStep0 + b, K, D + b).accumulate(du + (size_t)(b * K / kBlock) * head_strip + (size_t)t0 * kTile, head_strip, kTile, packed_x, x_packed, kStepsPerFrame);
        dense(kHeadOutput0 + b, kPaddedOutputs, K)
            .accumulate(dout + b * head_strip + (size_t)t0 * kTile, head_strip, kTile, packed_u + b * K * x_packed, x_packed, kStepsPerFrame);
      }
      for (int s = 0; s < H / kBlock; s++) {
        grown[kRecurrentReset].accumulate(s, dr + s * strip, kTile, packed, h_packed, kStepsPerFrame);
        grown[kInputReset].accumulate(s, dr + s * strip, kTile, packed_x, x_packed, kStepsPerFrame);
        grown[kRecurrentUpdate].accumulate(s, dz + s * strip, kTile, packed, h_packed, kStepsPerFrame);
        grown[kInputUpdate].accumulate(s, dz + s * strip, kTile, packed_x, x_packed, kStepsPerFrame);
        grown[kRecurrentCandidate].accumulate(s, dq + s * strip, kTile, packed, h_packed, kStepsPerFrame);
        grown[kInputCandidate].accumulate(s, dn + s * strip, kTile, packed_x, x_packed, kStepsPerFrame);
        float* dg = dgates + (size_t)f * 3 * H * kLanes + (size_t)s * kTile;
        add_steps(dr + s * strip, kStepsPerFrame, dg);
        add_steps(dz + s * strip, kStepsPerFrame, dg + (size_t)H * kLanes);
        add_steps(dn + s * strip, kStepsPerFrame, dg + (size_t)2 * H * kLanes);
      }
    }
  }

  void run() {
    for (int b = 0; b < kBands; b++) task.losses[b] = 0;
    for (int t = 0; t < T; t++) {
      memcpy(xe + x_stride * t, task.inputs + (size_t)t * D * kLanes, sizeof(float) * D * kLanes);
      memcpy(xe + x_stride * t + D * kLanes, task.targets + (size_t)t * kBands * kLanes, sizeof(float) * (XE - D) * kLanes);
    }
    memcpy(hs, task.state, sizeof(float) * H * kLanes);
    gather();
    conditioning();
    for (int t = 0; t < T; t++) {
      gru(t);
      heads(t);
    }
    memcpy(task.state, hs + h_stride * T, sizeof(float) * H * kLanes);
    if (!task.gradient) return;
    heads_backward();
    gru_backward();
    conditioning_backward();
    scatter_gradient();
  }
};

void run_product(const Product& a, Workspace& workspace) {
  const int kept = a.mask.kept;
  const size_t blocks = (size_t)a.strips * kept * kBlock, x_size = (size_t)a.columns * kLanes, y_size = (size_t)a.strips * kTile;
  float* base = workspace.reserve(blocks + 512 + (a.kind == kAccumulate ? x_size * a.groups : 0));
  auto block = [&](size_t k) { return (k / kept * a.columns + a.mask.columns[k]) * kBlock; };
  if (a.kind == kAccumulate) {
    float* packed = base + (blocks + 15) / 16 * 16;
    memset(base, 0, sizeof(float) * blocks);
    pack(a.x, x_size, a.columns, a.groups, packed);
    for (int s = 0; s < a.strips; s++) accumulate_strip(base + (size_t)s * kept * kBlock, a.mask.columns + (size_t)s * kept, kept, a.y + s * kTile, y_size, packed, (size_t)a.groups * kLanes, a.groups);
    for (size_t k = 0; k < blocks / kBlock; k++)
      for (int r = 0; r < kBlock; r++) a.gradient[block(k) + r] += base[k * kBlock + r];
    return;
  }
  for (size_t k = 0; k < blocks / kBlock; k++) memcpy(base + k * kBlock, a.weights + block(k), sizeof(float) * kBlock);
  for (int g = 0; g < a.groups; g++)
    for (int s = 0; s < a.strips; s++) {
      const float* w = base + (size_t)s * kept * kBlock;
      const uint16_t* columns = a.mask.columns + (size_t)s * kept;
      float *x = a.x + g * x_size, *y = a.y + g * y_size + s * kTile;
      if (a.kind == kForward) multiply_strip(w, columns, kept, x, y, y);
      else multiply_strip_transposed(w, columns, kept, y, x);
    }
}

}  // namespace

void SW_RUN_PRODUCT(const Product& product, Workspace& workspace) { run_product(product, workspace); }

void SW_RUN_TASK(Task& task, Workspace& workspace) { Pass(task, workspace).run(); }

}  // namespace sparsewave
