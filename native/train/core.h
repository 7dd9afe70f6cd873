// The training pass, compiled once per ISA (core.<isa>.cpp sets SW_VECTOR, SW_ROWS, SW_COLUMNS, SW_GRADIENT_ROWS, SW_PIN and SW_RUN_TASK).
// Layout everywhere: [feature][16 lanes]; one lane group is SW_PARTS vectors. Matrices: [rows / 16][columns][16].
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "net.h"

namespace sparsewave {
namespace {

typedef float V __attribute__((vector_size(SW_VECTOR * 4)));
// In memory: arrays of JavaScript are aligned to their elements only.
typedef float VM __attribute__((vector_size(SW_VECTOR * 4), aligned(4), may_alias));
typedef int32_t VI __attribute__((vector_size(SW_VECTOR * 4)));
constexpr int kParts = kLanes / SW_VECTOR;
constexpr int kTile = kBlock * kLanes;

inline V splat(float v) { return v - V{}; }
inline VM* vec(float* p) { return reinterpret_cast<VM*>(p); }
inline const VM* vec(const float* p) { return reinterpret_cast<const VM*>(p); }
inline V select(VI condition, V a, V b) { return reinterpret_cast<V>((condition & reinterpret_cast<VI>(a)) | (~condition & reinterpret_cast<VI>(b))); }

// Relative error below 2e-7 in -87..88 (Cephes polynomial).
inline V vexp(V x) {
  x = select(x > splat(88.f), splat(88.f), x);
  x = select(x < splat(-87.f), splat(-87.f), x);
  const V magic = splat(12582912.f);
  V t = x * 1.44269504088896341f + magic;
  const VI exponent = reinterpret_cast<VI>(t) << 23;
  t -= magic;
  x = x - t * 0.693359375f;
  x = x + t * 2.12194440e-4f;
  V p = splat(1.9875691500e-4f);
  p = p * x + 1.3981999507e-3f;
  p = p * x + 8.3334519073e-3f;
  p = p * x + 4.1665795894e-2f;
  p = p * x + 1.6666665459e-1f;
  p = p * x + 5.0000001201e-1f;
  p = p * x * x + x + 1.f;
  return reinterpret_cast<V>(reinterpret_cast<VI>(p) + exponent);
}

// Natural logarithm of positive normal numbers, absolute error below 1e-6 (Cephes polynomial).
inline V vlog(V x) {
  VI bits = reinterpret_cast<VI>(x);
  VI e = ((bits >> 23) & 255) - 126;
  V m = reinterpret_cast<V>((bits & 0x007fffff) | 0x3f000000);
  const VI low = m < splat(0.707106781186547524f);
  m = select(low, m + m, m) - 1.f;
  e = e + low;
  const V k = __builtin_convertvector(e, V);
  const V z = m * m;
  V p = splat(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z + k * -2.12194440e-4f - z * 0.5f;
  return m + p + k * 0.693359375f;
}

inline V vsigmoid(V x) { return 1.f / (1.f + vexp(-x)); }
inline V vtanh(V x) { return 2.f / (1.f + vexp(-2.f * x)) - 1.f; }

inline float lane_sum(const VM* v) {
  float s = 0;
  for (int i = 0; i < kParts; i++)
    for (int l = 0; l < SW_VECTOR; l++) s += v[i][l];
  return s;
}

// y[16][16] += sum_j w[columns[j]][16] x[columns[j]][16]: one strip of a block-sparse product.
inline void multiply_strip(const float* w, const uint16_t* columns, int kept, const float* x, float* y) {
  for (int r0 = 0; r0 < kBlock; r0 += SW_ROWS) {
    V acc[SW_ROWS][kParts];
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) acc[r][p] = vec(y + (r0 + r) * kLanes)[p];
    for (int j = 0; j < kept; j++) {
      const float* wj = w + columns[j] * kBlock + r0;
      V xj[kParts];
      for (int p = 0; p < kParts; p++) {
        xj[p] = vec(x + columns[j] * kLanes)[p];
        SW_PIN(xj[p]);  // keeps x in a register, so that the weight is the folded operand
      }
      for (int r = 0; r < SW_ROWS; r++)
        for (int p = 0; p < kParts; p++) acc[r][p] += wj[r] * xj[p];
    }
    for (int r = 0; r < SW_ROWS; r++)
      for (int p = 0; p < kParts; p++) vec(y + (r0 + r) * kLanes)[p] = acc[r][p];
  }
}

template <int N>
inline void multiply_transposed_columns(const float* w, const uint16_t* columns, const float* d, float* dx) {
  V acc[N][kParts];
  for (int j = 0; j < N; j++)
    for (int p = 0; p < kParts; p++) acc[j][p] = vec(dx + columns[j] * kLanes)[p];
  const float* wj[N];
  for (int j = 0; j < N; j++) wj[j] = w + columns[j] * kBlock;
  for (int r = 0; r < kBlock; r++) {
    V dr[kParts];
    for (int p = 0; p < kParts; p++) {
      dr[p] = vec(d + r * kLanes)[p];
      SW_PIN(dr[p]);
    }
    for (int j = 0; j < N; j++)
      for (int p = 0; p < kParts; p++) acc[j][p] += wj[j][r] * dr[p];
  }
  for (int j = 0; j < N; j++)
    for (int p = 0; p < kParts; p++) vec(dx + columns[j] * kLanes)[p] = acc[j][p];
}

// dx[columns[j]][16] += sum_r w[columns[j]][r] d[r][16]: the transpose of multiply_strip.
inline void multiply_strip_transposed(const float* w, const uint16_t* columns, int kept, const float* d, float* dx) {
  int j = 0;
  for (; j + SW_COLUMNS <= kept; j += SW_COLUMNS) multiply_transposed_columns<SW_COLUMNS>(w, columns + j, d, dx);
  for (; j < kept; j++) multiply_transposed_columns<1>(w, columns + j, d, dx);
}

// g[columns[j]][r] += sum_t sum_lanes d[t][r] x[t][columns[j]]: the weight gradient of one strip over n steps.
inline void accumulate_strip(float* g, const uint16_t* columns, int kept, const float* d, size_t d_stride, const float* x, size_t x_stride, int n) {
  for (int j = 0; j < kept; j++) {
    const float* xj = x + columns[j] * kLanes;
    float* gj = g + columns[j] * kBlock;
    for (int r0 = 0; r0 < kBlock; r0 += SW_GRADIENT_ROWS) {
      V acc[SW_GRADIENT_ROWS] = {};
      for (int t = 0; t < n; t++) {
        const float* dt = d + t * d_stride + r0 * kLanes;
        for (int p = 0; p < kParts; p++) {
          V xv = vec(xj + t * x_stride)[p];
          SW_PIN(xv);
          for (int r = 0; r < SW_GRADIENT_ROWS; r++) acc[r] += vec(dt + r * kLanes)[p] * xv;
        }
      }
      for (int r = 0; r < SW_GRADIENT_ROWS; r++) {
        float s = 0;
        for (int l = 0; l < SW_VECTOR; l++) s += acc[r][l];
        gj[r0 + r] += s;
      }
    }
  }
}

struct Matrix {
  const float* w;
  float* g;
  const uint16_t* columns;
  int kept, strips, width;
  const float* strip(int s) const { return w + (size_t)s * width * kBlock; }
  float* strip_gradient(int s) const { return g + (size_t)s * width * kBlock; }
  const uint16_t* strip_columns(int s) const { return columns + (size_t)s * kept; }
};

// All columns in order, for the dense matrices; each strip uses the same list.
struct AllColumns {
  uint16_t index[8192];
  AllColumns() {
    for (int i = 0; i < 8192; i++) index[i] = (uint16_t)i;
  }
};
const AllColumns kAll;

struct Dense {
  const float* w;
  float* g;
  int strips, width;
  void forward(const float* x, float* y) const {
    for (int s = 0; s < strips; s++) multiply_strip(w + (size_t)s * width * kBlock, kAll.index, width, x, y + s * kTile);
  }
  // d: strip s at d + s * strip_stride.
  void backward(const float* d, size_t strip_stride, float* dx) const {
    for (int s = 0; s < strips; s++) multiply_strip_transposed(w + (size_t)s * width * kBlock, kAll.index, width, d + s * strip_stride, dx);
  }
  void accumulate(const float* d, size_t strip_stride, size_t d_stride, const float* x, size_t x_stride, int n) const {
    for (int s = 0; s < strips; s++)
      accumulate_strip(g + (size_t)s * width * kBlock, kAll.index, width, d + s * strip_stride, d_stride, x, x_stride, n);
  }
};

void forward(const Matrix& m, int s, const float* x, float* y) { multiply_strip(m.strip(s), m.strip_columns(s), m.kept, x, y); }
void backward(const Matrix& m, int s, const float* d, float* dx) { multiply_strip_transposed(m.strip(s), m.strip_columns(s), m.kept, d, dx); }
void accumulate(const Matrix& m, int s, const float* d, const float* x, size_t x_stride, int n) {
  accumulate_strip(m.strip_gradient(s), m.strip_columns(s), m.kept, d, kTile, x, x_stride, n);
}

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

void add_lane_sums(float* gradient, const float* d, int features, size_t stride) {
  for (int i = 0; i < features; i++) gradient[i] += lane_sum(vec(d + i * stride));
}

struct Pass {
  Task& task;
  const Shape& shape;
  const int H, K4, C, D, T, F;
  const int XE;             // columns of [x; e_0..e_2] with the residuals
  const size_t h_stride, x_stride;
  float *xe, *hs, *r, *z, *n, *q, *u, *du, *dout, *dmean, *c1, *c2, *gates, *dgates, *dh, *dh2, *dc2, *dc1, *dr, *dz, *dn, *dq;

