// The inference loop, compiled once per instruction set: kernel.<isa>.cpp sets SW_VECTOR (floats a register), SW_STRIPS and SW_STREAMS
// (how many strips of one stream, and how many streams, are multiplied at a time), SW_PREFETCH (how many blocks ahead weights are fetched from the
// second-level cache; 0 where the CPU does it better by itself) and SW_KERNEL. Sums are made in a fixed order, so that equal seeds give equal samples on one backend.
#include "sampling.h"
#include "step.h"

namespace sparsewave::vocoder {
namespace {

// What the products of a net are made of.
struct F32 {};
struct Int16 {};

// Products of N strips with the inputs of S streams, `count` blocks each, strip by strip `stride` blocks apart: inputs[s] -> 16 N values
// at outs[s]. Every row has one sum, in the order of its columns, whatever N and S are, so that a stream's samples do not
// depend on which others are multiplied with it; several sums at a time hide the latency of multiply-add.
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

// Products of N strips' pairs of integer blocks with one stream's line; sums are integers. Their order changes nothing.
template <int N, bool kAll>
SW_INLINE void integer_strips(const int16_t* w, const uint16_t* c, int count, size_t stride, const int16_t* line, float* out) {
  VI sum[N][kParts] = {};
  for (int k = 0; k < count; k += 2)
    for (int i = 0; i < N; i++) {
      const int16_t* block = w + (i * stride + k) * kBlock;
      const size_t first = kAll ? (size_t)k : c[i * stride + k], second = kAll ? (size_t)k + 1 : c[i * stride + k + 1];
      const VI x = VI{} + (int32_t)((uint32_t)(uint16_t)line[first] | (uint32_t)(uint16_t)line[second] << 16);
      for (int p = 0; p < kParts; p++) sum[i][p] += multiply_pairs(load<VI>(block + 2 * p * SW_VECTOR), x);
    }
  for (int i = 0; i < N; i++)
    for (int p = 0; p < kParts; p++) store(out + i * kBlock + p * SW_VECTOR, reinterpret_cast<V>(sum[i][p]));
}

// Products of one strip with S streams of a group, whose pairs lie at pairs[k / 2][kGroup].
template <int S>
SW_INLINE void integer_group(const int16_t* w, const int32_t* pairs, int count, float* const* outs, size_t at) {
  VI sum[S][kParts] = {};
  for (int k = 0; k < count; k += 2, pairs += kGroup) {
    const int16_t* block = w + k * kBlock;
    VI v[kParts];
    for (int p = 0; p < kParts; p++) v[p] = load<VI>(block + 2 * p * SW_VECTOR);
    for (int s = 0; s < S; s++)
      for (int p = 0; p < kParts; p++) sum[s][p] += multiply_pairs(v[p], VI{} + pairs[s]);
  }
  for (int s = 0; s < S; s++)
    for (int p = 0; p < kParts; p++) store(outs[s] + at + p * SW_VECTOR, reinterpret_cast<V>(sum[s][p]));
}

// How n streams are cut into groups: sizes differ by one at most.
constexpr int groups_of(int n) { return (n + kGroup - 1) / kGroup; }
constexpr int group_size(int n, int from, int left) { return (n - from + left - 1) / left; }

inline int16_t* panel_of(const Model& m, int group) { return m.panels.get() + group * m.width() * kGroup; }
inline int32_t* pairs_of(const Model& m, int group) { return m.pairs.get() + group * m.width() / 2 * kGroup; }

// All strips of integer blocks, all streams. `first` is the column where a dense list starts.
template <bool kAll>
__attribute__((noinline)) void integer_products(int strips, const int16_t* w, const uint16_t* c, int count, size_t stride, int first, Stream* const* streams, float* const* outs, size_t at, int n) {
  if (n == 1) {
    const int16_t* line = streams[0]->line.get() + first;
    int strip = 0;
    for (; strip + SW_STRIPS <= strips; strip += SW_STRIPS) integer_strips<SW_STRIPS, kAll>(w + strip * stride * kBlock, kAll ? nullptr : c + strip * stride, count, stride, line, outs[0] + at + strip * kBlock);
    for (; strip < strips; strip++) integer_strips<1, kAll>(w + strip * stride * kBlock, kAll ? nullptr : c + strip * stride, count, stride, line, outs[0] + at + strip * kBlock);
    return;
  }
  for (int strip = 0; strip < strips; strip++, w += stride * kBlock, at += kBlock) {
    for (int s = 0, left = groups_of(n); left > 0; left--) {
      const int size = group_size(n, s, left);
      const int16_t* panel = panel_of(streams[0]->model, groups_of(n) - left) + (size_t)first * kGroup;
      int32_t* pairs = pairs_of(streams[0]->model, groups_of(n) - left);
      // A dense list's pairs are the same for every strip.
      if (!kAll || strip == 0) {
        for (int k = 0; k < count; k += 2) {
          const size_t one = kAll ? (size_t)k : c[k], other = kAll ? (size_t)k + 1 : c[k + 1];
          V8S a, b;
          memcpy(&a, panel + one * kGroup, sizeof a);
          memcpy(&b, panel + other * kGroup, sizeof b);
          const V8S low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11), high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
          memcpy(pairs + k / 2 * kGroup, &low, sizeof low);
          memcpy(pairs + k / 2 * kGroup + 4, &high, sizeof high);
        }
      }
      for (int t = 0; t < size;) {
        const int parts = (size - t + SW_STREAMS - 1) / SW_STREAMS, some = (size - t + parts - 1) / parts;
        with_constant<(SW_STREAMS < kGroup ? SW_STREAMS : kGroup)>(some, [&](auto count_of) { integer_group<decltype(count_of)::value>(w, pairs + t, count, outs + s + t, at); });
        t += some;
      }
      s += size;
    }
    if (!kAll) c += stride;
  }
}

// Columns from .. to of the streams' lines to their groups' panels, eight by eight.
void fill_panels(Stream* const* streams, int n, int from, int to) {
  if (n == 1) return;
  for (int s = 0, left = groups_of(n); left > 0; left--) {
    const int size = group_size(n, s, left);
    const int16_t* lines[kGroup];
    for (int i = 0; i < kGroup; i++) lines[i] = streams[s + (i < size ? i : 0)]->line.get();
    int16_t* panel = panel_of(streams[0]->model, groups_of(n) - left);
    for (int column = from; column < to; column += 8) {
      V8S a[8], b[8];
      for (int i = 0; i < 8; i++) memcpy(&a[i], lines[i] + column, sizeof a[i]);
      // Three rounds of interleaving rows that are four apart transpose.
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
          b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
          b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        for (int i = 0; i < 8; i++) a[i] = b[i];
      }
      for (int i = 0; i < 8; i++) memcpy(panel + (column + i) * kGroup, &a[i], sizeof a[i]);
    }
    s += size;
  }
}

