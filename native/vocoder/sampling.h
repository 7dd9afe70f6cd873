// Draws from the mixtures, streams as lanes: F is a register of floats of any width.
#pragma once
#include "model.h"
#include "simd.h"

namespace sparsewave::vocoder {
namespace {

template <int W>
struct Lanes {
  typedef float F __attribute__((vector_size(W * 4)));
  typedef int32_t I __attribute__((vector_size(W * 4)));
  typedef uint32_t U __attribute__((vector_size(W * 4)));
};
template <class F>
using IntegersAs = typename IntegersOf<F>::type;

template <class F, class I>
inline F floats(I v) {
  return __builtin_convertvector(v, F);
}

// ln x of positive x, absolute error below 2e-7 near 1, else of the order of a float's own. (Minimax polynomial.)
template <class F>
inline F logarithm(F x) {
  typedef IntegersAs<F> I;
  constexpr int32_t kThreeQuarters = 0x3f400000;
  const I exponent = (reinterpret_cast<I>(x) - kThreeQuarters) >> 23;
  const F r = reinterpret_cast<F>(reinterpret_cast<I>(x) - (exponent << 23)) - 1.f;
  F p = splat<F>(-6.47096261382103e-2f);
  p = p * r + 1.4019586145877838e-1f;
  p = p * r - 1.7385981976985931e-1f;
  p = p * r + 2.0121775567531586e-1f;
  p = p * r - 2.4976500868797302e-1f;
  p = p * r + 3.3329570293426514e-1f;
  p = p * r - 5.000023245811462e-1f;
  const F whole = floats<F>(exponent) * 6.931471805599453e-1f;
  const F square = r * r;
  return square * p + (r + whole);
}

// Draw i of band b, 24 bits: `first` = 8t of each stream.
template <class U>
inline U draw_bits(U key, U first, int b, int i) {
  U h = key ^ (first + (uint32_t)(2 * b + i));
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return (h ^ (h >> 16)) >> 8;
}

// e_b of the outputs o_b [12]: a component of the mixture, then its logistic; temperature scales what that lies off the mixture's mean.
// exponential(x): e^x of any x.
template <class F, class Exponential>
SW_INLINE F sample_lanes(const Exponential& exponential, const F* o, typename Lanes<sizeof(F) / 4>::U key, typename Lanes<sizeof(F) / 4>::U first, int b, F temperature) {
  typedef IntegersAs<F> I;
  const F top = greater(greater(o[0], o[1]), greater(o[2], o[3]));
  F upto[kMixtures], mean = {};
  for (int k = 0; k < kMixtures; k++) {
    const F weight = exponential(o[k] - top);
    upto[k] = k ? upto[k - 1] + weight : weight;
    mean = weight * o[kMixtures + k] + mean;
  }
  mean = mean / upto[kMixtures - 1];
  const F threshold = (floats<F>(reinterpret_cast<I>(draw_bits(key, first, b, 0))) + 0.5f) * (1 / 16777216.f) * upto[kMixtures - 1];
  F middle = o[kMixtures], size = o[2 * kMixtures];
  for (int k = 0; k + 1 < kMixtures; k++) {
    const I beyond = upto[k] <= threshold;
    middle = select<F, I>(beyond, o[kMixtures + k + 1], middle);
    size = select<F, I>(beyond, o[2 * kMixtures + k + 1], size);
  }
  size = exponential(limit(size, -7.f, 4.f));
  // u / (1 - u) of u = (bits + .5) / 2^24, from whole numbers.
  const I twice = 2 * reinterpret_cast<I>(draw_bits(key, first, b, 1)) + 1;
  const F logistic = logarithm(floats<F>(twice) / floats<F>((1 << 25) - twice));
  const F off = size * logistic + (middle - mean);
  return temperature * off + mean;
}

}  // namespace
}  // namespace sparsewave::vocoder
