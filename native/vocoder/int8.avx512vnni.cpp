// The net in 8-bit integers with AVX-512's VNNI and VBMI: one instruction (vpdpbusd) multiplies sixteen rows, or the same row of sixteen streams, by four columns.
// Inputs are encoded as unsigned bytes, 128 too large; sums start at -128 times their weights (src/kernels/image.ts).
// A stream alone has a block's rows as lanes; many have streams as lanes, from the products to the samples, so that nothing is gathered for
// each of them. Integer sums are the same in any order, and every function of floats is one template for both, so samples do not depend on which streams run together.
#define SW_VECTOR 16
#include <utility>

#include "peak.h"
#include "sampling.h"
#include "step.h"

namespace sparsewave::vocoder {
namespace {

constexpr int kLists = 6;          // products with h, then with x: reset, update, candidate
// From so many streams on, lanes are streams: eight of them, or sixteen. Below, one stream after the other is faster.
constexpr int kFewLanes = 6, kManyLanes = 9;

template <class I>
inline I dot(I sum, I unsigned_bytes, I signed_bytes) {
  if constexpr (sizeof(I) == 64)
    return reinterpret_cast<I>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(unsigned_bytes), reinterpret_cast<__m512i>(signed_bytes)));
  else
    return reinterpret_cast<I>(_mm256_dpbusd_epi32(reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(unsigned_bytes), reinterpret_cast<__m256i>(signed_bytes)));
}
template <class F>
inline F round_even(F v) {
  if constexpr (sizeof(F) == 64)
    return reinterpret_cast<F>(_mm512_roundscale_ps(reinterpret_cast<__m512>(v), 0));
  else if constexpr (sizeof(F) == 32)
    return reinterpret_cast<F>(_mm256_roundscale_ps(reinterpret_cast<__m256>(v), 0));
  else
    return reinterpret_cast<F>(_mm_roundscale_ps(reinterpret_cast<__m128>(v), 0));
}
template <class F>
inline F times_power(F v, F n) {
  if constexpr (sizeof(F) == 64)
    return reinterpret_cast<F>(_mm512_scalef_ps(reinterpret_cast<__m512>(v), reinterpret_cast<__m512>(n)));
  else if constexpr (sizeof(F) == 32)
    return reinterpret_cast<F>(_mm256_scalef_ps(reinterpret_cast<__m256>(v), reinterpret_cast<__m256>(n)));
  else
    return reinterpret_cast<F>(_mm_scalef_ps(reinterpret_cast<__m128>(v), reinterpret_cast<__m128>(n)));
}
template <class F>
inline IntegersAs<F> nearest(F v) {
  if constexpr (sizeof(F) == 64)
    return reinterpret_cast<IntegersAs<F>>(_mm512_cvtps_epi32(reinterpret_cast<__m512>(v)));
  else
    return reinterpret_cast<IntegersAs<F>>(_mm256_cvtps_epi32(reinterpret_cast<__m256>(v)));
}
// The lowest bytes of the elements.
template <class I>
inline void write_bytes(uint8_t* p, I v) {
  if constexpr (sizeof(I) == 64)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)));
  else
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm256_cvtepi32_epi8(reinterpret_cast<__m256i>(v)));
}

// 2^x, relative error below 2e-7; 0 and infinity beyond what floats hold. (Minimax polynomial of degree 5.)
template <class F>
inline F power_of_two(F x) {
  const F n = round_even(x), f = x - n;
  F p = splat<F>(1.3276466634124517e-3f);
  p = p * f + 9.675540961325169e-3f;
  p = p * f + 5.550713464617729e-2f;
  p = p * f + 2.4022120237350464e-1f;
  p = p * f + 6.931469440460205e-1f;
  p = p * f + 1.0000001192092896f;
  return times_power(p, n);
}
template <class F>
inline F natural_exponential(F x) {
  return power_of_two(x * kLog2E);
}

// h is kept in steps of its integers.
constexpr float kState = kStateStepsInt8;

// 2^(k / 16).
alignas(64) constexpr float kPowers[16] = {1.f, 1.0442737824274138f, 1.0905077326652577f, 1.1387886347566916f, 1.189207115002721f, 1.241857812073484f, 1.2968395546510096f, 1.3542555469368927f,
                                           1.4142135623730951f, 1.4768261459394993f, 1.5422108254079407f, 1.6104903319492543f, 1.681792830507429f, 1.7562521603732995f, 1.8340080864093424f, 1.9152065613971474f};
