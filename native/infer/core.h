// The inference loop, compiled once per ISA: core.<isa>.cpp sets SW_VECTOR (floats a register), SW_UNROLL (partial sums of
// a product) and SW_KERNEL. Sums are made in a fixed order, so that equal seeds give equal samples on one backend.
#include <cmath>

#include "model.h"

namespace sparsewave {
namespace {

typedef float V __attribute__((vector_size(SW_VECTOR * 4)));
typedef int32_t VI __attribute__((vector_size(SW_VECTOR * 4)));
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
template <class T>
inline T limit(T v, float low, float high) {
  v = select(v < splat<T>(low), splat<T>(low), v);
  return select(v > splat<T>(high), splat<T>(high), v);
}
inline V4 clip6(V4 v) { return limit(v, -6.f, 6.f); }

// e^x for x in -87..88, relative error below 2e-7 (Cephes' polynomial).
template <class T, class I>
inline T exponential(T x) {
  x = limit(x, -87.f, 88.f);
  const T magic = splat<T>(12582912.f);
  T n = x * 1.44269504088896341f + magic;
  const I exponent = reinterpret_cast<I>(n) << 23;
  n -= magic;
  x = x - n * 0.693359375f;
  x = x + n * 2.12194440e-4f;
  T p = splat<T>(1.9875691500e-4f);
  p = p * x + 1.3981999507e-3f;
  p = p * x + 8.3334519073e-3f;
  p = p * x + 4.1665795894e-2f;
  p = p * x + 1.6666665459e-1f;
  p = p * x + 5.0000001201e-1f;
  p = p * x * x + x + 1.f;
  return reinterpret_cast<T>(reinterpret_cast<I>(p) + exponent);
}

// Absolute errors below 3e-7.
inline V sigmoid(V x) { return 1.f / (1.f + exponential<V, VI>(-x)); }
inline V hyperbolic_tangent(V x) { return 1.f - 2.f / (1.f + exponential<V, VI>(x + x)); }

struct Strip {
  V part[kParts];
};

// Weights stream from the second-level cache: fetching this many blocks ahead hides its latency.
constexpr int kPrefetch = 32;

inline V fold(V sum[SW_UNROLL][kParts], int p) {
  V total = sum[0][p];
  for (int u = 1; u < SW_UNROLL; u++) total += sum[u][p];
  return total;
}

// Product of one strip's `count` blocks, columns c, with the input.
SW_INLINE Strip product(const float* w, const uint16_t* c, int count, const float* input) {
  V sum[SW_UNROLL][kParts] = {};
  int k = 0;
  for (; k + SW_UNROLL <= count; k += SW_UNROLL) {
    for (int u = 0; u < SW_UNROLL; u++) {
      const float* block = w + (k + u) * kBlock;
      __builtin_prefetch(block + kPrefetch * kBlock);
      const V x = splat<V>(input[c[k + u]]);
      for (int p = 0; p < kParts; p++) sum[u][p] += load<V>(block + p * SW_VECTOR) * x;
    }
  }
  for (int u = 0; u < SW_UNROLL - 1; u++) {
    if (k + u >= count) break;
    const V x = splat<V>(input[c[k + u]]);
    for (int p = 0; p < kParts; p++) sum[u][p] += load<V>(w + (k + u) * kBlock + p * SW_VECTOR) * x;
  }
  Strip out;
  for (int p = 0; p < kParts; p++) out.part[p] = fold(sum, p);
  return out;
}

// The same for a dense strip: columns 0 .. count - 1.
SW_INLINE Strip dense(const float* w, int count, const float* input) {
  V sum[SW_UNROLL][kParts] = {};
  int k = 0;
  for (; k + SW_UNROLL <= count; k += SW_UNROLL)
    for (int u = 0; u < SW_UNROLL; u++) {
      const V x = splat<V>(input[k + u]);
      for (int p = 0; p < kParts; p++) sum[u][p] += load<V>(w + (k + u) * kBlock + p * SW_VECTOR) * x;
    }
  for (int u = 0; u < SW_UNROLL - 1; u++) {
    if (k + u >= count) break;
    const V x = splat<V>(input[k + u]);
    for (int p = 0; p < kParts; p++) sum[u][p] += load<V>(w + (k + u) * kBlock + p * SW_VECTOR) * x;
  }
  Strip out;
  for (int p = 0; p < kParts; p++) out.part[p] = fold(sum, p);
  return out;
}

// h <- GRU(h, x, gates), then the heads' part that needs no e_b: V h' + b + S_b x.
void advance(Stream& s, const float* gates) {
  const Model& m = s.model;
  const Header& n = m.header;
  const int H = n.hidden, K = n.head_hidden, D = n.inputs;
  float* input = s.input.get();
  float* sums = s.sums.get();
  const float* w = m.at(n.gate_values);
  const uint16_t* c = m.columns.get();
  // All products first, then all non-linear functions: their long chains overlap one another.
  const int counts[4] = {n.reset_blocks, n.update_blocks, n.recurrent_blocks, n.input_blocks};
  for (int row = 0; row < H; row += kBlock) {
    for (int g = 0; g < 4; g++) {
      const Strip sum = product(w, c, counts[g], input);
      for (int p = 0; p < kParts; p++) store(sums + g * H + row + p * SW_VECTOR, sum.part[p]);
      w += counts[g] * kBlock;
      c += counts[g];
    }
  }
  for (int i = 0; i < H; i += SW_VECTOR) {
    // Limited so that the product below stays finite: one division serves both gates.
    const V er = exponential<V, VI>(limit(-(load<V>(sums + i) + load<V>(gates + i)), -30.f, 30.f)) + 1.f;
    const V ez = exponential<V, VI>(limit(-(load<V>(sums + H + i) + load<V>(gates + H + i)), -30.f, 30.f)) + 1.f;
    const V inverse = 1.f / (er * ez);
    const V r = inverse * ez, z = inverse * er;
    const V v = hyperbolic_tangent(r * load<V>(sums + 2 * H + i) + (load<V>(sums + 3 * H + i) + load<V>(gates + 2 * H + i)));
    store(input + i, v + z * (load<V>(input + i) - v));
  }
  float* head = s.head.get();
  const float* bias = m.at(n.head_bias);
  const float* step = m.at(n.head_step);
  w = m.at(n.head_values);
  c = m.columns.get() + n.head_columns;
  for (int b = 0, row = 0; b < kBands; b++) {
    for (int k = 0; k < K; k += kBlock, row += kBlock) {
      const Strip recurrent = product(w, c, n.head_blocks, input);
      w += n.head_blocks * kBlock, c += n.head_blocks;
      const Strip direct = dense(step + (size_t)k * (D + b), D, input + H);
      for (int p = 0; p < kParts; p++) {
        const int i = row + p * SW_VECTOR;
        store(head + i, recurrent.part[p] + (direct.part[p] + load<V>(bias + i)));
      }
    }
    step += (size_t)K * (D + b);
  }
}

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

// o_b of one band; e_0 .. e_{b-1} lie behind x. `shift` is M_b [x; e].
inline void output(Stream& s, int b, float shift, float out[kBlock]) {
  const Model& m = s.model;
  const Header& n = m.header;
  const int K = n.head_hidden, D = n.inputs;
  const float* e = s.input.get() + n.hidden + D;
  float* u = s.head.get() + (size_t)b * K;
  const float* step = m.at(n.head_step) + (size_t)K * (b * D + b * (b - 1) / 2);
  for (int k = 0; k < K; k += kBlock) {
    const float* w = step + (size_t)k * (D + b) + (size_t)D * kBlock;
    for (int p = 0; p < kParts; p++) {
      V v = load<V>(u + k + p * SW_VECTOR);
      for (int j = 0; j < b; j++) v += load<V>(w + j * kBlock + p * SW_VECTOR) * e[j];
      store(u + k + p * SW_VECTOR, select(v > splat<V>(0.f), v, splat<V>(0.f)));
    }
  }
  const Strip o = dense(m.at(n.output_weight) + (size_t)b * K * kBlock, K, u);
  const float* bias = m.at(n.output_bias) + b * kBlock;
  for (int p = 0; p < kParts; p++) store(out + p * SW_VECTOR, o.part[p] + load<V>(bias + p * SW_VECTOR));
  for (int k = 0; k < kMixtures; k++) out[kMixtures + k] += shift;
}

inline const float* past_residual(const Stream& s, int back) { return s.bands.get() + (kRing + ((s.t - (uint32_t)back) & (kRing - 1))) * kBands; }
inline const float* past(const Stream& s, int back) { return s.bands.get() + ((s.t - (uint32_t)back) & (kRing - 1)) * kBands; }

// k_b(u) for the four bands.
inline V4 pulse(const float* table, double u) {
  const double position = (u + kTableReach) * kTableOversampling;
  if (!(position >= 0 && position < kTablePoints - 1)) return V4{};
  const int at = (int)position;
  const float share = (float)(position - at);
  return load<V4>(table + at * kBands) * (1.f - share) + load<V4>(table + (at + 1) * kBands) * share;
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
V4 write_inputs(Stream& s, const Frame& f, const V4 lpc[kOrder]) {
  float* x = s.input.get() + s.model.header.hidden;
  const V4 level = load<V4>(f.inverse_level);
  const V4 e = load<V4>(x + s.model.header.inputs);
  V4 prediction = {};
  for (int k = 1; k <= kOrder; k++) prediction += lpc[k - 1] * load<V4>(past(s, k));
  for (int l = 1; l <= kHistory; l++, x += kBands) store(x, clip6(load<V4>(past(s, l)) * level));
  store(x, clip6(e));
  store(x + kBands, clip6(prediction * level));
  x += 2 * kBands;
  const int lag = f.lag > 0 ? (f.lag < kMinLag ? kMinLag : f.lag > kMaxLag ? kMaxLag : f.lag) : 0;
  for (int o = -1; o <= 1; o++, x += kBands) store(x, lag > 0 ? clip6(load<V4>(past_residual(s, lag - o))) : V4{});
  write_excitation(s, f.increment, x);
  return prediction;
}

inline double draw(const Stream& s, int b, int i) { return ((fmix32(s.key ^ (8u * s.t + 2u * b + i)) >> 8) + 0.5) / 16777216.0; }

// e_b from o_b: a component of the mixture, then its logistic; temperature scales what that lies off the mixture's mean.
inline float sample(const Stream& s, int b, const float o[kBlock], float temperature) {
  float top = o[0];
  for (int k = 1; k < kMixtures; k++) top = o[k] > top ? o[k] : top;
  const V4 weight = exponential<V4, V4I>(load<V4>(o) - top);
  const float total = weight[0] + weight[1] + weight[2] + weight[3];
  const float threshold = (float)draw(s, b, 0) * total;
  int component = 0;
  for (float sum = weight[0]; component < kMixtures - 1 && sum <= threshold;) sum += weight[++component];
  const V4 scale = exponential<V4, V4I>(limit(load<V4>(o + 2 * kMixtures), -7.f, 4.f));
  const double u = draw(s, b, 1);
  const V4 weighted = load<V4>(o + kMixtures) * weight;
  const float mean = (weighted[0] + weighted[1] + weighted[2] + weighted[3]) / total;
  return mean + temperature * (o[kMixtures + component] + scale[component] * (float)std::log(u / (1 - u)) - mean);
}

void synthesize(Stream& s, float* out) {
  const float* filter = s.model.at(s.model.header.filters);
  V4 sum[4] = {};
  for (int j = 0; j < 16; j++) {
    const float* band = past(s, j);
    for (int b = 0; b < kBands; b++) sum[b] += load<V4>(filter + (j * kBands + b) * 4) * band[b];
  }
  const V4 y = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int i = 0; i < 4; i++) out[i] = s.last = y[i] + kDeEmphasis * s.last;
}

void generate(Stream& s, const Frame& f, float* out) {
  const Header& n = s.model.header;
  float* e = s.input.get() + n.hidden + n.inputs;
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  const V4 gain = load<V4>(f.gain);
  V4 lpc[kOrder];
  for (int k = 0; k < kOrder; k++) lpc[k] = V4{f.lpc[k], f.lpc[kOrder + k], f.lpc[2 * kOrder + k], f.lpc[3 * kOrder + k]};
  for (int i = 0; i < kStepsPerFrame; i++, out += kBands) {
    const V4 prediction = write_inputs(s, f, lpc);
    const float* temperature = s.model.at(n.temperature) + (s.voiced ? kBands : 0);
    advance(s, f.gates);
    V4 shift = skip(s);
    for (int b = 0; b < kBands; b++) {
      float o[kBlock];
      output(s, b, shift[b], o);
      e[b] = sample(s, b, o, temperature[b]);
      shift += load<V4>(skip_weight + b * kBands) * e[b];
    }
    store(s.bands.get() + (s.t & (kRing - 1)) * kBands, limit(prediction + gain * load<V4>(e), -2.f, 2.f));
    store(s.bands.get() + (kRing + (s.t & (kRing - 1))) * kBands, load<V4>(e));
    synthesize(s, out);
    s.t++;
  }
}

void outputs(Stream& s, const float* gates, const float* x, const float* e, float* out) {
  const Header& n = s.model.header;
  float* input = s.input.get() + n.hidden;
  memcpy(input, x, sizeof(float) * n.inputs);
  memcpy(input + n.inputs, e, sizeof(float) * kBands);
  advance(s, gates);
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  V4 shift = skip(s);
  for (int b = 0; b < kBands; b++) {
    float o[kBlock];
    output(s, b, shift[b], o);
    memcpy(out + b * kOutputs, o, sizeof(float) * kOutputs);
    shift += load<V4>(skip_weight + b * kBands) * e[b];
  }
}

void activate(int which, float* values, size_t n) {
  for (size_t i = 0; i < n; i += SW_VECTOR) {
    const V v = load<V>(values + i);
    store(values + i, which == 0 ? exponential<V, VI>(v) : which == 1 ? sigmoid(v) : hyperbolic_tangent(v));
  }
}

}  // namespace

const Kernel SW_KERNEL = {generate, outputs, activate};

}  // namespace sparsewave
