// Pulses and noise through minimum-phase filters, one event a lane of a register: no lane depends on another, so that a stream's samples do not depend on which
// events are made together. Compiled once per instruction set: kernel.<isa>.cpp sets SW_VECTOR (lanes) and SW_KERNEL.
#include <cstring>

#include "simd.h"
#include "source-filter.h"

namespace sparsewave::source_filter {
namespace {

// A complex number a lane.
struct C {
  V re, im;
};
inline C operator+(C a, C b) { return {a.re + b.re, a.im + b.im}; }
inline C operator-(C a, C b) { return {a.re - b.re, a.im - b.im}; }
inline C operator*(C a, C b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
// Times -j.
inline C turned(C a) { return {a.im, -a.re}; }
// Times exp(-j angle), the angle's cosine and sine given.
inline C turned(C a, float c, float s) { return {a.re * c + a.im * s, a.im * c - a.re * s}; }

struct Scratch {
  // Log power by bin.
  V level[kBins];
  // The envelope's points by lane.
  V points[kEnvelopePoints];
  C cepstrum[kHalf], noise[kHalf], wave[kHalf];
};

// cos x + j sin x for |x| < 1000; absolute errors below 1e-6 for |x| < 50 (Cephes' polynomials).
inline C direction(V x) {
  const V magic = V{} + 12582912.f;
  V n = x * 0.636619772367581343f + magic;
  const VI quadrant = reinterpret_cast<VI>(n);
  n -= magic;
  x = x - n * 1.5703125f;
  x = x - n * 4.837512969970703125e-4f;
  x = x - n * 7.549789948768648e-8f;
  const V z = x * x;
  V s = V{} - 1.9515295891e-4f;
  s = s * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * z * x + x;
  V c = V{} + 2.443315711809948e-5f;
  c = c * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * z * z - 0.5f * z + 1.f;
  const VI odd = -(quadrant & 1);
  const VI sign = (quadrant & 2) << 30, next = ((quadrant + 1) & 2) << 30;
  return {reinterpret_cast<V>(reinterpret_cast<VI>(select(odd, s, c)) ^ next), reinterpret_cast<V>(reinterpret_cast<VI>(select(odd, c, s)) ^ sign)};
}

// Complex transform of kHalf values, bit-reversed before and in order after: one pass of three stages, then three of two.
void transform(const Tables& t, C* z) {
  const float r = 0.70710678118654752f;
  for (C* x = z; x < z + kHalf; x += 8) {
    const C a0 = x[0] + x[1], a1 = x[0] - x[1], a2 = x[2] + x[3], a3 = turned(x[2] - x[3]);
    const C b0 = x[4] + x[5], b1 = x[4] - x[5], b2 = x[6] + x[7], b3 = turned(x[6] - x[7]);
    const C c0 = a0 + a2, c1 = a1 + a3, c2 = a0 - a2, c3 = a1 - a3;
    const C d0 = b0 + b2, d1 = turned(b1 + b3, r, r), d2 = turned(b0 - b2), d3 = turned(b1 - b3, -r, r);
    x[0] = c0 + d0;
    x[1] = c1 + d1;
    x[2] = c2 + d2;
    x[3] = c3 + d3;
    x[4] = c0 - d0;
    x[5] = c1 - d1;
    x[6] = c2 - d2;
    x[7] = c3 - d3;
  }
  for (int span = 8; span < kHalf; span *= 4) {
    const int inner = kHalf / span, outer = inner / 2;
    for (int k = 0; k < span; k++) {
      const float c1 = t.cos[k * inner], s1 = t.sin[k * inner], c2 = t.cos[k * outer], s2 = t.sin[k * outer];
      for (C* x = z + k; x < z + kHalf; x += 4 * span) {
        const C x1 = turned(x[span], c1, s1), x3 = turned(x[3 * span], c1, s1);
        const C a = x[0] + x1, b = x[0] - x1, e = turned(x[2 * span] + x3, c2, s2), f = turned(turned(x[2 * span] - x3, c2, s2));
        x[0] = a + e;
        x[span] = b + f;
        x[2 * span] = a - e;
        x[3 * span] = b - f;
      }
    }
  }
}

// Bins k and kHalf - k of the spectrum of the real signal whose even and odd samples were transformed as real and imaginary parts.
struct Bins {
  C low, high;
};
inline Bins untangled(const Tables& t, const C* z, int k) {
  const C a = z[k], b = z[(kHalf - k) & (kHalf - 1)];
  const C even = {0.5f * (a.re + b.re), 0.5f * (a.im - b.im)};
  const C odd = turned(C{0.5f * (a.im + b.im), 0.5f * (b.re - a.re)}, t.cos[k], t.sin[k]);
  return {{even.re + odd.re, even.im + odd.im}, {even.re - odd.re, odd.im - even.im}};
}

// The inverse of `untangled`, twice as large and conjugated, so that the forward transform is the inverse.
inline void tangle(const Tables& t, C* z, int k, int m, C low, C high) {
  const V er = low.re + high.re, ei = low.im - high.im, dr = low.re - high.re, di = low.im + high.im;
  const V odd_re = dr * t.cos[k] - di * t.sin[k], odd_im = dr * t.sin[k] + di * t.cos[k];
  z[t.reversed[k]] = {er - odd_im, -(ei + odd_re)};
  if (k > 0) z[t.reversed[m]] = {er + odd_im, ei - odd_re};
}

// Sample n of a real signal that is to be transformed.
inline V& sample(const Tables& t, C* z, int n) {
  C& pair = z[t.reversed[n >> 1]];
  return n & 1 ? pair.im : pair.re;
}

// The real signals of all lanes in s.wave, made by `tangle` and `transform`, one after the other: [SW_VECTOR][kResponse] in the place of the cepstrum.
const float* signals_of(Scratch& s) {
  float* out = reinterpret_cast<float*>(s.cepstrum);
  const float* in = reinterpret_cast<const float*>(s.wave);
  for (int n = 0; n < kResponse; n += SW_VECTOR) {
    V a[SW_VECTOR];
    for (int i = 0; i < SW_VECTOR; i++) a[i] = load<V>(in + (size_t)(n + i) * SW_VECTOR);
    transpose(a);
    for (int lane = 0; lane < SW_VECTOR; lane++) store(out + (size_t)lane * kResponse + n, a[lane]);
  }
  return out;
}

void add(const Tables& t, void* memory, Stream& stream, const Event* events, int count) {
  Scratch& s = *static_cast<Scratch*>(memory);
  V delay = {}, gain = {};
  VI voiced = {};
  memset(s.points, 0, sizeof s.points);
  memset(s.noise, 0, sizeof s.noise);
  for (int lane = 0; lane < count; lane++) {
    const Event& e = events[lane];
    for (int p = 0; p < kEnvelopePoints; p++) s.points[p][lane] = e.envelope[p];
    draw(stream, e.length, t.reversed, reinterpret_cast<float*>(s.noise) + lane, SW_VECTOR);
    voiced[lane] = e.voiced ? -1 : 0;
    delay[lane] = e.delay * (float)(-2 * 3.14159265358979323846 / kResponse);
    gain[lane] = e.voiced ? __builtin_sqrtf(e.period) : 0;
  }
  // What the exponential can take.
  const V most = V{} + 170.f;
  for (V& point : s.points) point = select(point > most, most, select(point < -most, -most, point));

  // The log power spectrum, even in time: its transform is the cepstrum.
  for (int k = 0; k < kBins; k++) {
    const V* point = s.points + t.point[k];
    const V level = point[0] + t.weight[k] * (point[1] - point[0]);
    s.level[k] = level;
    sample(t, s.wave, k) = level;
    if (k > 0 && k < kHalf) sample(t, s.wave, kResponse - k) = level;
  }
  transform(t, s.wave);
  // Half of the log power is the log amplitude; causal quefrencies count twice. What is odd in them makes the phase.
  memset(s.cepstrum, 0, sizeof s.cepstrum);
  for (int k = 0; k <= kHalf / 2; k++) {
    const Bins bins = untangled(t, s.wave, k);
    const float factor = (k == 0 ? 0.5f : 1.f) / kResponse;
    sample(t, s.cepstrum, k) = bins.low.re * factor;
    sample(t, s.cepstrum, kHalf - k) = bins.high.re * factor;
  }
  transform(t, s.cepstrum);
  transform(t, s.noise);

  const auto shaped = [&](int k, C noise, V phase) {
    const C turn = direction(delay * (float)k);
    const C noise_spectrum = {select(voiced, V{} + t.noise_re[k], V{} + t.lead_re[k]), select(voiced, V{} + t.noise_im[k], V{} + t.lead_im[k])};
    const C pulse = {gain * (turn.re * t.pulse_re[k] - turn.im * t.pulse_im[k]), gain * (turn.re * t.pulse_im[k] + turn.im * t.pulse_re[k])};
    const V amplitude = exponential_in_range(0.5f * s.level[k]);
    C filter = direction(phase);
    filter = {filter.re * amplitude, filter.im * amplitude};
    return (noise * noise_spectrum + pulse) * filter;
  };
  for (int k = 0; k <= kHalf / 2; k++) {
    const int m = kHalf - k;
    const Bins noise = untangled(t, s.noise, k), phase = untangled(t, s.cepstrum, k);
    const C low = shaped(k, noise.low, phase.low.im);
    C high = shaped(m, noise.high, phase.high.im);
    // A fractional delay is not Hermitian at half the sample rate.
    if (k == 0) high.im = V{};
    tangle(t, s.wave, k, m, low, high);
  }
  transform(t, s.wave);

  const float* response = signals_of(s);
  for (int lane = 0; lane < count; lane++, response += kResponse) {
    const int64_t from = events[lane].start - kLead;
    float* const ring = stream.ring.get();
    int n = from < stream.read ? (int)(stream.read - from) : 0;
    const auto one = [&] {
      ring[(from + n) & (kRing - 1)] += t.alternating[n] * response[n];
      n++;
    };
    // To the ring's end, then from its beginning.
    while (n < kResponse) {
      float* to = ring + ((from + n) & (kRing - 1));
      const int left = (int)(ring + kRing - to), end = n + left < kResponse ? n + left : kResponse;
      for (; n + SW_VECTOR <= end; n += SW_VECTOR, to += SW_VECTOR) store(to, load<V>(t.alternating + n) * load<V>(response + n) + load<V>(to));
      while (n < end) one();
    }
  }
}

inline V root(V x) {
  V y;
  for (int i = 0; i < SW_VECTOR; i++) y[i] = __builtin_sqrtf(x[i]);
  return y;
}

// A frame a lane, windowed.
void take(const Tables& t, const float* signal, C* z, int count) {
  for (int n = 0; n < kResponse; n += SW_VECTOR) {
    V a[SW_VECTOR] = {};
    for (int lane = 0; lane < count; lane++) a[lane] = load<V>(t.hann + n) * load<V>(signal + lane * kLevelStep + n);
    transpose(a);
    for (int i = 0; i < SW_VECTOR; i += 2) z[t.reversed[(n + i) / 2]] = {a[i], a[i + 1]};
  }
}

void match_levels(const Tables& t, const LevelMatching matching, void* memory, const float* signal, const float* target, float* sum, int count) {
  Scratch& s = *static_cast<Scratch*>(memory);
  take(t, signal, s.noise, count);
  take(t, target, s.cepstrum, count);
  transform(t, s.noise);
  transform(t, s.cepstrum);
  const V floor = V{} + kLevelFloor;
  // Three quarters of the way in decibels, in the upper part five.
  const auto matched = [&](C x, C d, bool upper) {
    const V ratio = root((d.re * d.re + d.im * d.im + floor) / (x.re * x.re + x.im * x.im + floor)), quarter = root(root(ratio));
    const float most = upper ? matching.overshoot : matching.residual;
    const V above = V{} + most, below = V{} + 1 / most;
    V past = upper ? quarter : 1.f / quarter;
    past = select(past < above, past, above);
    past = select(past > below, past, below);
    return C{x.re * ratio * past, x.im * ratio * past};
  };
  for (int k = 0; k <= kHalf / 2; k++) {
    const int m = kHalf - k;
    const Bins x = untangled(t, s.noise, k), d = untangled(t, s.cepstrum, k);
    // The upper half of the spectrum is all upper part.
    const C low = matched(x.low, d.low, k >= matching.upper), high = matched(x.high, d.high, true);
    tangle(t, s.wave, k, m, low, high);
  }
  transform(t, s.wave);
  // The squared windows of a sample's four frames add up to 1.5.
  const float* frame = signals_of(s);
  for (int lane = 0; lane < count; lane++, frame += kResponse) {
    float* out = sum + lane * kLevelStep;
    for (int n = 0; n < kResponse; n += SW_VECTOR) store(out + n, load<V>(t.alternating + n) * (1 / 1.5f) * load<V>(t.hann + n) * load<V>(frame + n) + load<V>(out + n));
  }
}

}  // namespace

const Kernel SW_KERNEL = {SW_VECTOR, sizeof(Scratch), add, match_levels};

}  // namespace sparsewave::source_filter
