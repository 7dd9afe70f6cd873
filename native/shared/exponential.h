// e^x of vectors of floats, compiled once per ISA.
#pragma once

namespace sparsewave {
namespace {

// For x in -87..88, which the caller sees to; I are integers of T's width. Relative error below 2e-7 (Cephes' polynomial).
template <class T, class I>
inline T exponential_inside(T x) {
  const T magic = 12582912.f - T{};
  T n = x * 1.44269504088896341f + magic;
  const I exponent = reinterpret_cast<I>(n) << 23;
  n -= magic;
  x = x - n * 0.693359375f;
  x = x + n * 2.12194440e-4f;
  T p = 1.9875691500e-4f - T{};
  p = p * x + 1.3981999507e-3f;
  p = p * x + 8.3334519073e-3f;
  p = p * x + 4.1665795894e-2f;
  p = p * x + 1.6666665459e-1f;
  p = p * x + 5.0000001201e-1f;
  p = p * x * x + x + 1.f;
  return reinterpret_cast<T>(reinterpret_cast<I>(p) + exponent);
}

}  // namespace
}  // namespace sparsewave