  static size_t odd(size_t features) { return (features | 1) * kLanes; }

  Pass(Task& t, Workspace& ws)
      : task(t), shape(*t.shape), H(shape.hidden), K4(kBands * shape.head), C(shape.conditioning), D(shape.inputs), T(t.steps), F(t.steps / kStepsPerFrame),
        XE(shape.inputs + kBands - 1), h_stride(odd(shape.hidden)), x_stride(odd(shape.inputs + kBands - 1)) {
    size_t total = 0;
    auto plan = [&](size_t floats) {
      const size_t at = total;
      total += (floats + 31) / 16 * 16;
      return at;
    };
    const size_t per_frame = (size_t)H / kBlock * kStepsPerFrame * kTile;
    const size_t o_xe = plan(x_stride * T), o_hs = plan(h_stride * (T + 1)), o_r = plan(h_stride * T), o_z = plan(h_stride * T), o_n = plan(h_stride * T),
                 o_q = plan(h_stride * T), o_u = plan((size_t)K4 * kLanes * T), o_du = plan((size_t)K4 * kLanes * T), o_do = plan((size_t)kBands * T * kTile),
                 o_dm = plan((size_t)kBands * T * kLanes), o_c1 = plan((size_t)(F + 2) * C * kLanes), o_c2 = plan((size_t)F * C * kLanes),
                 o_g = plan((size_t)F * 3 * H * kLanes), o_dg = plan((size_t)F * 3 * H * kLanes), o_dh = plan((size_t)H * kLanes), o_dh2 = plan((size_t)H * kLanes),
                 o_dc2 = plan((size_t)F * C * kLanes), o_dc1 = plan((size_t)(F + 2) * C * kLanes), o_dr = plan(per_frame), o_dz = plan(per_frame),
                 o_dn = plan(per_frame), o_dq = plan(per_frame);
    float* base = ws.reserve(total);
    xe = base + o_xe, hs = base + o_hs, r = base + o_r, z = base + o_z, n = base + o_n, q = base + o_q, u = base + o_u, du = base + o_du, dout = base + o_do;
    dmean = base + o_dm, c1 = base + o_c1, c2 = base + o_c2, gates = base + o_g, dgates = base + o_dg, dh = base + o_dh, dh2 = base + o_dh2;
    dc2 = base + o_dc2, dc1 = base + o_dc1, dr = base + o_dr, dz = base + o_dz, dn = base + o_dn, dq = base + o_dq;
  }

