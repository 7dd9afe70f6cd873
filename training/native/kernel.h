// The training pass, compiled once per instruction set (kernel.<isa>.cpp sets SW_VECTOR, SW_RUN_TASK, and either SW_TILES or SW_RUN_PRODUCT and what floats.h names).
// Layout everywhere: [feature][16 lanes]; one lane group is kParts vectors. Matrices: [rows / 16][columns][16].
#if defined(SW_TILES)
#include "tiles.h"
#else
#include "floats.h"
#endif

namespace sparsewave {
namespace {

// All columns in order: the list of every strip of a dense matrix. Made by the compiler: a constructor in this file would run when
// the addon is loaded, with instructions that the CPU may not have.
struct AllColumns {
  uint16_t index[8192];
  constexpr AllColumns() : index() {
    for (int i = 0; i < 8192; i++) index[i] = (uint16_t)i;
  }
};
constexpr AllColumns kAll;

// A matrix as products read it, [strips][strip_floats(kept)], and the gradients of its blocks, [strips][kept][16], in the order of its columns.
struct Matrix {
  float* w;
  float* g;
  const uint16_t* columns;
  int kept, strips;
  int columns_stride;  // 0 when all strips share a list
  const uint16_t* strip_columns(int s) const { return columns + (size_t)s * columns_stride; }
  Strip strip(int s) const { return {w + s * strip_floats(kept), strip_columns(s), kept}; }
  // All strips: y += W x.
  void forward(const float* x, float* y) const {
    for (int s = 0; s < strips; s++) multiply_strips({y + s * kTile}, {y + s * kTile}, Term<0>{strip(s), x});
  }
  // dx += W' d of one step; d's strips are those from `first` on.
  void backward(const Deltas& d, int first, int t, float* dx) const {
    for (int s = 0; s < strips; s++) multiply_strip_transposed(strip(s), d.at(first + s, t), dx);
  }
  void accumulate(int s, const Turned& d, const Packed& x) const { accumulate_strip(g + (size_t)s * kept * kBlock, strip_columns(s), kept, d, x); }
  void accumulate(const Deltas& d, int t, int n, const Packed& x, float* turned) const {
    for (int s = 0; s < strips; s++) accumulate(s, turn(d, s, t, n, turned), x);
  }
};

// Negative log density of a mixture of logistics, its gradient in `d` (same order as `o`); both weighted by `weight`.
// o: [12][16] logits, means (skip included), log scales, 4 each. Returns the weighted loss summed over lanes.
double mixture_loss(const float* o, const float* target, const float* weight, float* d) {
  double total = 0;
  for (int p = 0; p < kParts; p++) {
    const V e = vec(target)[p], wt = vec(weight)[p];
    V logit[kMixtures], logp[kMixtures], z[kMixtures], inv[kMixtures], slope[kMixtures];
    VI inside[kMixtures];
    V top = vec(o)[p];
    for (int k = 0; k < kMixtures; k++) {
      logit[k] = vec(o + k * kLanes)[p];
      top = select(logit[k] > top, logit[k], top);
    }
    V norm = V{};
    for (int k = 0; k < kMixtures; k++) norm += vexp(logit[k] - top);
    const V log_norm = top + vlog(norm);
    V best = splat(-1e30f);
    for (int k = 0; k < kMixtures; k++) {
      const V mean = vec(o + (4 + k) * kLanes)[p];
      V s = vec(o + (8 + k) * kLanes)[p];
      inside[k] = (s >= splat(-7.f)) & (s <= splat(4.f));
      s = select(s < splat(-7.f), splat(-7.f), s);
      s = select(s > splat(4.f), splat(4.f), s);
      inv[k] = vexp(-s);
      z[k] = (e - mean) * inv[k];
      const V a = select(z[k] < V{}, z[k], -z[k]);  // -|z|
      const V ea = vexp(a);
      logp[k] = logit[k] - log_norm + a - s - 2.f * vlog(1.f + ea);
      const V tail = (1.f - ea) / (1.f + ea);  // |2 sigmoid(z) - 1|
      slope[k] = select(z[k] < V{}, tail, -tail);  // 1 - 2 sigmoid(z)
      best = select(logp[k] > best, logp[k], best);
    }
    V sum = V{};
    for (int k = 0; k < kMixtures; k++) sum += vexp(logp[k] - best);
    const V loss = (best + vlog(sum)) * -wt;
    for (int l = 0; l < SW_VECTOR; l++) total += loss[l];
    if (!d) continue;
    for (int k = 0; k < kMixtures; k++) {
      const V gamma = vexp(logp[k] - best) / sum;
      vec(d + k * kLanes)[p] = (vexp(logit[k] - log_norm) - gamma) * wt;
      vec(d + (4 + k) * kLanes)[p] = gamma * slope[k] * inv[k] * wt;
      vec(d + (8 + k) * kLanes)[p] = select(inside[k], gamma * (1.f + z[k] * slope[k]) * wt, V{});
    }
  }
  return total;
}

// f(index of a vector) for the vectors of every other row of a tile; those of the row after each are kParts further.
template <class F>
inline void for_row_pairs(F&& f) {
  for (int row = 0; row < kBlock; row += 2)
    for (int p = 0; p < kParts; p++) f(row * kParts + p);
}

struct Pass {
  Task& task;
  const Shape& shape;
  const int H, K4, C, D, T, F;
  const int XE;             // columns of [x; e_0..e_2] with the residuals
  const size_t h_stride, x_stride, stored_stride;
  Matrix matrices[kSegments] = {};
  Matrix grown[kMasked] = {};    // what gradients are gathered in: the kept blocks, or all columns straight into the flat gradient
  float *xe, *hs, *u, *dmean, *c1, *c2, *gates, *dgates, *dh, *dh2, *dc2, *dc1, *packed, *packed_x, *packed_u, *frame_deltas, *turned;
  float *read_h, *read_x, *read_u;  // memory of operands
  Stored *r, *z, *n, *q;
  Deltas dr{}, dz{}, dn{}, dq{}, du{}, dout{};
  const Products products;

