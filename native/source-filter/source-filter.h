// Source-filter synthesis; src/vocoder/source-filter/shaper.ts is the definition. kernel.h has the loops, stream.cpp the noise and the output, binding.cpp the Node-API.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "constants.h"

namespace sparsewave::source_filter {

constexpr int kHalf = kResponse / 2;
constexpr int kBins = kHalf + 1;
// Most events of one call; no ISA has more lanes.
constexpr int kMostLanes = 16;

struct Tables {
  // Angles 2 pi i / kResponse.
  float cos[kHalf], sin[kHalf];
  uint16_t reversed[kHalf];
  // Envelope point below a bin, weight of the one above.
  uint8_t point[kBins];
  float weight[kBins];
  // Spectra of the periodic and the aperiodic part of a voiced event and of an unvoiced one's noise, all delayed by kLead.
  float pulse_re[kBins], pulse_im[kBins], noise_re[kBins], noise_im[kBins], lead_re[kBins], lead_im[kBins];
  // Hann's, over kResponse samples.
  float hann[kResponse];
  // 1 / kResponse, with the sign of a conjugate's imaginary part where samples are odd.
  float alternating[kResponse];
};

// From envelope points, weights and the parts' spectra by bin, each [kBins].
void fill(Tables& tables, const uint8_t* point, const double* weight, const double* pulse_re, const double* pulse_im, const double* noise_re, const double* noise_im);

struct Stream {
  explicit Stream(uint32_t random) : ring(new float[kRing]()), random(random) {}
  std::unique_ptr<float[]> ring;
  // Samples handed out; slot n % kRing of the ring holds sample n from here on.
  int64_t read = 0;
  uint32_t random;
  double last_in = 0, last_out = 0;
};

struct Event {
  int64_t start;
  // Samples after `start`, 0..1, and samples until the next event.
  float delay, period;
  // Whole samples of noise.
  int length;
  bool voiced;
  const float* envelope;
};

// Draws at most kResponse samples of white noise, mean 0 and variance 1, into one lane of bit-reversed pairs: `out` points at the lane's first value.
void draw(Stream& stream, int length, const uint16_t* reversed, float* out, int lanes);
// Hands out the next samples: high-passed, within -1..1.
void emit(Stream& stream, float* out, size_t count);

// Spectral level matching, see src/vocoder/level-matching: the first bin of the upper part, at most kHalf / 2, and amplitude ratios of 1 or more. Below it an
// amplitude stays within `residual` of the target's, from it on it may pass the target's by `overshoot`.
struct LevelMatching {
  int upper;
  float residual, overshoot;
};

struct Kernel {
  // Events that are shaped at a time.
  int lanes;
  size_t scratch_bytes;
  // Adds up to `lanes` events to the stream's ring; `scratch` is aligned to 64 bytes.
  void (*add)(const Tables& tables, void* scratch, Stream& stream, const Event* events, int count);
  // Brings up to `lanes` frames of `signal` nearer to the levels of `target` and adds them to `sum`; all three hold kResponse - kLevelStep + count * kLevelStep samples.
  void (*match_levels)(const Tables& tables, LevelMatching matching, void* scratch, const float* signal, const float* target, float* sum, int count);
};
extern const Kernel kBaseline, kAvx2, kAvx512, kNeon;

}  // namespace sparsewave::source_filter