  const float* parameter(int segment) const { return task.parameters + shape.offset[segment]; }
  float* gradient(int segment) const { return task.gradient ? task.gradient + shape.offset[segment] : nullptr; }
  Matrix matrix(int segment, int rows, int columns) const {
    const Mask& m = task.masks[segment];
    return {parameter(segment), gradient(segment), m.columns, m.kept, rows / kBlock, columns};
  }
  Dense dense(int segment, int rows, int columns) const { return {parameter(segment), gradient(segment), rows / kBlock, columns}; }

  void conditioning() {
    const Dense w0 = dense(kConditioning0, C, shape.features), w1 = dense(kConditioning1, C, 3 * C), w2 = dense(kConditioning2, 3 * H, C);
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
      w0.forward(task.frames + (size_t)f * shape.features * kLanes, y);
      squash(y, C);
    }
    for (int f = 0; f < F; f++) {
      float* y = c2 + (size_t)f * C * kLanes;
      biased(y, parameter(kConditioningBias1), C);
      w1.forward(c1 + (size_t)f * C * kLanes, y);
      squash(y, C);
      float* g = gates + (size_t)f * 3 * H * kLanes;
      biased(g, parameter(kConditioningBias2), 3 * H);
      w2.forward(y, g);
    }
  }

  void conditioning_backward() {
    const Dense w0 = dense(kConditioning0, C, shape.features), w1 = dense(kConditioning1, C, 3 * C), w2 = dense(kConditioning2, 3 * H, C);
    const size_t gate_stride = (size_t)3 * H * kLanes, c_stride = (size_t)C * kLanes;
    memset(dc2, 0, sizeof(float) * F * c_stride);
    memset(dc1, 0, sizeof(float) * (F + 2) * c_stride);
    for (int f = 0; f < F; f++) {
      w2.backward(dgates + f * gate_stride, kTile, dc2 + f * c_stride);
      add_lane_sums(gradient(kConditioningBias2), dgates + f * gate_stride, 3 * H, kLanes);
      for (int i = 0; i < C * kParts; i++) {
        const V y = vec(c2 + f * c_stride)[i];
        vec(dc2 + f * c_stride)[i] *= 1.f - y * y;
      }
      w1.backward(dc2 + f * c_stride, kTile, dc1 + f * c_stride);
      add_lane_sums(gradient(kConditioningBias1), dc2 + f * c_stride, C, kLanes);
    }
    w2.accumulate(dgates, kTile, gate_stride, c2, c_stride, F);
    w1.accumulate(dc2, kTile, c_stride, c1, c_stride, F);
    for (int f = 0; f < F + 2; f++) {
      for (int i = 0; i < C * kParts; i++) {
        const V y = vec(c1 + f * c_stride)[i];
        vec(dc1 + f * c_stride)[i] *= 1.f - y * y;
      }
      add_lane_sums(gradient(kConditioningBias0), dc1 + f * c_stride, C, kLanes);
    }
    w0.accumulate(dc1, kTile, c_stride, task.frames, (size_t)shape.features * kLanes, F + 2);
  }