template <class F, class I>
inline F sixteenth_power(I k) {
  if constexpr (sizeof(F) == 64)
    return reinterpret_cast<F>(_mm512_permutexvar_ps(reinterpret_cast<__m512i>(k), _mm512_load_ps(kPowers)));
  else
    return reinterpret_cast<F>(_mm256_permutex2var_ps(_mm256_load_ps(kPowers), reinterpret_cast<__m256i>(k), _mm256_load_ps(kPowers + 8)));
}

// Calls f(0) .. f(N - 1).
template <int N, class Body>
inline __attribute__((always_inline)) void each(const Body& f) {
#pragma GCC unroll 8
  for (int u = 0; u < N; u++) f(u);
}

// x <- 1 + 2^x for N registers; relative error below 5e-7. Limited so that a product of two is finite.
template <int N, class F>
SW_INLINE void one_and_powers(F* x) {
  typedef IntegersAs<F> I;
  // Rounds to sixteenths, whose number its low bits then hold.
  const F magic = splat<F>(12582912.f / 16);
  F t[N], n[N], f[N], p[N];
  each<N>([&](int u) { x[u] = lesser(x[u], splat<F>(60.f)); });
  each<N>([&](int u) { t[u] = x[u] + magic; });
  each<N>([&](int u) { n[u] = t[u] - magic; });
  each<N>([&](int u) { f[u] = x[u] - n[u]; });
  each<N>([&](int u) { x[u] = sixteenth_power<F>(reinterpret_cast<I>(t[u])); });
  each<N>([&](int u) { p[u] = f[u] * 2.402265e-1f + 6.9318783e-1f; });
  each<N>([&](int u) { f[u] = f[u] * x[u]; });
  each<N>([&](int u) { x[u] = f[u] * p[u] + x[u]; });
  each<N>([&](int u) { x[u] = times_power(x[u], n[u]); });
  each<N>([&](int u) { x[u] = x[u] + 1.f; });
}

// h <- h' of the integer sums(list, u), the rows' scales(list, u) and the frame's gates(gate, u), for N registers: their chains of operations are
// long, so that a processor finds no other work in time unless they are interleaved here.
template <int N, class F, class Sums, class Scales, class Gates>
SW_INLINE void next_states(const Sums& sums, const Scales& scales, const Gates& gates, F* h) {
  const auto product = [&](int l, int u) { return floats<F>(sums(l, u)) * scales(l, u); };
  F reset[N], update[N], candidate[N], rest[N];
  each<N>([&](int u) { reset[u] = product(3, u) + gates(0, u); });
  each<N>([&](int u) { update[u] = product(4, u) + gates(1, u); });
  each<N>([&](int u) { reset[u] = product(0, u) + reset[u]; });
  each<N>([&](int u) { update[u] = product(1, u) + update[u]; });
  one_and_powers<N>(reset);
  each<N>([&](int u) { reset[u] = 1.f / reset[u]; });
  one_and_powers<N>(update);
  each<N>([&](int u) { candidate[u] = product(5, u) + gates(2, u); });
  each<N>([&](int u) { rest[u] = product(2, u); });
  each<N>([&](int u) { candidate[u] = reset[u] * rest[u] + candidate[u]; });
  one_and_powers<N>(candidate);
  // One division serves the update gate and the candidate, 1 - 2 / (1 + e^2a).
  each<N>([&](int u) { rest[u] = 1.f / (update[u] * candidate[u]); });
  each<N>([&](int u) { update[u] = rest[u] * update[u]; });
  each<N>([&](int u) { update[u] = kState - 2 * kState * update[u]; });
  each<N>([&](int u) { candidate[u] = rest[u] * candidate[u]; });
  each<N>([&](int u) { rest[u] = h[u] - update[u]; });
  each<N>([&](int u) { h[u] = candidate[u] * rest[u] + update[u]; });
}
// How many registers that is done for at a time.
constexpr int kInterleaved = 4;

// Integers whose lowest bytes are those of h.
template <class F>
inline IntegersAs<F> state_bytes(F h) {
  return reinterpret_cast<IntegersAs<F>>(h + (12582912.f + 128.f));
}