  static size_t odd(size_t features) { return features | 1; }

  Pass(Task& t, Workspace& ws)
      : task(t), shape(*t.shape), H(shape.hidden), K4(kBands * shape.head), C(shape.conditioning), D(shape.inputs), T(t.steps), F(t.steps / kStepsPerFrame),
        XE(shape.inputs + kBands - 1), h_stride(odd(H) * kLanes), x_stride(odd(XE) * kLanes), stored_stride(odd(H) * kParts) {
    const size_t size = lay_out(nullptr);
    lay_out(ws.reserve(size));
  }

  // Places everything in the workspace, each on a line of its own; gives the floats that takes. Null: only counts.
  size_t lay_out(float* base) {
    size_t total = 0;
    auto take = [&](size_t floats) {
      float* at = base ? base + total : nullptr;
      total += (floats + 31) / 16 * 16;
      return at;
    };
    auto take_stored = [&] { return reinterpret_cast<Stored*>(take(stored_stride * T * sizeof(Stored) / sizeof(float))); };
    auto take_deltas = [&](int strips, int steps) { return Deltas::in(take(Deltas::floats(strips, steps)), steps); };
    xe = take(x_stride * T), hs = take(h_stride * (T + 1));
    r = take_stored(), z = take_stored(), n = take_stored(), q = take_stored();
    u = take((size_t)K4 * kLanes * T);
    du = take_deltas(K4 / kBlock, T), dout = take_deltas(kBands, T);
    dmean = take((size_t)kBands * T * kLanes);
    c1 = take((size_t)(F + 2) * C * kLanes), c2 = take((size_t)F * C * kLanes), gates = take((size_t)F * 3 * H * kLanes), dgates = take((size_t)F * 3 * H * kLanes);
    dh = take((size_t)H * kLanes);
    take(512);  // so that the same feature of dh and dh2 does not fall on the same place of the first-level cache
    dh2 = take((size_t)H * kLanes);
    dc2 = take((size_t)F * C * kLanes), dc1 = take((size_t)(F + 2) * C * kLanes);
    for (Deltas* d : {&dr, &dz, &dn, &dq}) *d = take_deltas(H / kBlock, kStepsPerFrame);
    packed = take(std::max({packed_floats(H, kStepsPerFrame + 1), packed_floats(3 * C, F), packed_floats(shape.features, F + 2)}));
    packed_x = take(packed_floats(XE, kStepsPerFrame)), packed_u = take(packed_floats(K4, kStepsPerFrame));
    frame_deltas = take(std::max(Deltas::floats(3 * H / kBlock, F), Deltas::floats(C / kBlock, F + 2)));
    turned = take(kTurned * std::max(kStepsPerFrame, F + 3));
    read_h = take((size_t)H * kLanes), read_x = take((size_t)std::max(XE, shape.features) * kLanes), read_u = take((size_t)std::max(shape.head, 3 * C) * kLanes);
    auto take_weights = [&](const Matrix& a) { return take(a.strips * strip_floats(a.kept)); };
    for (int m = 0; m < kMasked; m++) {
      const int rows = m == kHeadHidden ? K4 : H;
      const Mask& mask = task.masks[m];
      Matrix& a = matrices[m] = {nullptr, nullptr, mask.columns, mask.kept, rows / kBlock, mask.kept};
      a.w = take_weights(a);
      a.g = take((size_t)rows * a.kept);
      grown[m] = task.gradient && task.dense_gradient ? Matrix{nullptr, gradient(m), kAll.index, width(m), rows / kBlock, 0} : a;
    }
    auto dense = [&](int m, int rows, int columns) {
      Matrix& a = matrices[m] = {const_cast<float*>(parameter(m)), gradient(m), kAll.index, columns, rows / kBlock, 0};
      if (!kInPlace) a.w = take_weights(a);
    };
    for (int b = 0; b < kBands; b++) dense(kHeadStep0 + b, shape.head, D + b), dense(kHeadOutput0 + b, kPaddedOutputs, shape.head);
    dense(kConditioning0, C, shape.features), dense(kConditioning1, C, 3 * C), dense(kConditioning2, 3 * H, C);
    return total;
  }