  void gru(int t) {
    const Matrix rr = matrix(kRecurrentReset, H, H), rz = matrix(kRecurrentUpdate, H, H), rn = matrix(kRecurrentCandidate, H, H);
    const Matrix ir = matrix(kInputReset, H, D), iz = matrix(kInputUpdate, H, D), in = matrix(kInputCandidate, H, D);
    const float *h = hs + h_stride * t, *x = xe + x_stride * t, *g = gates + (size_t)(t / kStepsPerFrame) * 3 * H * kLanes;
    float *rt = r + h_stride * t, *zt = z + h_stride * t, *nt = n + h_stride * t, *qt = q + h_stride * t, *next = hs + h_stride * (t + 1);
    for (int s = 0; s < H / kBlock; s++) {
      const size_t at = (size_t)s * kTile;
      memcpy(rt + at, g + at, sizeof(float) * kTile);
      memcpy(zt + at, g + (size_t)H * kLanes + at, sizeof(float) * kTile);
      memcpy(nt + at, g + (size_t)2 * H * kLanes + at, sizeof(float) * kTile);
      memset(qt + at, 0, sizeof(float) * kTile);
      forward(ir, s, x, rt + at);
      forward(iz, s, x, zt + at);
      forward(in, s, x, nt + at);
      forward(rr, s, h, rt + at);
      forward(rz, s, h, zt + at);
      forward(rn, s, h, qt + at);
      for (int i = 0; i < kBlock * kParts; i++) {
        const V rv = vsigmoid(vec(rt + at)[i]), zv = vsigmoid(vec(zt + at)[i]);
        const V nv = vtanh(vec(nt + at)[i] + rv * vec(qt + at)[i]);
        vec(rt + at)[i] = rv;
        vec(zt + at)[i] = zv;
        vec(nt + at)[i] = nv;
        vec(next + at)[i] = zv * vec(h + at)[i] + (1.f - zv) * nv;
      }
    }
  }