// The gate terms of a frame as `next_states` takes them.
SW_INLINE void scale_gates(const float* terms, int hidden, float* to) {
  for (int g = 0; g < 3; g++)
    for (int i = 0; i < hidden; i++) to[g * hidden + i] = terms[g * hidden + i] * kGateFactors[g];
}

// V h' + S x + b, of integer sums.
template <class F, class I>
inline F head_unit(I state, F state_scale, I input, F input_scale, F bias) {
  return floats<F>(state) * state_scale + (floats<F>(input) * input_scale + bias);
}

inline const int8_t* weights_at(const Model& m, int32_t offset) { return reinterpret_cast<const int8_t*>(m.integers.get() + offset); }
inline int32_t sums_of(const Header& h) { return kLists * h.hidden + 2 * kBands * h.head_hidden; }
inline const int32_t* starts_of(const Model& m) { return reinterpret_cast<const int32_t*>(m.at(m.header.scales) + sums_of(m.header)); }
inline void counts_of(const Header& h, int counts[kLists]) {
  counts[0] = h.reset_blocks, counts[1] = h.update_blocks, counts[2] = h.recurrent_blocks;
  counts[3] = counts[4] = counts[5] = h.input_blocks;
}

// x and what lies behind it, as bytes.
inline void input_bytes(const Stream& s, uint8_t* to) {
  const Model& m = s.model;
  const float* x = s.input.get() + m.header.hidden;
  const float* steps = m.at(m.header.input_steps);
  float padded[kPaddedStepInputs];
  memcpy(padded, x, sizeof(float) * m.header.inputs);
  memset(padded + m.header.inputs, 0, sizeof(float) * (kPaddedStepInputs - m.header.inputs));
  for (int i = 0; i < kPaddedStepInputs; i += 16) {
    const V most = load<V>(steps + kPaddedStepInputs + i);
    write_bytes(to + i, nearest(lesser(greater(load<V>(padded + i) * load<V>(steps + i), -most), most)) + 128);
  }
}

// ---- One stream: rows as lanes.

inline uint8_t* line_of(const Stream& s) { return reinterpret_cast<uint8_t*>(s.line.get()); }

// Bytes of `line` by the table that Model::index made, 64 a chunk: out of `parts` times 64, or of 64 without a mask.
template <bool kMasked>
SW_INLINE const uint8_t* gather_bytes(const uint8_t* table, const uint8_t* line, int parts, int chunks, uint8_t* to) {
  for (int c = 0; c < chunks; c++, to += 64) {
    const __m512i places = _mm512_loadu_si512(table);
    table += 64;
    __m512i v = _mm512_setzero_si512();
    if constexpr (kMasked)
      for (int p = 0; p < parts; p++, table += 8) v = _mm512_mask_permutexvar_epi8(v, load<uint64_t>(table), places, _mm512_loadu_si512(line + 64 * p));
    else
      v = _mm512_permutexvar_epi8(places, _mm512_loadu_si512(line));
    _mm512_storeu_si512(to, v);
  }
  return table;
}

SW_INLINE VI row_products(VI sum, const uint8_t* x, const int8_t* w, int count) {
  for (int k = 0; k < count; k += 4) sum = dot(sum, splat_integer<VI>(load<int32_t>(x + k)), load<VI>(w + k * kBlock));
  return sum;
}

// The stream's state as bytes.
void quantize_state(const Stream& s) {
  for (int i = 0; i < s.model.header.hidden; i += 16) write_bytes(line_of(s) + i, state_bytes(load<V>(s.input.get() + i)));
}