  const float* parameter(int segment) const { return task.parameters + shape.offset[segment]; }
  float* gradient(int segment) const { return task.gradient ? task.gradient + shape.offset[segment] : nullptr; }
  int width(int segment) const { return segment < kInputReset || segment == kHeadHidden ? H : D; }

  // Brings weights into the form and order that every step then reads them in.
  void gather() {
    for (int m = 0; m < kSegments; m++) {
      const Matrix& a = matrices[m];
      if (m >= kMasked && kInPlace) continue;
      const size_t strip = (size_t)(m < kMasked ? width(m) : a.kept) * kBlock;
      for (int s = 0; s < a.strips; s++) gather_strip(parameter(m) + s * strip, a.strip_columns(s), a.kept, a.w + s * strip_floats(a.kept));
      if (m < kMasked && task.gradient) memset(a.g, 0, sizeof(float) * a.strips * a.kept * kBlock);
    }
  }

  void scatter_gradient() {
    if (task.dense_gradient) return;
    for (int m = 0; m < kMasked; m++) {
      const Matrix& a = matrices[m];
      for (int k = 0; k < a.strips * a.kept; k++) {
        float* g = gradient(m) + ((size_t)(k / a.kept) * width(m) + a.columns[k]) * kBlock;
        for (int p = 0; p < kParts; p++) vec(g)[p] += vec(a.g + (size_t)k * kBlock)[p];
      }
    }
  }

  void conditioning() {
    const Matrix &w0 = matrices[kConditioning0], &w1 = matrices[kConditioning1], &w2 = matrices[kConditioning2];
    auto biased = [](float* y, const float* bias, int rows) {
      for (int i = 0; i < rows; i++)
        for (int p = 0; p < kParts; p++) vec(y + i * kLanes)[p] = splat(bias[i]);
    };
    auto squash = [](float* y, int rows) {
      for (int i = 0; i < rows * kParts; i++) vec(y)[i] = vtanh(vec(y)[i]);
    };
    for (int f = 0; f < F + 2; f++) {
      float* y = c1 + (size_t)f * C * kLanes;
      biased(y, parameter(kConditioningBias0), C);
      w0.forward(operand(task.frames + (size_t)f * shape.features * kLanes, shape.features, read_x), y);
      squash(y, C);
    }
    for (int f = 0; f < F; f++) {
      float* y = c2 + (size_t)f * C * kLanes;
      biased(y, parameter(kConditioningBias1), C);
      w1.forward(operand(c1 + (size_t)f * C * kLanes, 3 * C, read_u), y);
      squash(y, C);
      float* g = gates + (size_t)f * 3 * H * kLanes;
      biased(g, parameter(kConditioningBias2), 3 * H);
      w2.forward(operand(y, C, read_u), g);
    }
  }

