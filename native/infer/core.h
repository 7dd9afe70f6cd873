// The inference loop, compiled once per ISA: core.<isa>.cpp sets SW_VECTOR (floats a register), SW_STRIPS and SW_STREAMS
// (how many strips of one stream, and how many streams, are multiplied at a time), SW_PREFETCH (how many blocks ahead weights are fetched from the
// second-level cache; 0 where the CPU does it better by itself) and SW_KERNEL. Sums are made in a fixed order, so that equal seeds give equal samples on one backend.
#include <cmath>
#include <type_traits>

#if defined(__x86_64__)
// GCC 12 warns of its own header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

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
// Integers of a register's width.
template <class T>
struct IntegersOf;
template <>
struct IntegersOf<V4> {
  typedef V4I type;
};
#if SW_VECTOR != 4
template <>
struct IntegersOf<V> {
  typedef VI type;
};
#endif
// The greater and the lesser of two; the compiler does not find the single instructions.
template <class T>
inline T greater(T a, T b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) return reinterpret_cast<T>(_mm512_max_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(T) == 32) return reinterpret_cast<T>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 16) return reinterpret_cast<T>(_mm_max_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b)));
#endif
  return select<T, typename IntegersOf<T>::type>(a > b, a, b);
}
template <class T>
inline T lesser(T a, T b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) return reinterpret_cast<T>(_mm512_min_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(T) == 32) return reinterpret_cast<T>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#endif
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 16) return reinterpret_cast<T>(_mm_min_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b)));
#endif
  return select<T, typename IntegersOf<T>::type>(a < b, a, b);
}
template <class T>
inline T limit(T v, float low, float high) {
  return lesser(greater(v, splat<T>(low)), splat<T>(high));
}
inline V4 clip6(V4 v) { return limit(v, -6.f, 6.f); }