// h <- GRU(h, x, gate), then the heads' part that needs no e_b: V h' + b + S_b x. `gate` is of scale_gates.
void advance_alone(Stream& s, const float* gate) {
  const Model& m = s.model;
  const Header& n = m.header;
  const int H = n.hidden, K4 = kBands * n.head_hidden;
  int counts[kLists];
  counts_of(n, counts);
  const int state_blocks = counts[0] + counts[1] + counts[2], state_chunks = (state_blocks + 63) / 64, input_chunks = (3 * counts[3] + 63) / 64, parts = (H + 63) / 64;
  uint8_t* line = line_of(s);
  input_bytes(s, line + H);
  alignas(64) uint8_t bytes[kMostGathered];
  const uint8_t* table = m.gathers.get();
  const int8_t* w = weights_at(m, n.gate_values);
  const int32_t* start = starts_of(m);
  const float* scale = m.at(n.scales);
  int32_t* sums = reinterpret_cast<int32_t*>(s.sums);
  m.stopwatch.lap(kInputs);
  for (int row = 0; row < H; row += kBlock) {
    table = gather_bytes<true>(table, line, parts, state_chunks, bytes);
    table = gather_bytes<false>(table, line + H, 0, input_chunks, bytes + 64 * state_chunks);
    const uint8_t* x = bytes;
    for (int l = 0; l < kLists; l++) {
      if (l == 3) x = bytes + 64 * state_chunks;
      store(sums + l * H + row, row_products(load<VI>(start + l * H + row), x, w, counts[l]));
      x += counts[l], w += counts[l] * kBlock;
    }
  }
  m.stopwatch.lap(kBlocks);
  float* h = s.input.get();
  const auto some = [&](int i, auto registers) {
    constexpr int N = decltype(registers)::value;
    V v[N];
    each<N>([&](int u) { v[u] = load<V>(h + i + u * 16); });
    next_states<N>([&](int l, int u) { return load<VI>(sums + l * H + i + u * 16); }, [&](int l, int u) { return load<V>(scale + l * H + i + u * 16); },
                   [&](int g, int u) { return load<V>(gate + g * H + i + u * 16); }, v);
    each<N>([&](int u) { store(h + i + u * 16, v[u]); });
  };
  int i = 0;
  for (; i + 16 * kInterleaved <= H; i += 16 * kInterleaved) some(i, std::integral_constant<int, kInterleaved>());
  for (; i < H; i += 16) some(i, std::integral_constant<int, 1>());
  quantize_state(s);
  m.stopwatch.lap(kGates);
  start += kLists * H, scale += kLists * H;
  w = weights_at(m, n.head_values);
  const int8_t* step = weights_at(m, n.step_values);
  const int step_blocks = (n.inputs + 3) / 4 * 4, head_chunks = (n.head_blocks + 63) / 64;
  for (int row = 0; row < K4; row += kBlock, w += n.head_blocks * kBlock, step += step_blocks * kBlock) {
    table = gather_bytes<true>(table, line, parts, head_chunks, bytes);
    const VI state = row_products(load<VI>(start + row), bytes, w, n.head_blocks);
    const VI input = row_products(load<VI>(start + K4 + row), line + H, step, step_blocks);
    store(s.head + row, head_unit(state, load<V>(scale + row), input, load<V>(scale + K4 + row), load<V>(m.at(n.head_bias) + row)));
  }
}

// o_b of one band; e_0 .. e_{b-1} lie behind x. `shift` is M_b [x; e].
inline V output_alone(const Stream& s, int b, float shift) {
  const Model& m = s.model;
  const Header& n = m.header;
  const int K = n.head_hidden, D = n.inputs;
  const float* e = s.input.get() + n.hidden + D;
  float* u = s.head + (size_t)b * K;
  const float* step = m.at(n.head_step) + (size_t)K * (b * D + b * (b - 1) / 2);
  for (int k = 0; k < K; k += kBlock) {
    const float* w = step + (size_t)k * (D + b) + (size_t)D * kBlock;
    V v = load<V>(u + k);
    for (int j = 0; j < b; j++) v = load<V>(w + j * kBlock) * e[j] + v;
    store(u + k, greater(v, V{}));
  }
  const float* w = m.at(n.output_weight) + (size_t)b * K * kBlock;
  V sum[4] = {};
  for (int k = 0; k < K; k += 4)
    for (int i = 0; i < 4; i++) sum[i] = load<V>(w + (k + i) * kBlock) * u[k + i] + sum[i];
  V o = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + load<V>(m.at(n.output_bias) + b * kBlock);
  for (int k = 0; k < kMixtures; k++) o[kMixtures + k] += shift;
  return o;
}

