// Layers of the nets at frame rate (acoustic model, conditioning). Values are rows of floats. Products are computed in 16-bit integers with
// 32-bit sums that cannot overflow, so that they are the same on every CPU. kernel.h has the loops, binding.cpp the Node-API.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "constants.h"

namespace sparsewave::layers {

struct Free {
  void operator()(void* p) const { free(p); }
};
template <class T>
using Aligned = std::unique_ptr<T[], Free>;
// Zeros, aligned to a cache line.
template <class T>
Aligned<T> aligned(size_t count) {
  const size_t bytes = (count * sizeof(T) + 63) / 64 * 64 + 64;
  void* p = aligned_alloc(64, bytes);
  if (!p) abort();
  __builtin_memset(p, 0, bytes);
  return Aligned<T>(static_cast<T*>(p));
}

// Inputs are integers of at most this size; a column's weights are at most kMostWeight together, so that a sum has 31 bits.
constexpr int kMostInput = 8191;
constexpr int kMostWeight = 0x7fffffff / kMostInput;

// x W + b, W [k, n] in columns of a scale each. Columns lie in panels of `panel`, by pairs of rows: packed[panel][pair][column][2].
struct Matrix {
  int k, n, pairs, panel, panels;
  Aligned<int16_t> packed;
  // Of the padded columns, for an input whose step is 1.
  Aligned<float> step, bias;

  Matrix(const float* weight, const float* bias, int k, int n, int panel);
};

// What linear prediction in bands needs of the vocoder's frame parameters (src/vocoder/sparse-wavernn/frame-parameters.ts).
constexpr int kTerms = (kLpcOrder + 1) * kBands;
struct Predictor {
  // Envelope point below a frequency of the grid, weight of the one above; padded with what is harmless.
  uint8_t point[kSpectrumPoints + 7];
  double weight[kSpectrumPoints + 7];
  // [grid][lag][band]: autocorrelations of the bands from the power at the grid's frequencies.
  double correlation[kSpectrumPoints * kTerms];
  // Share of white noise added, floor of a band's power.
  double whitening, floor;
};

enum Activation { kNone, kRelu, kTanh };

struct Kernel {
  // Columns of a panel.
  int panel;
  // Integers q with x = q * the step that is returned.
  float (*quantize)(const float* x, size_t count, int16_t* q);
  // Row r of `out` [rows, n] from the k integers at a + r * stride, after which one more must be readable; `residual`, if there is one, is added at the end.
  void (*product)(const Matrix& m, const int16_t* a, size_t stride, int rows, float step, Activation activation, const float* residual, float* out);
  // Layer normalisation of rows, with scale and shift.
  void (*norm)(const float* x, int rows, int channels, float epsilon, const float* scale, const float* shift, float* out);
  // Self-attention: rows of q, k and v, each [channels] in `heads` parts. `scratch` holds attention_scratch floats.
  void (*attention)(const float* qkv, int rows, int channels, int heads, float* scratch, float* out);
  // Of a log power envelope [kEnvelopePoints]: predictors [kBands, kLpcOrder], standard deviations of residuals and inverse ones of the bands' signals, each [kBands].
  void (*predict)(const Predictor& p, const float* envelope, float* lpc, float* gain, float* inverse_level);
};
extern const Kernel kBaseline, kAvx2, kAvx512, kNeon;
// In the place of kAvx512 where the CPU has VNNI and VBMI; its values are the same.
extern const Kernel kAvx512Vnni;

// Rows of scores and keys are padded to this.
constexpr int kPadding = 16;
inline size_t padded(int rows) { return (size_t)(rows + kPadding - 1) / kPadding * kPadding; }
inline size_t attention_scratch(int rows, int width) { return padded(rows) * (width + 1); }

}  // namespace sparsewave::layers