  void conditioning_backward() {
    const Matrix &w0 = matrices[kConditioning0], &w1 = matrices[kConditioning1], &w2 = matrices[kConditioning2];
    const size_t gate_stride = (size_t)3 * H * kLanes, c_stride = (size_t)C * kLanes;
    memset(dc2, 0, sizeof(float) * F * c_stride);
    memset(dc1, 0, sizeof(float) * (F + 2) * c_stride);
    auto through_squash = [&](float* d, const float* y, int frames) {
      for (size_t i = 0; i < (size_t)frames * C * kParts; i++) vec(d)[i] *= 1.f - vec(y)[i] * vec(y)[i];
    };
    auto add_bias = [&](int segment, const float* d, int rows, int frames) {
      for (int f = 0; f < frames; f++) add_lane_sums(gradient(segment), d + (size_t)f * rows * kLanes, rows, kLanes);
    };
    const Deltas d2 = Deltas::of(dgates, gate_stride, w2.strips, F, frame_deltas);
    for (int f = 0; f < F; f++) w2.backward(d2, 0, f, dc2 + f * c_stride);
    add_bias(kConditioningBias2, dgates, 3 * H, F);
    w2.accumulate(d2, 0, F, pack(c2, c_stride, C, F, packed), turned);
    through_squash(dc2, c2, F);
    const Deltas d1 = Deltas::of(dc2, c_stride, w1.strips, F, frame_deltas);
    for (int f = 0; f < F; f++) w1.backward(d1, 0, f, dc1 + f * c_stride);
    add_bias(kConditioningBias1, dc2, C, F);
    w1.accumulate(d1, 0, F, pack(c1, c_stride, 3 * C, F, packed), turned);
    through_squash(dc1, c1, F + 2);
    const Deltas d0 = Deltas::of(dc1, c_stride, w0.strips, F + 2, frame_deltas);
    add_bias(kConditioningBias0, dc1, C, F + 2);
    w0.accumulate(d0, 0, F + 2, pack(task.frames, (size_t)shape.features * kLanes, shape.features, F + 2, packed), turned);
  }

  // h and x: operands of step t.
  void gru(int t, const float* h, const float* x) {
    const Matrix &rr = matrices[kRecurrentReset], &rz = matrices[kRecurrentUpdate], &rn = matrices[kRecurrentCandidate];
    const Matrix &ir = matrices[kInputReset], &iz = matrices[kInputUpdate], &in = matrices[kInputCandidate];
    const float *g = gates + (size_t)(t / kStepsPerFrame) * 3 * H * kLanes, *before = hs + h_stride * t;
    alignas(64) const float zeros[kTile] = {};
    alignas(64) float sums[2][4][kTile];
    float* next = hs + h_stride * (t + 1);
    // The products of a strip go ahead of the gates of the one before, which so need not wait for theirs.
    for (int s = 0; s <= H / kBlock; s++) {
      if (s < H / kBlock) {
        auto& to = sums[s % 2];
        const float* from = g + (size_t)s * kTile;
        multiply_strips({from, from + (size_t)H * kLanes, from + (size_t)2 * H * kLanes, zeros}, {to[0], to[1], to[2], to[3]}, Term<0>{ir.strip(s), x}, Term<0>{rr.strip(s), h},
                        Term<1>{iz.strip(s), x}, Term<1>{rz.strip(s), h}, Term<2>{in.strip(s), x}, Term<3>{rn.strip(s), h});
      }
      if (s == 0) continue;
      const auto& [rt, zt, nt, qt] = sums[(s - 1) % 2];
      const size_t at = (size_t)(s - 1) * kTile, to = stored_stride * t + (s - 1) * kBlock * kParts;
      for (int i = 0; i < kBlock * kParts; i++) {
        const V rv = vsigmoid(vec(rt)[i]), zv = vsigmoid(vec(zt)[i]), qv = vec(qt)[i];
        const V nv = vtanh(vec(nt)[i] + rv * qv);
        store(r + to + i, rv);
        store(z + to + i, zv);
        store(n + to + i, nv);
        store(q + to + i, qv);
        vec(next + at)[i] = zv * vec(before + at)[i] + (1.f - zv) * nv;
      }
    }
  }