inline void sample_alone(Stream& s) {
  const Header& n = s.model.header;
  float* e = s.input.get() + n.hidden + n.inputs;
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  const float* temperature = s.model.at(n.temperature) + (s.voiced ? kBands : 0);
  typedef Lanes<4>::U U4;
  V4 shift = skip(s);
  for (int b = 0; b < kBands; b++) {
    const V out = output_alone(s, b, shift[b]);
    s.model.stopwatch.lap(kHeads);
    V4 o[kHeadOutputs];
    for (int i = 0; i < kHeadOutputs; i++) o[i] = splat<V4>(out[i]);
    e[b] = sample_lanes<V4>(natural_exponential<V4>, o, U4{} + s.key, U4{} + 8 * s.t, b, splat<V4>(temperature[b]))[0];
    shift = load<V4>(skip_weight + b * kBands) * e[b] + shift;
    s.model.stopwatch.lap(kSampling);
  }
}

// Gives a stream a slot of the model's workspace.
void assign_slot(Stream& s, int slot) {
  const Model& m = s.model;
  s.sums = m.sums.get() + slot * m.sums_size();
  s.head = m.heads.get() + (size_t)slot * kBands * m.header.head_hidden;
}

// The parts of a step that are each stream's own are never inlined twice, so that they are the same code for one and for many.
__attribute__((noinline)) V4 inputs_of(Stream& s, const Frame& f, const V4 lpc[kLpcOrder]) { return write_inputs(s, f, lpc); }
__attribute__((noinline)) void finish_of(Stream& s, V4 prediction, V4 gain, float* out) { finish_step(s, prediction, gain, out); }
__attribute__((noinline)) V4 skip_of(const Stream& s) { return skip(s); }

void generate_alone(Stream& s, const Frame* frames, int count, float* out) {
  Stopwatch& stopwatch = s.model.stopwatch;
  stopwatch.start();
  assign_slot(s, 0);
  quantize_state(s);
  float* const gates = s.model.workspace.get();
  for (int j = 0; j < count; j++) {
    V4 lpc[kLpcOrder];
    load_lpc(frames[j], lpc);
    scale_gates(frames[j].gate_terms, s.model.header.hidden, gates);
    for (int i = 0; i < kStepsPerFrame; i++, out += kBands) {
      const V4 prediction = inputs_of(s, frames[j], lpc);
      advance_alone(s, gates);
      sample_alone(s);
      finish_of(s, prediction, load<V4>(frames[j].gain), out);
      stopwatch.lap(kFilterBank);
    }
  }
}

// ---- Many streams: streams as lanes.

template <int W>
struct Panel {
  typedef typename Lanes<W>::F F;
  typedef typename Lanes<W>::I I;
  typedef typename Lanes<W>::U U;

  const Model& m;
  const Header& n;
  Stream* const* streams;
  const int count;
  // In the model's workspace, beside one another for the lanes: h and the gate terms, [H] and [3H]; heads' units [4K]; h as bytes, as it was and as it becomes, [H]; x as bytes, [64].
  float *const h, *const gates, *const units;
  uint8_t *now, *next, *const x;

  Panel(Stream* const* all, int streams_)
      : m(all[0]->model),
        n(m.header),
        streams(all),
        count(streams_),
        h(m.workspace.get()),
        gates(h + n.hidden * W),
        units(gates + 3 * n.hidden * W),
        now(reinterpret_cast<uint8_t*>(units + kBands * n.head_hidden * W)),
        next(now + n.hidden * W),
        x(next + n.hidden * W) {}