// Gives each stream its slot of the model's workspace, before they make steps together.
void assign_slots(Stream* const* streams, int n) {
  for (int s = 0; s < n; s++) {
    const Model& m = streams[s]->model;
    streams[s]->sums = m.sums.get() + s * m.sums_size();
    streams[s]->head = m.heads.get() + (size_t)s * kBands * m.header.head_hidden;
  }
}

inline void quantize_state(const Stream& s, int at, V h) { store_nearest<VS>(s.line.get() + at, h * (float)kStateStepsInt16); }

// The streams' states as integers, and beside one another as they come together.
void gather(Stream* const* streams, int n) {
  const int H = streams[0]->model.header.hidden;
  if (!streams[0]->model.header.integer) return;
  for (int s = 0; s < n; s++)
    for (int i = 0; i < H; i += SW_VECTOR) quantize_state(*streams[s], i, load<V>(streams[s]->input.get() + i));
  fill_panels(streams, n, 0, H);
}

// Sums that the products left at `p`, as floats: integers take their rows' scales.
template <class P>
inline V sum_at(const float* p, [[maybe_unused]] const float* scale) {
  if constexpr (std::is_same<P, F32>::value) {
    return load<V>(p);
  } else {
    return __builtin_convertvector(load<VI>(p), V) * load<V>(scale);
  }
}