  // Heads of all bands at step t: loss, and with a gradient wanted also dout, dmean and du. h and xr: operands, the state after the step.
  void heads(int t, const float* h, const float* xr) {
    const int K = shape.head;
    const float* x = xe + x_stride * t;
    float* ut = u + (size_t)t * K4 * kLanes;
    const float* bias = parameter(kHeadHiddenBias);
    for (int i = 0; i < K4; i++)
      for (int p = 0; p < kParts; p++) vec(ut + i * kLanes)[p] = splat(bias[i]);
    matrices[kHeadHidden].forward(h, ut);
    for (int b = 0; b < kBands; b++) {
      float* ub = ut + (size_t)b * K * kLanes;
      matrices[kHeadStep0 + b].forward(xr, ub);
      for (int i = 0; i < K * kParts; i++) vec(ub)[i] = greater(V{}, vec(ub)[i]);
      alignas(64) float o[kTile];
      const float* ob = parameter(kHeadOutputBias0 + b);
      for (int i = 0; i < kPaddedOutputs; i++)
        for (int p = 0; p < kParts; p++) vec(o + i * kLanes)[p] = splat(ob[i]);
      const Matrix& output = matrices[kHeadOutput0 + b];
      output.forward(operand(ub, K, read_u), o);
      const float* skip = parameter(kHeadSkip0 + b);
      V shift[kParts] = {};
      for (int i = 0; i < D + b; i++)
        for (int p = 0; p < kParts; p++) shift[p] += skip[i] * vec(x + i * kLanes)[p];
      for (int k = 0; k < kMixtures; k++)
        for (int p = 0; p < kParts; p++) vec(o + (4 + k) * kLanes)[p] += shift[p];
      if (task.outputs) memcpy(task.outputs + ((size_t)t * kBands + b) * kHeadOutputs * kLanes, o, sizeof(float) * kHeadOutputs * kLanes);
      const float* target = task.examples + ((size_t)t * (D + kBands) + D + b) * kLanes;
      const float* weight = task.weights + (size_t)(t / kStepsPerFrame) * kLanes;
      alignas(64) float d[kTile] = {};
      task.losses[b] += mixture_loss(o, target, weight, task.gradient ? d : nullptr);
      if (!task.gradient) continue;
      for_row_pairs([&](int i) { dout.put(b, t, i, vec(d)[i], vec(d)[i + kParts]); });
      for (int p = 0; p < kParts; p++) {
        V m = V{};
        for (int k = 0; k < kMixtures; k++) m += vec(d + (4 + k) * kLanes)[p];
        vec(dmean + ((size_t)b * T + t) * kLanes)[p] = m;
      }
      alignas(64) float back[512 * kLanes];
      memset(back, 0, sizeof(float) * K * kLanes);
      output.backward(dout, b, t, back);
      for (int k = 0; k < K / kBlock; k++) {
        auto through_relu = [&](int i) { return select(vec(ub + k * kTile)[i] > V{}, vec(back + k * kTile)[i], V{}); };
        for_row_pairs([&](int i) { du.put(b * K / kBlock + k, t, i, through_relu(i), through_relu(i + kParts)); });
      }
    }
  }

  // Sums of the heads' vectors over all steps.
  void heads_backward() {
    for (int b = 0; b < kBands; b++) {
      float* skip = gradient(kHeadSkip0 + b);
      for (int i = 0; i < D + b; i++) {
        V acc[kParts] = {};
        for (int t = 0; t < T; t++)
          for (int p = 0; p < kParts; p++) acc[p] += vec(dmean + ((size_t)b * T + t) * kLanes)[p] * vec(xe + x_stride * t + i * kLanes)[p];
        skip[i] += lane_sum(vec(reinterpret_cast<float*>(acc)));
      }
      add_sums(gradient(kHeadOutputBias0 + b), dout, b, kHeadOutputs, T);
    }
    float* bias = gradient(kHeadHiddenBias);
    for (int s = 0; s < K4 / kBlock; s++) add_sums(bias + s * kBlock, du, s, kBlock, T);
  }