// e^x for x in -87..88, which the caller sees to; relative error below 2e-7 (Cephes' polynomial).
template <class T, class I>
inline T exponential_inside(T x) {
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

template <class T, class I>
inline T exponential(T x) {
  return exponential_inside<T, I>(limit(x, -87.f, 88.f));
}

// Absolute errors below 3e-7.
inline V sigmoid(V x) { return 1.f / (1.f + exponential<V, VI>(-x)); }
inline V hyperbolic_tangent(V x) { return 1.f - 2.f / (1.f + exponential<V, VI>(x + x)); }

// Products of N strips with the inputs of S streams, `count` blocks each, strip by strip `stride` blocks apart: inputs[s] -> 16 N values
// at outs[s]. Every row has one sum, in the order of its columns, whatever N and S are, so that a stream's samples do not
// depend on its company; several sums at a time hide the latency of multiply-add.
template <int N, int S, bool kAll>
SW_INLINE void tile(const float* w, const uint16_t* c, int count, size_t stride, const float* const* inputs, float* const* outs, size_t at) {
  V sum[N][S][kParts] = {};
  const float* input[S];
  for (int s = 0; s < S; s++) input[s] = inputs[s];
  for (int k = 0; k < count; k++)
    for (int i = 0; i < N; i++) {
      const float* block = w + (i * stride + k) * kBlock;
      if constexpr (SW_PREFETCH > 0) __builtin_prefetch(block + SW_PREFETCH * kBlock);
      const size_t column = kAll ? (size_t)k : c[i * stride + k];
      for (int s = 0; s < S; s++) {
        const V x = splat<V>(input[s][column]);
        for (int p = 0; p < kParts; p++) sum[i][s][p] += load<V>(block + p * SW_VECTOR) * x;
      }
    }
  for (int s = 0; s < S; s++)
    for (int i = 0; i < N; i++)
      for (int p = 0; p < kParts; p++) store(outs[s] + at + i * kBlock + p * SW_VECTOR, sum[i][s][p]);
}

// Calls f(std::integral_constant<int, n>()) for n of 1 .. N.
template <int N, class F>
SW_INLINE void with_constant(int n, const F& f) {
  if constexpr (N > 1)
    if (n < N) return with_constant<N - 1>(n, f);
  f(std::integral_constant<int, N>());
}

// All strips, all streams: as many of both at a time as the registers hold sums of.
template <bool kAll>
__attribute__((noinline)) void products(int strips, const float* w, const uint16_t* c, int count, size_t stride, const float* const* inputs, float* const* outs, size_t at, int n) {
  const int groups = (n + SW_STREAMS - 1) / SW_STREAMS;
  int strip = 0;
  const auto some = [&](auto strips_at_once) {
    constexpr int N = decltype(strips_at_once)::value;
    const float* from = w + strip * stride * kBlock;
    const uint16_t* columns = kAll ? nullptr : c + strip * stride;
    for (int s = 0, g = groups; g > 0; g--) {
      const int size = (n - s + g - 1) / g;
      // More strips than one only where so few streams leave registers free.
      with_constant<(N == 1 ? SW_STREAMS : SW_STREAMS / N)>(size, [&](auto streams) { tile<N, decltype(streams)::value, kAll>(from, columns, count, stride, inputs + s, outs + s, at + strip * kBlock); });
      s += size;
    }
    strip += N;
  };
  if (n == 1)
    while (strip + SW_STRIPS <= strips) some(std::integral_constant<int, SW_STRIPS>());
  if (n <= SW_STREAMS / 2)
    while (strip + 2 <= strips) some(std::integral_constant<int, 2>());
  while (strip < strips) some(std::integral_constant<int, 1>());
}

// h <- GRU(h, x, gates), then the heads' part that needs no e_b: V h' + b + S_b x. For n streams of one model.
void advance(Stream* const* streams, const float* const* gates, int n) {
  const Model& m = streams[0]->model;
  const Header& h = m.header;
  const int H = h.hidden, K = h.head_hidden, D = h.inputs;
  const float *inputs[kPanel], *x[kPanel];
  float *sums[kPanel], *heads[kPanel];
  for (int s = 0; s < n; s++) {
    inputs[s] = streams[s]->input.get();
    x[s] = inputs[s] + H;
    sums[s] = streams[s]->sums.get();
    heads[s] = streams[s]->head.get();
  }
  const float* w = m.at(h.gate_values);
  const uint16_t* c = m.columns.get();
  // All products first, then all non-linear functions: their long chains overlap one another.
  const int counts[4] = {h.reset_blocks, h.update_blocks, h.recurrent_blocks, h.input_blocks};
  const size_t stride = (size_t)counts[0] + counts[1] + counts[2] + counts[3];
  for (int g = 0; g < 4; g++) {
    products<false>(H / kBlock, w, c, counts[g], stride, inputs, sums, (size_t)g * H, n);
    w += counts[g] * kBlock;
    c += counts[g];
  }
  for (int s = 0; s < n; s++) {
    float* input = streams[s]->input.get();
    float* sum = sums[s];
    const float* gate = gates[s];
    // In two passes: one long chain an element would leave the units waiting.
    for (int i = 0; i < H; i += SW_VECTOR) {
      // Limited so that the product below stays finite: one division serves both gates.
      const V er = exponential_inside<V, VI>(limit(-(load<V>(sum + i) + load<V>(gate + i)), -30.f, 30.f)) + 1.f;
      const V ez = exponential_inside<V, VI>(limit(-(load<V>(sum + H + i) + load<V>(gate + H + i)), -30.f, 30.f)) + 1.f;
      const V inverse = 1.f / (er * ez);
      store(sum + H + i, inverse * er);
      store(sum + i, (inverse * ez) * load<V>(sum + 2 * H + i) + (load<V>(sum + 3 * H + i) + load<V>(gate + 2 * H + i)));
    }
    for (int i = 0; i < H; i += SW_VECTOR) {
      const V v = hyperbolic_tangent(load<V>(sum + i));
      store(input + i, v + load<V>(sum + H + i) * (load<V>(input + i) - v));
    }
  }
  products<false>(kBands * K / kBlock, m.at(h.head_values), m.columns.get() + h.head_columns, h.head_blocks, h.head_blocks, inputs, heads, 0, n);
  const float* step = m.at(h.head_step);
  for (int b = 0; b < kBands; b++) {
    products<true>(K / kBlock, step, nullptr, D, D + b, x, sums, (size_t)b * K, n);
    step += (size_t)K * (D + b);
  }
  const float* bias = m.at(h.head_bias);
  for (int s = 0; s < n; s++)
    for (int i = 0; i < kBands * K; i += SW_VECTOR) store(heads[s] + i, load<V>(heads[s] + i) + (load<V>(sums[s] + i) + load<V>(bias + i)));
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
  const float* const inputs[1] = {u};
  float* const outs[1] = {out};
  products<true>(1, m.at(n.output_weight) + (size_t)b * K * kBlock, nullptr, K, K, inputs, outs, 0, 1);
  const float* bias = m.at(n.output_bias) + b * kBlock;
  for (int i = 0; i < kBlock; i += SW_VECTOR) store(out + i, load<V>(out + i) + load<V>(bias + i));
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
  const V4 weighted = load<V4>(o + kMixtures) * weight;
  const float mean = (weighted[0] + weighted[1] + weighted[2] + weighted[3]) / total;
  const V4 scale = exponential<V4, V4I>(limit(load<V4>(o + 2 * kMixtures), -7.f, 4.f));
  const double u = draw(s, b, 1);
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

inline void load_lpc(const Frame& f, V4 lpc[kOrder]) {
  for (int k = 0; k < kOrder; k++) lpc[k] = V4{f.lpc[k], f.lpc[kOrder + k], f.lpc[2 * kOrder + k], f.lpc[3 * kOrder + k]};
}

// Takes the step's e_b into the past and makes its four samples.
inline void finish_step(Stream& s, V4 prediction, V4 gain, float* out) {
  const V4 e = load<V4>(s.input.get() + s.model.header.hidden + s.model.header.inputs);
  store(s.bands.get() + (s.t & (kRing - 1)) * kBands, limit(prediction + gain * e, -2.f, 2.f));
  store(s.bands.get() + (kRing + (s.t & (kRing - 1))) * kBands, e);
  synthesize(s, out);
  s.t++;
}

// The step's e_b from its mixtures, band after band.
inline void sample_bands(Stream& s) {
  const Header& n = s.model.header;
  float* e = s.input.get() + n.hidden + n.inputs;
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  const float* temperature = s.model.at(n.temperature) + (s.voiced ? kBands : 0);
  V4 shift = skip(s);
  for (int b = 0; b < kBands; b++) {
    float o[kBlock];
    output(s, b, shift[b], o);
    e[b] = sample(s, b, o, temperature[b]);
    shift += load<V4>(skip_weight + b * kBands) * e[b];
  }
}

// One frame of each stream, side by side.
void generate_frame(Stream* const* streams, int n, const Frame* const* frames, float* const* outs) {
  V4 prediction[kPanel], lpc[kPanel][kOrder];
  const float* gates[kPanel];
  for (int s = 0; s < n; s++) {
    load_lpc(*frames[s], lpc[s]);
    gates[s] = frames[s]->gates;
  }
  for (int i = 0; i < kStepsPerFrame; i++) {
    for (int s = 0; s < n; s++) prediction[s] = write_inputs(*streams[s], *frames[s], lpc[s]);
    advance(streams, gates, n);
    for (int s = 0; s < n; s++) {
      sample_bands(*streams[s]);
      finish_step(*streams[s], prediction[s], load<V4>(frames[s]->gain), outs[s] + i * kBands);
    }
  }
}

void generate(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs) {
  const Frame* at[kPanel];
  float* out[kPanel];
  for (int j = 0; j < count; j++) {
    for (int s = 0; s < n; s++) {
      at[s] = frames + (size_t)s * count + j;
      out[s] = outs[s] + (size_t)j * kHop;
    }
    generate_frame(streams, n, at, out);
  }
}

void outputs(Stream& s, const float* gates, const float* x, const float* e, float* out) {
  const Header& n = s.model.header;
  float* input = s.input.get() + n.hidden;
  memcpy(input, x, sizeof(float) * n.inputs);
  memcpy(input + n.inputs, e, sizeof(float) * kBands);
  Stream* const streams[1] = {&s};
  advance(streams, &gates, 1);
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