// h <- GRU(h, x, gate terms), then the heads' part that needs no e_b: V h' + b + S_b x. For n streams of one model.
template <class P>
void advance_with(Stream* const* streams, const float* const* gate_terms, int n) {
  constexpr bool kInteger = std::is_same<P, Int16>::value;
  const Model& m = streams[0]->model;
  const Header& h = m.header;
  const int H = h.hidden, K = h.head_hidden, D = h.inputs;
  const float *inputs[kPanel], *x[kPanel];
  float *sums[kPanel], *heads[kPanel];
  for (int s = 0; s < n; s++) {
    inputs[s] = streams[s]->input.get();
    x[s] = inputs[s] + H;
    sums[s] = streams[s]->sums;
    heads[s] = streams[s]->head;
    if constexpr (kInteger) {
      // x, and what lies behind it up to a whole register: no column names it.
      const float* steps = m.at(h.input_steps);
      for (int i = 0; i < D; i += 4) {
        const V4 most = load<V4>(steps + kPaddedStepInputs + i);
        store_nearest<V4S>(streams[s]->line.get() + H + i, lesser(greater(load<V4>(x[s] + i) * load<V4>(steps + i), -most), most));
      }
    }
  }
  if constexpr (kInteger) fill_panels(streams, n, H, H + D);
  m.stopwatch.lap(kInputs);
  const auto multiply = [&](int strips, int32_t values, const uint16_t* c, int count, size_t stride, float* const* outs, size_t at) {
    if constexpr (kInteger)
      integer_products<false>(strips, m.integers.get() + values, c, count, stride, 0, streams, outs, at, n);
    else
      products<false>(strips, m.at(values), c, count, stride, inputs, outs, at, n);
  };
  const float* scale = m.at(h.scales);
  const int counts[4] = {h.reset_blocks, h.update_blocks, h.recurrent_blocks, h.input_blocks};
  const size_t stride = (size_t)counts[0] + counts[1] + counts[2] + counts[3];
  // All products first, then all non-linear functions: their long chains overlap one another.
  int32_t values = h.gate_values;
  const uint16_t* c = m.columns.get();
  for (int g = 0; g < 4; g++) {
    multiply(H / kBlock, values, c, counts[g], stride, sums, (size_t)g * H);
    values += counts[g] * kBlock;
    c += counts[g];
  }
  m.stopwatch.lap(kBlocks);
  for (int s = 0; s < n; s++) {
    float* input = streams[s]->input.get();
    float* sum = sums[s];
    const float* gate = gate_terms[s];
    // In two passes: one long chain an element would leave the units waiting.
    for (int i = 0; i < H; i += SW_VECTOR) {
      // Limited so that the product below stays finite: one division serves both gates.
      const V er = one_and_power(sum_at<P>(sum + i, scale + i) + load<V>(gate + i), -kLog2E, 30.f);
      const V ez = one_and_power(sum_at<P>(sum + H + i, scale + H + i) + load<V>(gate + H + i), -kLog2E, 30.f);
      const V inverse = 1.f / (er * ez);
      store(sum + H + i, inverse * er);
      store(sum + i, (inverse * ez) * sum_at<P>(sum + 2 * H + i, scale + 2 * H + i) + (sum_at<P>(sum + 3 * H + i, scale + 3 * H + i) + load<V>(gate + 2 * H + i)));
    }
    for (int i = 0; i < H; i += SW_VECTOR) {
      const V v = hyperbolic_tangent(load<V>(sum + i));
      const V next = v + load<V>(sum + H + i) * (load<V>(input + i) - v);
      store(input + i, next);
      if constexpr (kInteger) quantize_state(*streams[s], i, next);
    }
  }
  if constexpr (kInteger) fill_panels(streams, n, 0, H);
  m.stopwatch.lap(kGates);
  multiply(kBands * K / kBlock, h.head_values, m.columns.get() + h.head_columns, h.head_blocks, h.head_blocks, heads, 0);
  if constexpr (kInteger) {
    integer_products<true>(kBands * K / kBlock, m.integers.get() + h.step_values, nullptr, D, D, H, streams, sums, 0, n);
  } else {
    const float* step = m.at(h.head_step);
    for (int b = 0; b < kBands; b++) {
      products<true>(K / kBlock, step, nullptr, D, D + b, x, sums, (size_t)b * K, n);
      step += (size_t)K * (D + b);
    }
  }
  const float* bias = m.at(h.head_bias);
  scale += 4 * H;
  for (int s = 0; s < n; s++)
    for (int i = 0; i < kBands * K; i += SW_VECTOR)
      store(heads[s] + i, sum_at<P>(heads[s] + i, scale + i) + (sum_at<P>(sums[s] + i, scale + kBands * K + i) + load<V>(bias + i)));
}