  void gru_backward() {
    memset(dh, 0, sizeof(float) * H * kLanes);
    for (int f = F - 1; f >= 0; f--) {
      for (int i = kStepsPerFrame - 1; i >= 0; i--) step_backward(f * kStepsPerFrame + i, i);
      accumulate_frame(f);
    }
  }

  // dh: from that of the state after step t to that of the state before it. i: the step in its frame.
  SW_NOINLINE void step_backward(int t, int i) {
    const Matrix &rr = matrices[kRecurrentReset], &rz = matrices[kRecurrentUpdate], &rn = matrices[kRecurrentCandidate];
    matrices[kHeadHidden].backward(du, 0, t, dh);
    for (int s = 0; s < H / kBlock; s++) {
      const size_t at = (size_t)s * kTile, from = stored_stride * t + s * kBlock * kParts;
      const VM *h = vec(hs + h_stride * t + at), *d = vec(dh + at);
      struct Gates {
        V r, z, n, q;
      };
      auto through_gates = [&](int k) -> Gates {
        const V rt = load(r + from + k), zt = load(z + from + k), nt = load(n + from + k), qt = load(q + from + k);
        const V dn_pre = d[k] * (1.f - zt) * (1.f - nt * nt);
        const V dz_pre = d[k] * (h[k] - nt) * zt * (1.f - zt);
        const V dr_pre = dn_pre * qt * rt * (1.f - rt);
        vec(dh2 + at)[k] = d[k] * zt;
        return {dr_pre, dz_pre, dn_pre, dn_pre * rt};
      };
      for_row_pairs([&](int k) {
        const Gates a = through_gates(k), b = through_gates(k + kParts);
        dr.put(s, i, k, a.r, b.r);
        dz.put(s, i, k, a.z, b.z);
        dn.put(s, i, k, a.n, b.n);
        dq.put(s, i, k, a.q, b.q);
      });
    }
    for (int s = 0; s < H / kBlock; s++) {
      const size_t before = stored_stride * std::max(t - 1, 0) + s * kBlock * kParts;
      const int earlier = std::max(i - 1, 0);
      Ahead ahead{{r + before, z + before, n + before, q + before, hs + h_stride * std::max(t - 1, 0) + (size_t)s * kTile, dr.tile(s, earlier), dz.tile(s, earlier), dn.tile(s, earlier),
                   dq.tile(s, earlier)}, t == 0 ? 0 : i == 0 ? 5 : 9, 0};
      multiply_strip_transposed(rr.strip(s), dr.at(s, i), dh2, &ahead);
      multiply_strip_transposed(rz.strip(s), dz.at(s, i), dh2, &ahead);
      multiply_strip_transposed(rn.strip(s), dq.at(s, i), dh2, &ahead);
    }
    std::swap(dh, dh2);
  }