  // Heads of all bands at step t: loss, and with a gradient wanted also dout, dmean and du.
  void heads(int t) {
    const int K = shape.head;
    const Matrix hidden = matrix(kHeadHidden, K4, H);
    const float *h = hs + h_stride * (t + 1), *x = xe + x_stride * t;
    float* ut = u + (size_t)t * K4 * kLanes;
    const float* bias = parameter(kHeadHiddenBias);
    for (int i = 0; i < K4; i++)
      for (int p = 0; p < kParts; p++) vec(ut + i * kLanes)[p] = splat(bias[i]);
    for (int s = 0; s < K4 / kBlock; s++) forward(hidden, s, h, ut + s * kTile);
    for (int b = 0; b < kBands; b++) {
      float* ub = ut + (size_t)b * K * kLanes;
      dense(kHeadStep0 + b, K, D + b).forward(x, ub);
      for (int i = 0; i < K * kParts; i++) vec(ub)[i] = select(vec(ub)[i] > V{}, vec(ub)[i], V{});
      alignas(64) float o[kTile];
      const float* ob = parameter(kHeadOutputBias0 + b);
      for (int i = 0; i < kPaddedOutputs; i++)
        for (int p = 0; p < kParts; p++) vec(o + i * kLanes)[p] = splat(ob[i]);
      const Dense output = dense(kHeadOutput0 + b, kPaddedOutputs, K);
      output.forward(ub, o);
      const float* skip = parameter(kHeadSkip0 + b);
      V shift[kParts] = {};
      for (int i = 0; i < D + b; i++)
        for (int p = 0; p < kParts; p++) shift[p] += skip[i] * vec(x + i * kLanes)[p];
      for (int k = 0; k < kMixtures; k++)
        for (int p = 0; p < kParts; p++) vec(o + (4 + k) * kLanes)[p] += shift[p];
      if (task.outputs) memcpy(task.outputs + ((size_t)t * kBands + b) * kHeadOutputs * kLanes, o, sizeof(float) * kHeadOutputs * kLanes);
      const float* target = task.targets + ((size_t)t * kBands + b) * kLanes;
      const float* weight = task.weights + (size_t)(t / kStepsPerFrame) * kLanes;
      float* d = task.gradient ? dout + ((size_t)b * T + t) * kTile : nullptr;
      task.losses[b] += mixture_loss(o, target, weight, d);
      if (!d) continue;
      memset(d + kHeadOutputs * kLanes, 0, sizeof(float) * (kPaddedOutputs - kHeadOutputs) * kLanes);
      for (int p = 0; p < kParts; p++) {
        V m = V{};
        for (int k = 0; k < kMixtures; k++) m += vec(d + (4 + k) * kLanes)[p];
        vec(dmean + ((size_t)b * T + t) * kLanes)[p] = m;
      }
      alignas(64) float back[512 * kLanes];
      memset(back, 0, sizeof(float) * K * kLanes);
      output.backward(d, kTile, back);
      // du is stored by strip, [4K / 16][T][16][16], as accumulate_strip wants it.
      for (int i = 0; i < K; i++) {
        float* to = du + ((size_t)((b * K + i) / kBlock) * T + t) * kTile + (i % kBlock) * kLanes;
        for (int p = 0; p < kParts; p++) vec(to)[p] = select(vec(ub + i * kLanes)[p] > V{}, vec(back + i * kLanes)[p], V{});
      }
    }
  }