  void enter() {
    memset(x, 128, kPaddedStepInputs * W);
    for (int i = 0; i < n.hidden; i++) {
      for (int s = 0; s < W; s++) h[i * W + s] = s < count ? streams[s]->input.get()[i] : 0.f;
      write_bytes(now + i * W, state_bytes(load<F>(h + i * W)));
    }
  }
  void leave() const {
    for (int s = 0; s < count; s++)
      for (int i = 0; i < n.hidden; i++) streams[s]->input.get()[i] = h[i * W + s];
  }
  void take_frame(const Frame* const* frames) {
    if constexpr (W == 16) {
      for (int i = 0; i < 3 * n.hidden; i += 16) {
        V a[16] = {};
        for (int s = 0; s < count; s++) a[s] = load<V>(frames[s]->gate_terms + i) * kGateFactors[i / n.hidden];
        transpose(a);
        for (int k = 0; k < 16; k++) store(gates + (i + k) * W, a[k]);
      }
      return;
    }
    for (int i = 0; i < 3 * n.hidden; i++)
      for (int s = 0; s < W; s++) gates[i * W + s] = s < count ? frames[s]->gate_terms[i] * kGateFactors[i / n.hidden] : 0.f;
  }
  void take_inputs() {
    alignas(64) uint8_t bytes[W][kPaddedStepInputs];
    for (int s = 0; s < count; s++) input_bytes(*streams[s], bytes[s]);
    if constexpr (W == 16) {
      for (int i = 0; i < kPaddedStepInputs; i += 16) {
        __m128i a[16], b[16];
        for (int s = 0; s < 16; s++) a[s] = _mm_load_si128(reinterpret_cast<const __m128i*>(&bytes[s < count ? s : 0][i]));
        // Four rounds of interleaving rows that are eight apart transpose.
        for (int round = 0; round < 4; round++) {
#pragma GCC unroll 8
          for (int k = 0; k < 8; k++) b[2 * k] = _mm_unpacklo_epi8(a[k], a[k + 8]), b[2 * k + 1] = _mm_unpackhi_epi8(a[k], a[k + 8]);
          memcpy(a, b, sizeof b);
        }
        for (int k = 0; k < 16; k++) _mm_storeu_si128(reinterpret_cast<__m128i*>(x + (i + k) * W), a[k]);
      }
    } else {
      for (int s = 0; s < count; s++)
        for (int i = 0; i < n.inputs; i++) x[i * W + s] = bytes[s][i];
    }
  }

