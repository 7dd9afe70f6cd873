// A step's inputs, draws and samples of one stream: bands as lanes. The net's own products are in kernel.h and int8.avx512vnni.cpp.
#pragma once
#include <cmath>

#include "model.h"
#include "simd.h"

namespace sparsewave::vocoder {
namespace {

// Registers of a block.
constexpr int kParts = kBlock / SW_VECTOR;

inline V4 clip6(V4 v) { return limit(v, -6.f, 6.f); }

// 1 + e^(factor x), `log2` = factor log2 e, of x within -most .. most; the exponent stays below 64. Relative error of the power below 2e-7 near 0, 1e-6 far from
// it, where gates have closed. (Minimax polynomial by Estrin's scheme: few operations that wait for one another.)
inline V one_and_power(V x, float log2, float most) {
  const V magic = splat<V>(12582912.f);
  x = limit(x, -most, most);
  const V t = x * log2 + magic, f = x * log2 - (t - magic), square = f * f;
  const V low = f * 6.931469440460205e-1f + 1.0000001192092896f, middle = f * 5.550713464617729e-2f + 2.4022120237350464e-1f, high = f * 1.3276466634124517e-3f + 9.675540961325169e-3f;
  const V p = (high * square + middle) * square + low;
  return reinterpret_cast<V>(reinterpret_cast<VI>(p) + (reinterpret_cast<VI>(t) << 23)) + 1.f;
}
constexpr float kLog2E = 1.44269504088896341f;

// Absolute errors below 3e-7.
inline V sigmoid(V x) { return 1.f / one_and_power(x, -kLog2E, 40.f); }
inline V hyperbolic_tangent(V x) { return 1.f - 2.f / one_and_power(x, 2 * kLog2E, 20.f); }

// M_b x for all four bands, lane b.
inline V4 skip(const Stream& s) {
  const Header& n = s.model.header;
  const float* x = s.input.get() + n.hidden;
  const float* w = s.model.at(n.head_skip);
  V4 sum[4] = {};
  int i = 0;
  for (; i + 4 <= n.inputs; i += 4)
    for (int u = 0; u < 4; u++) sum[u] += load<V4>(w + (i + u) * kBands) * x[i + u];
  for (; i < n.inputs; i++) sum[0] += load<V4>(w + i * kBands) * x[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

inline const float* past_residual(const Stream& s, int back) { return s.bands.get() + (kRing + ((s.t - (uint32_t)back) & (kRing - 1))) * kBands; }
inline const float* past(const Stream& s, int back) { return s.bands.get() + ((s.t - (uint32_t)back) & (kRing - 1)) * kBands; }

// k_b(u) for the four bands.
inline V4 pulse(const float* table, double u) {
  const double position = (u + kExcitationReach) * kExcitationOversampling;
  if (!(position >= 0 && position < kExcitationPoints - 1)) return V4{};
  const int at = (int)position;
  const float weight = (float)(position - at);
  return load<V4>(table + at * kBands) * (1.f - weight) + load<V4>(table + (at + 1) * kBands) * weight;
}

void write_excitation(Stream& s, double increment, float* x) {
  const float* table = s.model.at(s.model.header.table);
  if (!(increment > 0)) {
    s.voiced = false;
    memset(x, 0, sizeof(float) * (3 * kBands + 2));
    return;
  }
  s.phase = s.voiced ? s.phase + increment : 0;
  if (s.phase >= 1) s.phase -= 1;
  s.voiced = true;
  const double period = 1 / increment;
  const float amplitude = (float)std::sqrt(period);
  for (int o = 0; o < 3; o++) store(x + o * kBands, (pulse(table, o + s.phase * period) + pulse(table, o - (1 - s.phase) * period)) * amplitude);
  const double angle = 6.283185307179586 * s.phase;
  x[3 * kBands] = (float)std::sin(angle);
  x[3 * kBands + 1] = (float)std::cos(angle);
}

// Inputs x of the step; returns P_b.
V4 write_inputs(Stream& s, const Frame& f, const V4 lpc[kLpcOrder]) {
  float* x = s.input.get() + s.model.header.hidden;
  const V4 level = load<V4>(f.inverse_level);
  const V4 e = load<V4>(x + s.model.header.inputs);
  V4 prediction = {};
  for (int k = 1; k <= kLpcOrder; k++) prediction += lpc[k - 1] * load<V4>(past(s, k));
  for (int l = 1; l <= kHistory; l++, x += kBands) store(x, clip6(load<V4>(past(s, l)) * level));
  store(x, clip6(e));
  store(x + kBands, clip6(prediction * level));
  x += 2 * kBands;
  const int lag = f.lag > 0 ? (f.lag < kMinLag ? kMinLag : f.lag > kMaxLag ? kMaxLag : f.lag) : 0;
  for (int o = -1; o <= 1; o++, x += kBands) store(x, lag > 0 ? clip6(load<V4>(past_residual(s, lag - o))) : V4{});
  write_excitation(s, f.increment, x);
  return prediction;
}

void synthesize(Stream& s, float* out) {
  const float* filter = s.model.at(s.model.header.filters);
  V4 sum[4] = {};
  for (int j = 0; j < kPqmfTaps / kBands; j++) {
    const float* band = past(s, j);
    for (int b = 0; b < kBands; b++) sum[b] += load<V4>(filter + (j * kBands + b) * 4) * band[b];
  }
  const V4 y = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int i = 0; i < 4; i++) out[i] = s.last = y[i] + kPreEmphasis * s.last;
}

inline void load_lpc(const Frame& f, V4 lpc[kLpcOrder]) {
  for (int k = 0; k < kLpcOrder; k++) lpc[k] = V4{f.lpc[k], f.lpc[kLpcOrder + k], f.lpc[2 * kLpcOrder + k], f.lpc[3 * kLpcOrder + k]};
}

// Takes the step's e_b into the past and makes its four samples.
inline void finish_step(Stream& s, V4 prediction, V4 gain, float* out) {
  const V4 e = load<V4>(s.input.get() + s.model.header.hidden + s.model.header.inputs);
  store(s.bands.get() + (s.t & (kRing - 1)) * kBands, limit(prediction + gain * e, -2.f, 2.f));
  store(s.bands.get() + (kRing + (s.t & (kRing - 1))) * kBands, e);
  synthesize(s, out);
  s.t++;
}

}  // namespace
}  // namespace sparsewave::vocoder
