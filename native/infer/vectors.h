// Vectors of SW_VECTOR floats and what every kernel does with them: the part of the inference loop that is compiled once per ISA and shared by its precisions.
#pragma once
#include <cmath>
#include <type_traits>

#include "exponential.h"
#include "model.h"
#include "pairs.h"

namespace sparsewave {
namespace {

typedef float V __attribute__((vector_size(SW_VECTOR * 4)));
typedef float V4 __attribute__((vector_size(16)));
typedef int32_t V4I __attribute__((vector_size(16)));
constexpr int kParts = kBlock / SW_VECTOR;

template <class T>
inline T load(const float* p) {
  T v;
  memcpy(&v, p, sizeof(T));
  return v;
}
template <class T>
inline void store(float* p, T v) {
  memcpy(p, &v, sizeof(T));
}
template <class T>
inline T splat(float v) {
  return v - T{};
}
template <class T, class I>
inline T select(I condition, T a, T b) {
  return reinterpret_cast<T>((condition & reinterpret_cast<I>(a)) | (~condition & reinterpret_cast<I>(b)));
}
// Integers of a vector's width.
template <class T>
struct IntegersOf {
  typedef int32_t type __attribute__((vector_size(sizeof(T))));
};
// The greater and the lesser of two; the compiler does not find the single instructions.
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
inline V4 clip6(V4 v) { return limit(v, -6.f, 6.f); }

// Relative error below 2e-7.
template <class T, class I>
inline T exponential(T x) {
  return exponential_inside<T, I>(limit(x, -87.f, 88.f));
}

// Absolute errors below 3e-7.
inline V sigmoid(V x) { return 1.f / (1.f + exponential<V, VI>(-x)); }
inline V hyperbolic_tangent(V x) { return 1.f - 2.f / (1.f + exponential<V, VI>(x + x)); }

// Integers as wide as a register of floats, halved.
typedef int16_t VS __attribute__((vector_size(SW_VECTOR * 2)));
typedef int16_t V4S __attribute__((vector_size(8)));
typedef int16_t V8S __attribute__((vector_size(16)));

// The nearest integers, halves to even, of values that 16 bits hold.
template <class S, class T, class I>
inline void store_nearest(int16_t* p, T v) {
  const T magic = splat<T>(12582912.f);
  const S integers = __builtin_convertvector(reinterpret_cast<I>(v + magic) - reinterpret_cast<I>(magic), S);
  memcpy(p, &integers, sizeof integers);
}

}  // namespace
}  // namespace sparsewave
