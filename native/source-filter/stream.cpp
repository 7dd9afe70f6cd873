// What no instruction set makes faster: tables, and what is made sample by sample (noise, the high-pass).
#include <algorithm>
#include <cmath>

#include "source-filter.h"

namespace sparsewave::source_filter {

void fill(Tables& t, const uint8_t* point, const double* weight, const double* pulse_re, const double* pulse_im, const double* noise_re, const double* noise_im) {
  for (int i = 0; i < kHalf; i++) {
    t.cos[i] = (float)std::cos(2 * M_PI * i / kResponse);
    t.sin[i] = (float)std::sin(2 * M_PI * i / kResponse);
    int r = 0;
    for (int bit = 1; bit < kHalf; bit *= 2) r = 2 * r + (i & bit ? 1 : 0);
    t.reversed[i] = (uint16_t)r;
  }
  for (int n = 0; n < kResponse; n++) t.alternating[n] = (n & 1 ? -1.f : 1.f) / kResponse;
  for (int n = 0; n < kResponse; n++) t.hann[n] = (float)(0.5 - 0.5 * std::cos(2 * M_PI * n / kResponse));
  for (int k = 0; k < kBins; k++) {
    t.point[k] = point[k];
    t.weight[k] = (float)weight[k];
    const double c = std::cos(2 * M_PI * k * kLead / kResponse), s = -std::sin(2 * M_PI * k * kLead / kResponse);
    t.pulse_re[k] = (float)(pulse_re[k] * c - pulse_im[k] * s);
    t.pulse_im[k] = (float)(pulse_re[k] * s + pulse_im[k] * c);
    t.noise_re[k] = (float)(noise_re[k] * c - noise_im[k] * s);
    t.noise_im[k] = (float)(noise_re[k] * s + noise_im[k] * c);
    t.lead_re[k] = (float)c;
    t.lead_im[k] = (float)s;
  }
}

void draw(Stream& stream, int length, const uint16_t* reversed, float* out, int lanes) {
  const int count = std::min(length, kResponse);
  uint32_t state = stream.random;
  float noise[kResponse];
  double sum = 0;
  for (int i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const double v = (int32_t)state * (std::sqrt(3.) / 2147483648.);
    noise[i] = (float)v;
    sum += v;
  }
  stream.random = state;
  const float mean = count > 0 ? (float)(sum / count) : 0;
  for (int i = 0; i < count; i++) out[(size_t)(2 * reversed[i >> 1] + (i & 1)) * lanes] = noise[i] - mean;
}

void emit(Stream& stream, float* out, size_t count) {
  static const double kHighPass = std::exp(-2 * M_PI * kHighPassHz / kSampleRate);
  double in = stream.last_in, y = stream.last_out;
  for (size_t i = 0; i < count; i++) {
    float& slot = stream.ring[stream.read++ & (kRing - 1)];
    const double x = slot;
    slot = 0;
    y = x - in + kHighPass * y;
    in = x;
    out[i] = (float)std::min(1., std::max(-1., y));
  }
  stream.last_in = in;
  stream.last_out = y;
}

}  // namespace sparsewave::source_filter