// `gather` has been called since the streams came together.
inline void advance(Stream* const* streams, const float* const* gate_terms, int n) {
  if (streams[0]->model.header.integer)
    advance_with<Int16>(streams, gate_terms, n);
  else
    advance_with<F32>(streams, gate_terms, n);
}

// o_b of one band of n streams; e_0 .. e_{b-1} lie behind x. Lane b of `shift` is M_b [x; e].
inline void band_outputs(Stream* const* streams, int n, int b, const V4* shift, float (*out)[kBlock]) {
  const Model& m = streams[0]->model;
  const Header& h = m.header;
  const int K = h.head_hidden, D = h.inputs;
  const float* step = m.at(h.head_step) + (size_t)K * (b * D + b * (b - 1) / 2);
  const float* inputs[kPanel];
  float* outs[kPanel];
  for (int s = 0; s < n; s++) {
    const float* e = streams[s]->input.get() + h.hidden + D;
    float* u = streams[s]->head + (size_t)b * K;
    inputs[s] = u;
    outs[s] = out[s];
    for (int k = 0; k < K; k += kBlock) {
      const float* w = step + (size_t)k * (D + b) + (size_t)D * kBlock;
      for (int p = 0; p < kParts; p++) {
        V v = load<V>(u + k + p * SW_VECTOR);
        for (int j = 0; j < b; j++) v += load<V>(w + j * kBlock + p * SW_VECTOR) * e[j];
        store(u + k + p * SW_VECTOR, greater(v, V{}));
      }
    }
  }
  products<true>(1, m.at(h.output_weight) + (size_t)b * K * kBlock, nullptr, K, K, inputs, outs, 0, n);
  const float* bias = m.at(h.output_bias) + b * kBlock;
  for (int s = 0; s < n; s++) {
    for (int i = 0; i < kBlock; i += SW_VECTOR) store(out[s] + i, load<V>(out[s] + i) + load<V>(bias + i));
    for (int k = 0; k < kMixtures; k++) out[s][kMixtures + k] += shift[s][b];
  }
}

// e_b of streams as lanes of F, `count` of them, from their outputs o_b; written behind x.
template <class F>
SW_INLINE void sample_some(Stream* const* streams, int count, int b, const float (*out)[kBlock]) {
  constexpr int W = sizeof(F) / 4;
  const Header& h = streams[0]->model.header;
  const float* temperature = streams[0]->model.at(h.temperature) + b;
  typename Lanes<W>::U key = {}, first = {};
  F warm = {}, o[kHeadOutputs];
  float lanes[kHeadOutputs][W] = {};
  for (int l = 0; l < count; l++) {
    const Stream& s = *streams[l];
    key[l] = s.key, first[l] = 8u * s.t, warm[l] = temperature[s.voiced ? kBands : 0];
    for (int k = 0; k < kHeadOutputs; k++) lanes[k][l] = out[l][k];
  }
  for (int k = 0; k < kHeadOutputs; k++) o[k] = count == 1 ? splat<F>(out[0][k]) : load<F>(lanes[k]);
  const F e = sample_lanes<F>(exponential<F>, o, key, first, b, warm);
  for (int l = 0; l < count; l++) streams[l]->input.get()[h.hidden + h.inputs + b] = e[l];
}

