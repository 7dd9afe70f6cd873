// The layers' loops, compiled once per instruction set: kernel.<isa>.cpp sets SW_VECTOR (32-bit elements a register), SW_ROWS and SW_KERNEL.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "layers.h"
#include "simd.h"

namespace sparsewave::layers {
namespace {

constexpr int kPanel = 2 * SW_VECTOR;
// Rows that are multiplied at a time: with two registers of columns each, their sums stay in registers.
constexpr int kRows = SW_ROWS;

float quantize(const float* x, size_t count, int16_t* q) {
  constexpr size_t W = SW_VECTOR;
  V most = {};
  size_t i = 0;
  for (; i + W <= count; i += W) {
    const V v = load<V>(x + i), size = reinterpret_cast<V>(reinterpret_cast<VI>(v) & 0x7fffffff);
    most = select(size > most, size, most);
  }
  float peak = 0;
  for (size_t l = 0; l < W; l++) peak = most[l] > peak ? most[l] : peak;
  for (size_t j = i; j < count; j++) peak = std::fabs(x[j]) > peak ? std::fabs(x[j]) : peak;
  if (!(peak > 1e-30f)) {
    memset(q, 0, count * sizeof *q);
    return 0;
  }
  // The constant's addition rounds to the nearest integer, which its low bits then hold.
  const float factor = kMostInput / peak, magic = 12582912.f;
  for (i = 0; i + W <= count; i += W) {
    const V v = limit(load<V>(x + i) * factor, -kMostInput, kMostInput) + magic;
    store(q + i, __builtin_convertvector(reinterpret_cast<VI>(v) << 16 >> 16, VS));
  }
  for (; i < count; i++) {
    const V v = limit(V{} + x[i] * factor, -kMostInput, kMostInput) + magic;
    q[i] = (int16_t)reinterpret_cast<VI>(v)[0];
  }
  return peak / kMostInput;
}

inline V activated(V x, Activation activation) {
  if (activation == kRelu) return select(x > V{}, x, V{});
  if (activation == kTanh) return 1.f - 2.f / (1.f + exponential(x + x));
  return x;
}

template <int R>
inline void panel_rows(const Matrix& m, const int16_t* weights, int first, const int16_t* a, size_t stride, float step, Activation activation, const float* residual, float* out) {
  VI sum[R][2] = {};
  const int16_t* w = weights;
  for (int p = 0; p < m.pairs; p++, w += 2 * kPanel) {
    const VI w0 = load<VI>(w), w1 = load<VI>(w + kPanel);
    for (int r = 0; r < R; r++) {
      const VI x = VI{} + load<int32_t>(a + r * stride + 2 * p);
      sum[r][0] = add_pairs(sum[r][0], x, w0);
      sum[r][1] = add_pairs(sum[r][1], x, w1);
    }
  }
  for (int half = 0; half < 2; half++) {
    const int column = first + half * SW_VECTOR;
    const int here = m.n - column;
    if (here <= 0) return;
    const V scale = load<V>(m.step.get() + column) * step, bias = load<V>(m.bias.get() + column);
    for (int r = 0; r < R; r++) {
      V y = activated(__builtin_convertvector(sum[r][half], V) * scale + bias, activation);
      const size_t at = (size_t)r * m.n + column;
      if (here >= SW_VECTOR) {
        if (residual) y += load<V>(residual + at);
        store(out + at, y);
      } else {
        for (int c = 0; c < here; c++) out[at + c] = y[c] + (residual ? residual[at + c] : 0);
      }
    }
  }
}

void product(const Matrix& m, const int16_t* a, size_t stride, int rows, float step, Activation activation, const float* residual, float* out) {
  for (int panel = 0; panel < m.panels; panel++) {
    const int16_t* w = m.packed.get() + (size_t)panel * m.pairs * 2 * kPanel;
    int r = 0;
    const auto some = [&](auto count) {
      panel_rows<decltype(count)::value>(m, w, panel * kPanel, a + r * stride, stride, step, activation, residual ? residual + (size_t)r * m.n : nullptr,
                                          out + (size_t)r * m.n);
      r += decltype(count)::value;
    };
    while (rows - r >= kRows) some(std::integral_constant<int, kRows>{});
    if (kRows > 6 && rows - r >= 6) some(std::integral_constant<int, 6>{});
    if (rows - r >= 4) some(std::integral_constant<int, 4>{});
    if (rows - r >= 2) some(std::integral_constant<int, 2>{});
    if (rows - r >= 1) some(std::integral_constant<int, 1>{});
  }
}

inline float total(V v) {
  float sum = 0;
  for (int l = 0; l < SW_VECTOR; l++) sum += v[l];
  return sum;
}

void norm(const float* x, int rows, int channels, float epsilon, const float* scale, const float* shift, float* out) {
  constexpr int W = SW_VECTOR;
  for (int r = 0; r < rows; r++, x += channels, out += channels) {
    V sums = {};
    int i = 0;
    for (; i + W <= channels; i += W) sums += load<V>(x + i);
    float sum = total(sums);
    for (; i < channels; i++) sum += x[i];
    const float mean = sum / channels;
    V squares = {};
    for (i = 0; i + W <= channels; i += W) {
      const V d = load<V>(x + i) - mean;
      squares += d * d;
    }
    float square = total(squares);
    for (; i < channels; i++) square += (x[i] - mean) * (x[i] - mean);
    const float factor = 1 / std::sqrt(square / channels + epsilon);
    for (i = 0; i + W <= channels; i += W) store(out + i, (load<V>(x + i) - mean) * factor * load<V>(scale + i) + load<V>(shift + i));
    for (; i < channels; i++) out[i] = (x[i] - mean) * factor * scale[i] + shift[i];
  }
}

void attention(const float* qkv, int rows, int channels, int heads, float* scratch, float* out) {
  const int width = channels / heads;
  const size_t stride = 3 * (size_t)channels, span = padded(rows);
  const float factor = 1 / std::sqrt((float)width);
  float* const keys = scratch;
  float* const scores = scratch + span * width;
  for (int h = 0; h < heads; h++) {
    const float *q = qkv + h * width, *k = q + channels, *v = k + channels;
    for (int d = 0; d < width; d++)
      for (int j = 0; j < rows; j++) keys[d * span + j] = k[j * stride + d] * factor;
    for (int i = 0; i < rows; i++) {
      for (size_t j = 0; j < span; j += SW_VECTOR) {
        V sum = {};
        for (int d = 0; d < width; d++) sum += q[i * stride + d] * load<V>(keys + d * span + j);
        store(scores + j, sum);
      }
      float most = scores[0];
      for (int j = 1; j < rows; j++) most = scores[j] > most ? scores[j] : most;
      for (size_t j = 0; j < span; j += SW_VECTOR) store(scores + j, exponential(load<V>(scores + j) - most));
      float sum = 0;
      for (int j = 0; j < rows; j++) sum += scores[j];
      float* target = out + (size_t)i * channels + h * width;
      int d = 0;
      for (; d + SW_VECTOR <= width; d += SW_VECTOR) {
        V mixed = {};
        for (int j = 0; j < rows; j++) mixed += scores[j] * load<V>(v + j * stride + d);
        store(target + d, mixed / sum);
      }
      for (; d < width; d++) {
        float mixed = 0;
        for (int j = 0; j < rows; j++) mixed += scores[j] * v[j * stride + d];
        target[d] = mixed / sum;
      }
    }
  }
}

typedef double D __attribute__((vector_size(32)));
typedef int64_t DI __attribute__((vector_size(32)));

constexpr double kInverseFactorials[] = {1 / 6227020800., 1 / 479001600., 1 / 39916800., 1 / 3628800., 1 / 362880., 1 / 40320., 1 / 5040., 1 / 720., 1 / 120., 1 / 24., 1 / 6., 0.5, 1, 1};

// e^x for |x| < 700, relative error about 1e-15 (Taylor's series on half an octave).
inline D exponential(D x) {
  const D magic = D{} + 6755399441055744.;
  D n = x * 1.4426950408889634 + magic;
  const DI exponent = reinterpret_cast<DI>(n) << 52;
  n -= magic;
  x = x - n * 6.93147180369123816490e-1;
  x = x - n * 1.90821492927058770002e-10;
  D p = {};
  for (const double f : kInverseFactorials) p = p * x + f;
  return reinterpret_cast<D>(reinterpret_cast<DI>(p) + exponent);
}

void predict(const Predictor& p, const float* envelope, float* lpc, float* gain, float* inverse_level) {
  constexpr int padded = (kSpectrumPoints + 3) / 4 * 4;
  double power[padded];
  for (int g = 0; g < padded; g++) {
    const float* e = envelope + p.point[g];
    power[g] = e[0] * (1 - p.weight[g]) + e[1] * p.weight[g];
    power[g] = power[g] > 600 ? 600 : power[g] > -600 ? power[g] : -600;
  }
  for (int g = 0; g < padded; g += 4) store(power + g, exponential(load<D>(power + g)));
  // One band a lane.
  D r[kLpcOrder + 1] = {};
  for (int g = 0; g < kSpectrumPoints; g++)
    for (int m = 0; m <= kLpcOrder; m++) r[m] += power[g] * load<D>(p.correlation + (g * (kLpcOrder + 1) + m) * kBands);
  r[0] = r[0] * (1 + p.whitening) + p.floor;
  // Levinson-Durbin recursion.
  D a[kLpcOrder + 1] = {}, error = r[0];
  for (int m = 1; m <= kLpcOrder; m++) {
    D rest = r[m];
    for (int k = 1; k < m; k++) rest -= a[k] * r[m - k];
    const D reflection = rest / error;
    for (int k = 1; 2 * k <= m; k++) {
      const D left = a[k], right = a[m - k];
      a[k] = left - reflection * right;
      a[m - k] = right - reflection * left;
    }
    a[m] = reflection;
    error *= 1 - reflection * reflection;
  }
  for (int b = 0; b < kBands; b++) {
    for (int k = 1; k <= kLpcOrder; k++) lpc[b * kLpcOrder + k - 1] = (float)a[k][b];
    gain[b] = (float)std::sqrt(error[b]);
    inverse_level[b] = (float)(1 / std::sqrt(r[0][b]));
  }
}

}  // namespace

const Kernel SW_KERNEL = {kPanel, quantize, product, norm, attention, predict};

}  // namespace sparsewave::layers