  // Weight gradients of a frame's steps, and the gradient of its gate terms.
  SW_NOINLINE void accumulate_frame(int f) {
    const int K = shape.head, t0 = f * kStepsPerFrame, n = kStepsPerFrame;
    const Packed x = pack(xe + x_stride * t0, x_stride, XE, n, packed_x), us = pack(u + (size_t)t0 * K4 * kLanes, (size_t)K4 * kLanes, K4, n, packed_u);
    const Packed h = pack(hs + h_stride * t0, h_stride, H, n + 1, packed);
    for (int s = 0; s < H / kBlock; s++) {
      const Turned r = turn(dr, s, 0, n, turned);
      grown[kRecurrentReset].accumulate(s, r, h);
      grown[kInputReset].accumulate(s, r, x);
      const Turned z = turn(dz, s, 0, n, turned);
      grown[kRecurrentUpdate].accumulate(s, z, h);
      grown[kInputUpdate].accumulate(s, z, x);
      grown[kRecurrentCandidate].accumulate(s, turn(dq, s, 0, n, turned), h);
      grown[kInputCandidate].accumulate(s, turn(dn, s, 0, n, turned), x);
      float* dg = dgates + (size_t)f * 3 * H * kLanes + (size_t)s * kTile;
      add_steps(dr, s, 0, n, dg);
      add_steps(dz, s, 0, n, dg + (size_t)H * kLanes);
      add_steps(dn, s, 0, n, dg + (size_t)2 * H * kLanes);
    }
    // The heads see the state after the step.
    const Packed after = pack_next(h, hs + h_stride * t0, h_stride, H, n, packed);
    for (int s = 0; s < K4 / kBlock; s++) {
      const Turned d = turn(du, s, t0, n, turned);
      grown[kHeadHidden].accumulate(s, d, after);
      matrices[kHeadStep0 + s * kBlock / K].accumulate(s % (K / kBlock), d, x);
    }
    for (int b = 0; b < kBands; b++) matrices[kHeadOutput0 + b].accumulate(0, turn(dout, b, t0, n, turned), us.features(b * K));
  }

  void run() {
    for (int b = 0; b < kBands; b++) task.losses[b] = 0;
    for (int t = 0; t < T; t++)
      memcpy(xe + x_stride * t, task.examples + (size_t)t * (D + kBands) * kLanes, sizeof(float) * XE * kLanes);
    memcpy(hs, task.state, sizeof(float) * H * kLanes);
    gather();
    conditioning();
    const float* h = operand(hs, H, read_h);
    for (int t = 0; t < T; t++) {
      const float* x = operand(xe + x_stride * t, XE, read_x);
      gru(t, h, x);
      h = operand(hs + h_stride * (t + 1), H, read_h);
      heads(t, h, x);
    }
    memcpy(task.state, hs + h_stride * T, sizeof(float) * H * kLanes);
    if (!task.gradient) return;
    heads_backward();
    gru_backward();
    conditioning_backward();
    scatter_gradient();
  }
};

#if defined(SW_RUN_PRODUCT)
void run_product(const Product& a, Workspace& workspace) {
  const int kept = a.mask.kept;
  const size_t blocks = (size_t)a.strips * kept * kBlock, x_size = (size_t)a.columns * kLanes, y_size = (size_t)a.strips * kTile;
  float* base = workspace.reserve(blocks + 512 + (a.kind == kAccumulate ? packed_floats(a.columns, a.groups) : 0));
  auto strip = [&](int s) { return Strip{base + (size_t)s * kept * kBlock, a.mask.columns + (size_t)s * kept, kept}; };
  auto block = [&](size_t k) { return (k / kept * a.columns + a.mask.columns[k]) * kBlock; };
  if (a.kind == kAccumulate) {
    memset(base, 0, sizeof(float) * blocks);
    const Packed x = pack(a.x, x_size, a.columns, a.groups, base + (blocks + 15) / 16 * 16);
    for (int s = 0; s < a.strips; s++) accumulate_strip(base + (size_t)s * kept * kBlock, strip(s).columns, kept, {a.y + s * kTile, y_size, a.groups}, x);
    for (size_t k = 0; k < blocks / kBlock; k++)
      for (int r = 0; r < kBlock; r++) a.gradient[block(k) + r] += base[k * kBlock + r];
    return;
  }
  for (size_t k = 0; k < blocks / kBlock; k++) memcpy(base + k * kBlock, a.weights + block(k), sizeof(float) * kBlock);
  for (int g = 0; g < a.groups; g++)
    for (int s = 0; s < a.strips; s++) {
      float *x = a.x + g * x_size, *y = a.y + g * y_size + s * kTile;
      if (a.kind == kForward) multiply_strips({y}, {y}, Term<0>{strip(s), x});
      else multiply_strip_transposed(strip(s), y, x);
    }
}
#endif

}  // namespace

#if defined(SW_RUN_PRODUCT)
void SW_RUN_PRODUCT(const Product& product, Workspace& workspace) { run_product(product, workspace); }
#endif

void SW_RUN_TASK(Task& task, Workspace& workspace) { Pass(task, workspace).run(); }

}  // namespace sparsewave