// The streams' e_b from their mixtures, band after band.
inline void sample_bands(Stream* const* streams, int n) {
  const Model& m = streams[0]->model;
  const Header& h = m.header;
  const float* skip_weight = m.at(h.head_skip) + h.inputs * kBands;
  V4 shift[kPanel];
  for (int s = 0; s < n; s++) shift[s] = skip(*streams[s]);
  for (int b = 0; b < kBands; b++) {
    float out[kPanel][kBlock];
    band_outputs(streams, n, b, shift, out);
    m.stopwatch.lap(kHeads);
    if (n == 1)
      sample_some<V4>(streams, 1, b, out);
    else
      for (int from = 0; from < n; from += SW_VECTOR) sample_some<V>(streams + from, n - from < SW_VECTOR ? n - from : SW_VECTOR, b, out + from);
    for (int s = 0; s < n; s++) shift[s] += load<V4>(skip_weight + b * kBands) * streams[s]->input.get()[h.hidden + h.inputs + b];
    m.stopwatch.lap(kSampling);
  }
}

// One frame of each stream, side by side.
void generate_frame(Stream* const* streams, int n, const Frame* const* frames, float* const* outs) {
  V4 prediction[kPanel], lpc[kPanel][kLpcOrder];
  const float* gate_terms[kPanel];
  for (int s = 0; s < n; s++) {
    load_lpc(*frames[s], lpc[s]);
    gate_terms[s] = frames[s]->gate_terms;
  }
  for (int i = 0; i < kStepsPerFrame; i++) {
    for (int s = 0; s < n; s++) prediction[s] = write_inputs(*streams[s], *frames[s], lpc[s]);
    advance(streams, gate_terms, n);
    sample_bands(streams, n);
    for (int s = 0; s < n; s++) finish_step(*streams[s], prediction[s], load<V4>(frames[s]->gain), outs[s] + i * kBands);
    streams[0]->model.stopwatch.lap(kFilterBank);
  }
}

void generate(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs) {
  const Frame* at[kPanel];
  float* out[kPanel];
  Stopwatch& stopwatch = streams[0]->model.stopwatch;
  stopwatch.start();
  assign_slots(streams, n);
  gather(streams, n);
  stopwatch.lap(kStates);
  for (int j = 0; j < count; j++) {
    for (int s = 0; s < n; s++) {
      at[s] = frames + (size_t)s * count + j;
      out[s] = outs[s] + (size_t)j * kHop;
    }
    generate_frame(streams, n, at, out);
  }
}

void outputs(Stream& s, const float* gate_terms, const float* x, const float* e, float* out) {
  const Header& n = s.model.header;
  float* input = s.input.get() + n.hidden;
  memcpy(input, x, sizeof(float) * n.inputs);
  memcpy(input + n.inputs, e, sizeof(float) * kBands);
  Stream* const streams[1] = {&s};
  assign_slots(streams, 1);
  gather(streams, 1);
  advance(streams, &gate_terms, 1);
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  V4 shift = skip(s);
  for (int b = 0; b < kBands; b++) {
    float o[1][kBlock];
    band_outputs(streams, 1, b, &shift, o);
    memcpy(out + b * kHeadOutputs, o[0], sizeof(float) * kHeadOutputs);
    shift += load<V4>(skip_weight + b * kBands) * e[b];
  }
}

void activate(int which, float* values, size_t n) {
  for (size_t i = 0; i < n; i += SW_VECTOR) {
    const V v = load<V>(values + i);
    store(values + i, which == 0 ? exponential(v) : which == 1 ? sigmoid(v) : hyperbolic_tangent(v));
  }
}

}  // namespace

const Kernel SW_KERNEL = {generate, outputs, activate};

}  // namespace sparsewave::vocoder