  void heads_backward() {
    const int K = shape.head;
    const Matrix hidden = matrix(kHeadHidden, K4, H);
    const size_t strip = (size_t)T * kTile;
    for (int t0 = 0; t0 < T; t0 += kStepsPerFrame) {
      for (int s = 0; s < K4 / kBlock; s++) accumulate(hidden, s, du + s * strip + (size_t)t0 * kTile, hs + h_stride * (t0 + 1), h_stride, kStepsPerFrame);
      for (int b = 0; b < kBands; b++) {
        dense(kHeadStep0 + b, K, D + b)
            .accumulate(du + (size_t)(b * K / kBlock) * strip + (size_t)t0 * kTile, strip, kTile, xe + x_stride * t0, x_stride, kStepsPerFrame);
        dense(kHeadOutput0 + b, kPaddedOutputs, K)
            .accumulate(dout + b * strip + (size_t)t0 * kTile, strip, kTile, u + (size_t)t0 * K4 * kLanes + (size_t)b * K * kLanes, (size_t)K4 * kLanes, kStepsPerFrame);
      }
    }
    for (int b = 0; b < kBands; b++) {
      float* skip = gradient(kHeadSkip0 + b);
      for (int i = 0; i < D + b; i++) {
        V acc[kParts] = {};
        for (int t = 0; t < T; t++)
          for (int p = 0; p < kParts; p++) acc[p] += vec(dmean + ((size_t)b * T + t) * kLanes)[p] * vec(xe + x_stride * t + i * kLanes)[p];
        skip[i] += lane_sum(vec(reinterpret_cast<float*>(acc)));
      }
      for (int t = 0; t < T; t++) add_lane_sums(gradient(kHeadOutputBias0 + b), dout + b * strip + (size_t)t * kTile, kHeadOutputs, kLanes);
    }
    float* bias = gradient(kHeadHiddenBias);
    for (int s = 0; s < K4 / kBlock; s++)
      for (int t = 0; t < T; t++) add_lane_sums(bias + s * kBlock, du + s * strip + (size_t)t * kTile, kBlock, kLanes);
  }

