// Vectors of lanes in the ISA of the file that includes this, and the functions of them that the training pass needs.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "net.h"
#include "simd.h"

namespace sparsewave {
namespace {

// In memory: arrays of JavaScript are aligned to their elements only.
typedef float VM __attribute__((vector_size(SW_VECTOR * 4), aligned(4), may_alias));
constexpr int kParts = kLanes / SW_VECTOR;
constexpr int kTile = kBlock * kLanes;
// Not inlined, so that a kernel has all registers to itself.
#define SW_NOINLINE __attribute__((noinline))

// What is read again only much later does not go through the caches. The address is aligned to the vector.
#if defined(__AVX512F__)
inline void stream(VM* p, V v) { _mm512_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m512>(v)); }
#elif defined(__AVX2__)
inline void stream(VM* p, V v) { _mm256_stream_ps(reinterpret_cast<float*>(p), reinterpret_cast<__m256>(v)); }
#else
inline void stream(VM* p, V v) { *p = v; }
#endif

inline VM* vec(float* p) { return reinterpret_cast<VM*>(p); }
inline const VM* vec(const float* p) { return reinterpret_cast<const VM*>(p); }

// 1 / x.
#if defined(__AVX512F__)
// An estimate of 14 bits and one Newton step: relative error below 2e-7, at a third of a division's time.
inline V vreciprocal(V x) {
  const V y = reinterpret_cast<V>(_mm512_rcp14_ps(reinterpret_cast<__m512>(x)));
  return y + y * (1.f - x * y);
}
#else
inline V vreciprocal(V x) { return 1.f / x; }
#endif

// Relative error below 2e-7, growing with |x| to 2e-6 in the second form, which has two thirds of the instructions: they are what a step
// waits for once tiles make its products.
#if defined(SW_TILES)
inline V vexp(V x) {
  const __m512 t = reinterpret_cast<__m512>(lesser(splat(88.f), x) * 1.44269504088896341f);
  const __m512 fraction = _mm512_reduce_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);  // -.5 to .5
  const V f = reinterpret_cast<V>(fraction);
  V p = splat(1.32764713e-3f);
  p = p * f + 9.67554096e-3f;
  p = p * f + 5.55071309e-2f;
  p = p * f + 2.40221202e-1f;
  p = p * f + 6.93146944e-1f;
  p = p * f + 1.00000012f;
  return reinterpret_cast<V>(_mm512_scalef_ps(reinterpret_cast<__m512>(p), _mm512_sub_ps(t, fraction)));
}
#else
inline V vexp(V x) { return exponential_in_range(greater(splat(-87.f), lesser(splat(88.f), x))); }
#endif

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

// gradient[i] += the sum over lanes of d[i]; features `stride` apart.
inline void add_lane_sums(float* gradient, const float* d, int features, size_t stride) {
  for (int i = 0; i < features; i++) gradient[i] += lane_sum(vec(d + i * stride));
}

// One strip of a matrix: weights as products read them, and the columns they belong to.
struct Strip {
  const float* w;
  const uint16_t* columns;
  int kept;
};

// A product of a strip with activations as products read them, and the one of a few sums that it is added to.
template <int Sum>
struct Term {
  Strip a;
  const float* x;
};

// Tiles [16][16] that are asked for while products are under way, one with every call of their kernel: what was stored long ago lies in
// main memory, and many requests at once would stall the product's own.
struct Ahead {
  const void* tiles[9];
  int count, next;
  const void* take(const void* otherwise) { return next < count ? tiles[next++] : otherwise; }
};

// f(std::integral_constant<size_t, n>) for n = 0 .. N - 1.
template <size_t... I, class F>
inline void with_each(std::index_sequence<I...>, F&& f) {
  (f(std::integral_constant<size_t, I>()), ...);
}
template <size_t N, class F>
inline void with_indices(F&& f) {
  with_each(std::make_index_sequence<N>(), f);
}

}  // namespace
}  // namespace sparsewave