  // Four columns of a panel, each lane's beside one another.
  static I quad(const uint8_t* panel, const uint16_t* c) {
    if constexpr (W == 16) {
      const auto column = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + c[i] * W)); };
      __m512i v = _mm512_castsi128_si512(column(0));
      v = _mm512_inserti32x4(v, column(1), 1);
      v = _mm512_inserti32x4(v, column(2), 2);
      v = _mm512_inserti32x4(v, column(3), 3);
      return interleave(reinterpret_cast<I>(v));
    } else {
      const auto column = [&](int i) { return load<int64_t>(panel + c[i] * W); };
      const __m128i low = _mm_insert_epi64(_mm_cvtsi64_si128(column(0)), column(1), 1), high = _mm_insert_epi64(_mm_cvtsi64_si128(column(2)), column(3), 1);
      return interleave(reinterpret_cast<I>(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1)));
    }
  }
  static I interleave(I v) {
    alignas(64) static constexpr auto places = [] {
      struct {
        uint8_t at[4 * W];
      } p{};
      for (int i = 0; i < 4 * W; i++) p.at[i] = (uint8_t)(i % 4 * W + i / 4);
      return p;
    }();
    if constexpr (W == 16)
      return reinterpret_cast<I>(_mm512_permutexvar_epi8(_mm512_load_si512(places.at), reinterpret_cast<__m512i>(v)));
    else
      return reinterpret_cast<I>(_mm256_permutexvar_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(places.at)), reinterpret_cast<__m256i>(v)));
  }

  // Sums of a strip's sixteen rows over `blocks` columns, which are all of the panel's from the first on where kAll.
  template <bool kAll>
  SW_INLINE static void strip_products(const int32_t* start, const uint8_t* panel, const uint16_t* c, const int8_t* w, int blocks, I* out) {
    I sum[kBlock];
    for (int r = 0; r < kBlock; r++) sum[r] = splat_integer<I>(start[r]);
    for (int k = 0; k < blocks; k += 4, w += 4 * kBlock) {
      const I v = kAll ? interleave(load<I>(panel + k * W)) : quad(panel, c + k);
      for (int r = 0; r < kBlock; r++) sum[r] = dot(sum[r], v, splat_integer<I>(load<int32_t>(w + 4 * r)));
    }
    for (int r = 0; r < kBlock; r++) store(out + r, sum[r]);
  }

  void advance() {
    const int H = n.hidden, K4 = kBands * n.head_hidden;
    int counts[kLists];
    counts_of(n, counts);
    const uint16_t* c = m.columns.get();
    const int8_t* w = weights_at(m, n.gate_values);
    const int32_t* start = starts_of(m);
    const float* scale = m.at(n.scales);
    // The columns of x count from H on.
    const uint8_t* const input = x - (size_t)H * W;
    alignas(64) I sums[kLists][kBlock];
    for (int row = 0; row < H; row += kBlock) {
      for (int l = 0; l < kLists; l++) {
        strip_products<false>(start + l * H + row, l < 3 ? now : input, c, w, counts[l], sums[l]);
        c += counts[l], w += counts[l] * kBlock;
      }
      m.stopwatch.lap(kBlocks);
      for (int r = 0; r < kBlock; r += kInterleaved) {
        const int i = row + r;
        F v[kInterleaved];
        each<kInterleaved>([&](int u) { v[u] = load<F>(h + (i + u) * W); });
        next_states<kInterleaved>([&](int l, int u) { return sums[l][r + u]; }, [&](int l, int u) { return splat<F>(scale[l * H + i + u]); },
                                  [&](int g, int u) { return load<F>(gates + (g * H + i + u) * W); }, v);
        each<kInterleaved>([&](int u) {
          store(h + (i + u) * W, v[u]);
          write_bytes(next + (i + u) * W, state_bytes(v[u]));
        });
      }
      m.stopwatch.lap(kGates);
    }
    std::swap(now, next);
    start += kLists * H, scale += kLists * H;
    c = m.columns.get() + n.head_columns;
    w = weights_at(m, n.head_values);
    const int8_t* step = weights_at(m, n.step_values);
    const int step_blocks = (n.inputs + 3) / 4 * 4;
    const float* bias = m.at(n.head_bias);
    for (int row = 0; row < K4; row += kBlock) {
      strip_products<false>(start + row, now, c, w, n.head_blocks, sums[0]);
      strip_products<true>(start + K4 + row, x, nullptr, step, step_blocks, sums[1]);
      c += n.head_blocks, w += n.head_blocks * kBlock, step += step_blocks * kBlock;
      for (int r = 0; r < kBlock; r++)
        store(units + (row + r) * W, head_unit(sums[0][r], splat<F>(scale[row + r]), sums[1][r], splat<F>(scale[K4 + row + r]), splat<F>(bias[row + r])));
    }
  }

  // The twelve outputs of a band, four at a time.
  void outputs(int b, F shift, const F* e, F* out) const {
    const int K = n.head_hidden, D = n.inputs;
    float* u = units + (size_t)b * K * W;
    const float* step = m.at(n.head_step) + (size_t)K * (b * D + b * (b - 1) / 2);
    for (int k = 0; k < K; k++) {
      const float* w = step + (size_t)(k / kBlock * kBlock) * (D + b) + (size_t)D * kBlock + k % kBlock;
      F v = load<F>(u + k * W);
      for (int j = 0; j < b; j++) v = w[j * kBlock] * e[j] + v;
      store(u + k * W, greater(v, F{}));
    }
    const float* weight = m.at(n.output_weight) + (size_t)b * K * kBlock;
    for (int from = 0; from < kHeadOutputs; from += 4) {
      F sum[4][4] = {};
      for (int k = 0; k < K; k += 4)
        for (int i = 0; i < 4; i++) {
          const F v = load<F>(u + (k + i) * W);
          for (int o = 0; o < 4; o++) sum[o][i] = weight[(k + i) * kBlock + from + o] * v + sum[o][i];
        }
      for (int o = 0; o < 4; o++) {
        out[from + o] = ((sum[o][0] + sum[o][1]) + (sum[o][2] + sum[o][3])) + m.at(n.output_bias)[b * kBlock + from + o];
        if (from == kMixtures) out[from + o] += shift;
      }
    }
  }

  void sample() const {
    const float* skip_weight = m.at(n.head_skip) + n.inputs * kBands;
    const float* temperature = m.at(n.temperature);
    U key = {}, first = {};
    F shift[kBands] = {}, warm[kBands] = {}, e[kBands];
    for (int s = 0; s < count; s++) {
      const Stream& stream = *streams[s];
      key[s] = stream.key, first[s] = 8 * stream.t;
      const V4 of = skip_of(stream);
      for (int b = 0; b < kBands; b++) {
        reinterpret_cast<float*>(&shift[b])[s] = of[b];
        reinterpret_cast<float*>(&warm[b])[s] = temperature[(stream.voiced ? kBands : 0) + b];
      }
    }
    for (int b = 0; b < kBands; b++) {
      F o[kHeadOutputs];
      outputs(b, shift[b], e, o);
      m.stopwatch.lap(kHeads);
      e[b] = sample_lanes<F>(natural_exponential<F>, o, key, first, b, warm[b]);
      for (int later = 0; later < kBands; later++) shift[later] = skip_weight[b * kBands + later] * e[b] + shift[later];
      m.stopwatch.lap(kSampling);
    }
    for (int s = 0; s < count; s++)
      for (int b = 0; b < kBands; b++) streams[s]->input.get()[n.hidden + n.inputs + b] = e[b][s];
  }
};