  void gru_backward() {
    const Matrix rr = matrix(kRecurrentReset, H, H), rz = matrix(kRecurrentUpdate, H, H), rn = matrix(kRecurrentCandidate, H, H);
    const Matrix ir = matrix(kInputReset, H, D), iz = matrix(kInputUpdate, H, D), in = matrix(kInputCandidate, H, D);
    const Matrix hidden = matrix(kHeadHidden, K4, H);
    const size_t strip = (size_t)kStepsPerFrame * kTile;
    memset(dh, 0, sizeof(float) * H * kLanes);
    memset(dgates, 0, sizeof(float) * (size_t)F * 3 * H * kLanes);
    for (int f = F - 1; f >= 0; f--) {
      for (int i = kStepsPerFrame - 1; i >= 0; i--) {
        const int t = f * kStepsPerFrame + i;
        for (int s = 0; s < K4 / kBlock; s++) backward(hidden, s, du + ((size_t)s * T + t) * kTile, dh);
        float* dg = dgates + (size_t)f * 3 * H * kLanes;
        for (int s = 0; s < H / kBlock; s++) {
          const size_t at = (size_t)s * kTile;
          const VM *rt = vec(r + h_stride * t + at), *zt = vec(z + h_stride * t + at), *nt = vec(n + h_stride * t + at), *qt = vec(q + h_stride * t + at),
                  *h = vec(hs + h_stride * t + at), *d = vec(dh + at);
          VM *d_r = vec(dr + s * strip + i * kTile), *d_z = vec(dz + s * strip + i * kTile), *d_n = vec(dn + s * strip + i * kTile), *d_q = vec(dq + s * strip + i * kTile);
          VM *g_r = vec(dg + at), *g_z = vec(dg + (size_t)H * kLanes + at), *g_n = vec(dg + (size_t)2 * H * kLanes + at);
          for (int k = 0; k < kBlock * kParts; k++) {
            const V dn_pre = d[k] * (1.f - zt[k]) * (1.f - nt[k] * nt[k]);
            const V dz_pre = d[k] * (h[k] - nt[k]) * zt[k] * (1.f - zt[k]);
            const V dr_pre = dn_pre * qt[k] * rt[k] * (1.f - rt[k]);
            d_n[k] = dn_pre;
            d_z[k] = dz_pre;
            d_r[k] = dr_pre;
            d_q[k] = dn_pre * rt[k];
            g_r[k] += dr_pre;
            g_z[k] += dz_pre;
            g_n[k] += dn_pre;
            vec(dh2 + at)[k] = d[k] * zt[k];
          }
        }
        for (int s = 0; s < H / kBlock; s++) {
          backward(rr, s, dr + s * strip + i * kTile, dh2);
          backward(rz, s, dz + s * strip + i * kTile, dh2);
          backward(rn, s, dq + s * strip + i * kTile, dh2);
        }
        float* swap = dh;
        dh = dh2;
        dh2 = swap;
      }
      const float *h = hs + h_stride * f * kStepsPerFrame, *x = xe + x_stride * f * kStepsPerFrame;
      for (int s = 0; s < H / kBlock; s++) {
        accumulate(rr, s, dr + s * strip, h, h_stride, kStepsPerFrame);
        accumulate(ir, s, dr + s * strip, x, x_stride, kStepsPerFrame);
        accumulate(rz, s, dz + s * strip, h, h_stride, kStepsPerFrame);
        accumulate(iz, s, dz + s * strip, x, x_stride, kStepsPerFrame);
        accumulate(rn, s, dq + s * strip, h, h_stride, kStepsPerFrame);
        accumulate(in, s, dn + s * strip, x, x_stride, kStepsPerFrame);
      }
    }
  }

  void run() {
    for (int b = 0; b < kBands; b++) task.losses[b] = 0;
    for (int t = 0; t < T; t++) {
      memcpy(xe + x_stride * t, task.inputs + (size_t)t * D * kLanes, sizeof(float) * D * kLanes);
      memcpy(xe + x_stride * t + D * kLanes, task.targets + (size_t)t * kBands * kLanes, sizeof(float) * (XE - D) * kLanes);
    }
    memcpy(hs, task.state, sizeof(float) * H * kLanes);
    conditioning();
    for (int t = 0; t < T; t++) {
      gru(t);
      heads(t);
    }
    memcpy(task.state, hs + h_stride * T, sizeof(float) * H * kLanes);
    if (!task.gradient) return;
    heads_backward();
    gru_backward();
    conditioning_backward();
  }
};

}  // namespace

void SW_RUN_TASK(Task& task, Workspace& workspace) { Pass(task, workspace).run(); }

}  // namespace sparsewave
