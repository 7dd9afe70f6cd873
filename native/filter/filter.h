// Source-filter synthesis: what the ISAs' code (core.h), the streams (stream.cpp) and the binding (addon.cpp) share. src/vocoder/source-filter/shaper.ts is the definition.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sparsewave::filter {

constexpr int kSize = 1024;
constexpr int kHalf = kSize / 2;
constexpr int kBins = kHalf + 1;
constexpr int kPoints = 64;
// Samples a response starts before its event.
constexpr int kLead = 16;
// Samples from one frame of level() to the next.
constexpr int kStep = kSize / 4;
// Power of a bin below which level() does nothing to speak of: that of the noise of rounding to 16 bits.
constexpr float kLevelFloor = 3e-8f;
// First bin of level()'s upper part (3.5 kHz); how far from the draft's an amplitude may stay below it (1.5 dB) and be led past it from there on (6 dB).
constexpr int kLevelUpper = 150;
constexpr float kLevelNear = 1.18920712f, kLevelPast = 2.f;
// Samples that can be under construction.
constexpr int kRing = 4096;
// Most events of one call; no ISA has more lanes.
constexpr int kMostLanes = 16;

struct Tables {
  // Angles 2 pi i / kSize.
  float cos[kHalf], sin[kHalf];
  uint16_t reversed[kHalf];
  // Envelope point below a bin, weight of the one above.
  uint8_t point[kBins];
  float weight[kBins];
  // Spectra of the periodic and the aperiodic share of a voiced event and of an unvoiced one's noise, all delayed by kLead.
  float pulse_re[kBins], pulse_im[kBins], noise_re[kBins], noise_im[kBins], lead_re[kBins], lead_im[kBins];
  // Hann's, over kSize samples.
  float hann[kSize];
};

// From envelope points, weights and the shares' spectra by bin, each [kBins].
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

// Draws at most kSize samples of white noise, mean 0 and variance 1, into one lane of bit-reversed pairs: `out` points at the lane's first value.
void draw(Stream& stream, int length, const uint16_t* reversed, float* out, int lanes);
// Hands out the next samples: high-passed, within -1..1.
void emit(Stream& stream, float* out, size_t count);

struct Kernel {
  // Events that are shaped at a time.
  int lanes;
  size_t scratch_bytes;
  // Adds up to `lanes` events to the stream's ring; `scratch` is aligned to 64 bytes.
  void (*add)(const Tables& tables, void* scratch, Stream& stream, const Event* events, int count);
  // Brings up to `lanes` frames of `signal` to levels nearer to those of `draft` and adds them to `sum`; all three hold kSize - kStep + count * kStep samples.
  void (*level)(const Tables& tables, void* scratch, const float* signal, const float* draft, float* sum, int count);
};
extern const Kernel kBaseline, kAvx2, kAvx512, kNeon;

}  // namespace sparsewave::filter
