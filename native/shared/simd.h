// Vectors of floats and integers for code that is compiled once per instruction set: SW_VECTOR is the number of 32-bit elements in a register.
// Everything has internal linkage, or the linker would keep one instruction set's copy for all.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
// GCC 12 warns of its own header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace sparsewave {
namespace {

// ---- Types: one register, then vectors of fixed size.

typedef float V __attribute__((vector_size(SW_VECTOR * 4)));
typedef int32_t VI __attribute__((vector_size(SW_VECTOR * 4)));
typedef int16_t VS __attribute__((vector_size(SW_VECTOR * 2)));
typedef float V4 __attribute__((vector_size(16)));
typedef int32_t V4I __attribute__((vector_size(16)));
typedef int16_t V4S __attribute__((vector_size(8)));
typedef int16_t V8S __attribute__((vector_size(16)));

// Integers of a vector's width.
template <class T>
struct IntegersOf {
  typedef int32_t type __attribute__((vector_size(sizeof(T))));
};

// ---- Loads, stores, constants. Addresses need no alignment.

template <class T>
inline T load(const void* p) {
  T v;
  memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void store(void* p, T v) {
  memcpy(p, &v, sizeof v);
}
template <class T = V>
inline T splat(float v) {
  return v - T{};
}
template <class I>
inline I splat_integer(int32_t v) {
  return v - I{};
}

// ---- Comparison.

// Per element: a where the condition's bits are set, else b.
template <class T, class I>
inline T select(I condition, T a, T b) {
  return reinterpret_cast<T>((condition & reinterpret_cast<I>(a)) | (~condition & reinterpret_cast<I>(b)));
}
// The greater and the lesser of two; b where either is not a number. The compiler does not find the single instructions.
template <class T>
inline T greater(T a, T b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) return reinterpret_cast<T>(_mm512_max_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(T) == 32) return reinterpret_cast<T>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 16) return reinterpret_cast<T>(_mm_max_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b)));
#endif
  return select<T, typename IntegersOf<T>::type>(a > b, a, b);
}
template <class T>
inline T lesser(T a, T b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) return reinterpret_cast<T>(_mm512_min_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(T) == 32) return reinterpret_cast<T>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 16) return reinterpret_cast<T>(_mm_min_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b)));
#endif
  return select<T, typename IntegersOf<T>::type>(a < b, a, b);
}
template <class T>
inline T limit(T v, float low, float high) {
  return lesser(greater(v, splat<T>(low)), splat<T>(high));
}

// ---- Functions.

// e^x for x in -87..88, which the caller ensures. Relative error below 2e-7 (Cephes polynomial).
template <class T>
inline T exponential_in_range(T x) {
  typedef typename IntegersOf<T>::type I;
  const T magic = splat<T>(12582912.f);
  T n = x * 1.44269504088896341f + magic;
  const I exponent = reinterpret_cast<I>(n) << 23;
  n -= magic;
  x = x - n * 0.693359375f;
  x = x + n * 2.12194440e-4f;
  T p = splat<T>(1.9875691500e-4f);
  p = p * x + 1.3981999507e-3f;
  p = p * x + 8.3334519073e-3f;
  p = p * x + 4.1665795894e-2f;
  p = p * x + 1.6666665459e-1f;
  p = p * x + 5.0000001201e-1f;
  p = p * x * x + x + 1.f;
  return reinterpret_cast<T>(reinterpret_cast<I>(p) + exponent);
}
// The same for any x, which is limited to that range.
template <class T>
inline T exponential(T x) {
  return exponential_in_range(limit(x, -87.f, 88.f));
}

// Sums of the products of neighbouring 16-bit integers.
inline VI multiply_pairs(VI a, VI b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<VI>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<VI>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<VI>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  // The products of the lower halves and of the upper ones; compilers find the widening multiplication.
  return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

// sum + multiply_pairs(a, b).
inline VI add_pairs(VI sum, VI a, VI b) {
#if defined(__AVX512VNNI__)
  return reinterpret_cast<VI>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#else
  return sum + multiply_pairs(a, b);
#endif
}

// Stores the nearest integers, halves to even, of values that 16 bits hold. S: 16-bit integers, as many as T has elements.
template <class S, class T>
inline void store_nearest(int16_t* p, T v) {
  typedef typename IntegersOf<T>::type I;
  const T magic = splat<T>(12582912.f);
  store(p, __builtin_convertvector(reinterpret_cast<I>(v + magic) - reinterpret_cast<I>(magic), S));
}

// ---- Transposition.

// Elements of two registers in turn, of their lower and of their upper halves.
#if SW_VECTOR == 16
inline V lower_pairs(V a, V b) { return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23); }
inline V upper_pairs(V a, V b) { return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31); }
#elif SW_VECTOR == 8
inline V lower_pairs(V a, V b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
inline V upper_pairs(V a, V b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#else
inline V lower_pairs(V a, V b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
inline V upper_pairs(V a, V b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
#endif
// As many registers as they have elements: log2 rounds of interleaving those half of them apart.
inline void transpose(V* a) {
  V b[SW_VECTOR];
  for (int round = 1; round < SW_VECTOR; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < SW_VECTOR / 2; i++) {
      b[2 * i] = lower_pairs(a[i], a[i + SW_VECTOR / 2]);
      b[2 * i + 1] = upper_pairs(a[i], a[i + SW_VECTOR / 2]);
    }
    memcpy(a, b, sizeof b);
  }
}

// ---- Loops of constant length.

// Calls f(std::integral_constant<int, n>()) for an n of 1 .. N that is known only at run time.
template <int N, class F>
inline __attribute__((always_inline)) void with_constant(int n, const F& f) {
  if constexpr (N > 1)
    if (n < N) return with_constant<N - 1>(n, f);
  f(std::integral_constant<int, N>());
}

}  // namespace
}  // namespace sparsewave