template <int W>
void generate_lanes(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs) {
  Panel<W> panel(streams, n);
  Stopwatch& stopwatch = panel.m.stopwatch;
  stopwatch.start();
  panel.enter();
  for (int j = 0; j < count; j++) {
    const Frame* at[W];
    V4 lpc[W][kLpcOrder], prediction[W];
    for (int s = 0; s < n; s++) {
      at[s] = frames + (size_t)s * count + j;
      load_lpc(*at[s], lpc[s]);
    }
    panel.take_frame(at);
    stopwatch.lap(kStates);
    for (int i = 0; i < kStepsPerFrame; i++) {
      for (int s = 0; s < n; s++) prediction[s] = inputs_of(*streams[s], *at[s], lpc[s]);
      panel.take_inputs();
      stopwatch.lap(kInputs);
      panel.advance();
      panel.sample();
      for (int s = 0; s < n; s++) finish_of(*streams[s], prediction[s], load<V4>(at[s]->gain), outs[s] + (size_t)j * kHop + i * kBands);
      stopwatch.lap(kFilterBank);
    }
  }
  panel.leave();
  stopwatch.lap(kStates);
}

void generate(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs) {
  if (n >= kManyLanes) return generate_lanes<16>(streams, n, frames, count, outs);
  if (n >= kFewLanes) return generate_lanes<8>(streams, n, frames, count, outs);
  for (int s = 0; s < n; s++) generate_alone(*streams[s], frames + (size_t)s * count, count, outs[s]);
}

void outputs(Stream& s, const float* gate_terms, const float* x, const float* e, float* out) {
  const Header& n = s.model.header;
  float* input = s.input.get() + n.hidden;
  memcpy(input, x, sizeof(float) * n.inputs);
  memcpy(input + n.inputs, e, sizeof(float) * kBands);
  assign_slot(s, 0);
  quantize_state(s);
  scale_gates(gate_terms, n.hidden, s.model.workspace.get());
  advance_alone(s, s.model.workspace.get());
  const float* skip_weight = s.model.at(n.head_skip) + n.inputs * kBands;
  V4 shift = skip(s);
  for (int b = 0; b < kBands; b++) {
    const V o = output_alone(s, b, shift[b]);
    memcpy(out + b * kHeadOutputs, &o, sizeof(float) * kHeadOutputs);
    shift = load<V4>(skip_weight + b * kBands) * e[b] + shift;
  }
}

// 0 exp, 1 sigmoid, 2 tanh, as the net's step makes them.
void activate(int which, float* values, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    V v = load<V>(values + i);
    if (which == 0) {
      v = natural_exponential(v);
    } else {
      v *= kGateFactors[which];
      one_and_powers<1>(&v);
      v = which == 1 ? 1.f / v : 1.f - 2.f / v;
    }
    store(values + i, v);
  }
}

}  // namespace

double peak_int8_avx512(int64_t rounds) {
  constexpr int kChains = 10;
  VI sum[kChains], a = splat_integer<VI>(0x01020304), b = splat_integer<VI>(0x04030201);
  for (int c = 0; c < kChains; c++) sum[c] = a + c;
  // Opaque to the compiler, which would otherwise compute the end of the chains.
  asm volatile("" : "+m"(a), "+m"(b));
  const VI x = a, y = b;
  for (int64_t i = 0; i < rounds; i++)
    for (int c = 0; c < kChains; c++) sum[c] = dot(sum[c], x, y);
  double total = 0;
  for (int c = 0; c < kChains; c++)
    for (int i = 0; i < 16; i++) total += sum[c][i];
  return total;
}

const Kernel kInt8Avx512 = {generate, outputs, activate};

}  // namespace sparsewave::vocoder
