// Training passes without Node, in memory of exactly the promised sizes: for sanitizers and for emulated CPUs. The baseline is held against finite
// differences of its own losses along a direction, the other ISAs against the baseline.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <new>
#include <random>
#include <vector>

#include "train-isas.h"

namespace sparsewave {

constexpr std::align_val_t kLineBytes{64};
float* Workspace::reserve(size_t floats) {
  ::operator delete[](data, kLineBytes);
  data = static_cast<float*>(::operator new[](floats * sizeof(float), kLineBytes));
  capacity = floats;
  // A pass may not count on what it finds.
  for (size_t i = 0; i < floats; i++) data[i] = NAN;
  return data;
}
Workspace::~Workspace() { ::operator delete[](data, kLineBytes); }

}  // namespace sparsewave

using namespace sparsewave;

namespace {

std::mt19937 generator(3);
std::vector<float> normals(size_t count, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> v(count);
  for (float& x : v) x = normal(generator);
  return v;
}

struct Case {
  Shape shape{};
  int steps = 60;
  std::vector<float> parameters, examples, frames, weights, state;
  std::vector<std::vector<uint16_t>> columns;
  int kept[kMasked];

  Case(int hidden, int head, int conditioning, int inputs_count, int features) {
    const int H = hidden, K = head, C = conditioning, D = inputs_count;
    shape.hidden = H, shape.head = K, shape.conditioning = C, shape.inputs = D, shape.features = features;
    std::vector<int64_t> sizes(kSegments);
    for (int g = 0; g < 3; g++) sizes[kRecurrentReset + g] = H * H, sizes[kInputReset + g] = H * D;
    sizes[kHeadHidden] = kBands * K * H, sizes[kHeadHiddenBias] = kBands * K;
    for (int b = 0; b < kBands; b++) sizes[kHeadStep0 + b] = K * (D + b), sizes[kHeadOutput0 + b] = kPaddedOutputs * K, sizes[kHeadOutputBias0 + b] = kPaddedOutputs, sizes[kHeadSkip0 + b] = D + b;
    sizes[kConditioning0] = C * features, sizes[kConditioning1] = 3 * C * C, sizes[kConditioning2] = 3 * H * C;
    sizes[kConditioningBias0] = sizes[kConditioningBias1] = C, sizes[kConditioningBias2] = 3 * H;
    for (int i = 0; i < kSegments; i++) shape.offset[i] = shape.size, shape.size += sizes[i];
    parameters = normals(shape.size, 0.1f);
    examples = normals((size_t)steps * (D + kBands) * kLanes);
    frames = normals((size_t)(steps / kStepsPerFrame + 2) * features * kLanes);
    weights.assign((size_t)steps / kStepsPerFrame * kLanes, 1.f);
    state = normals((size_t)H * kLanes, 0.3f);
    const int rows[kMasked] = {H, H, H, H, H, H, kBands * K}, width[kMasked] = {H, H, H, D, D, D, H};
    for (int m = 0; m < kMasked; m++) {
      // From one block to all of them.
      kept[m] = 1 + (width[m] - 1) * m / (kMasked - 1);
      std::vector<uint16_t> list;
      for (int s = 0; s < rows[m] / kBlock; s++) {
        std::vector<uint16_t> all(width[m]);
        for (int j = 0; j < width[m]; j++) all[j] = (uint16_t)j;
        std::shuffle(all.begin(), all.end(), generator);
        std::sort(all.begin(), all.begin() + kept[m]);
        list.insert(list.end(), all.begin(), all.begin() + kept[m]);
      }
      columns.push_back(list);
    }
  }

  struct Result {
    double loss;
    std::vector<float> gradient, state, outputs;
  };
  Result run(const Isa& isa, bool dense, const std::vector<float>& with) const {
    Result r{0, std::vector<float>(shape.size), state, std::vector<float>((size_t)steps * kBands * kHeadOutputs * kLanes)};
    Task t{};
    t.shape = &shape, t.parameters = with.data(), t.steps = steps, t.examples = examples.data(), t.frames = frames.data(), t.weights = weights.data();
    for (int m = 0; m < kMasked; m++) t.masks[m] = {columns[m].data(), kept[m]};
    t.state = r.state.data(), t.gradient = r.gradient.data(), t.dense_gradient = dense, t.outputs = r.outputs.data();
    Workspace workspace;
    isa.run(t, workspace);
    for (double loss : t.losses) r.loss += loss;
    return r;
  }
};

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++) sum += (double)a[i] * b[i];
  return sum;
}

double worst(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); i++) {
    const double d = std::fabs((double)a[i] - b[i]);
    if (!(d <= most)) most = d;
  }
  return most;
}

bool report(bool ok, const char* name, const char* what, double a, double b = NAN) {
  printf("%s train %s: %s %.1e", ok ? "ok" : "FAILED", name, what, a);
  if (!std::isnan(b)) printf(", %.1e", b);
  printf("\n");
  return ok;
}

bool check_products(const Isa& isa, const Isa& baseline) {
  const int strips = 3, columns = 21, groups = 5, kept = 7;
  auto weights = normals((size_t)strips * columns * kBlock);
  auto x = normals((size_t)groups * columns * kLanes), y = normals((size_t)groups * strips * kBlock * kLanes);
  std::vector<uint16_t> list;
  for (int s = 0; s < strips; s++)
    for (int j = 0; j < kept; j++) list.push_back((uint16_t)(3 * j + s));
  double most = 0;
  for (ProductKind kind : {kForward, kBackward, kAccumulate}) {
    std::vector<float> results[2];
    for (int i = 0; i < 2; i++) {
      auto w = weights, xi = x, yi = y;
      Workspace workspace;
      (i ? isa : baseline).product({kind, w.data(), w.data(), {list.data(), kept}, strips, columns, groups, xi.data(), yi.data()}, workspace);
      results[i] = kind == kForward ? yi : kind == kBackward ? xi : w;
    }
    most = std::fmax(most, worst(results[0], results[1]));
  }
  return report(most < 1e-4, isa.name, "single products within", most);
}

bool check_adam(const Isa& isa, const Isa& baseline) {
  const size_t n = 1003;
  const auto start = normals(n), gradient = normals(n), other = normals(n);
  std::vector<float> results[2];
  for (int i = 0; i < 2; i++) {
    const Isa& by = i ? isa : baseline;
    auto p = start, summed = start, first = std::vector<float>(n), second = first, average = start;
    auto a = gradient, b = other;
    by.sum({a.data(), b.data()}, n, 0.25f, summed.data());
    by.adam(p.data(), summed.data(), first.data(), second.data(), average.data(), n, {1e-3, 0.9, 0.99, 1e-8, 1, 0.9, 1});
    results[i] = p;
    results[i].insert(results[i].end(), average.begin(), average.end());
  }
  return report(results[0] == results[1], isa.name, "Adam as the baseline's; other bits, and moved by", worst(results[1], results[0]), worst(results[1], [&] {
                  auto twice = start;
                  twice.insert(twice.end(), start.begin(), start.end());
                  return twice;
                }()));
}

}  // namespace

int main() {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const Isa& baseline = *(std::end(kIsas) - 1);
  bool good = true;
  for (const Case& c : {Case(16, 16, 16, 5, 3), Case(80, 32, 48, 50, 66)}) {
    const auto want = c.run(baseline, false, c.parameters), grown = c.run(baseline, true, c.parameters);
    const auto direction = normals(c.shape.size);
    auto ahead = c.parameters, behind = c.parameters;
    const float step = 1e-3f;
    // Dropped blocks do not take part in the sparse net.
    for (size_t i = 0; i < ahead.size(); i++) ahead[i] += step * direction[i], behind[i] -= step * direction[i];
    const double slope = (c.run(baseline, false, ahead).loss - c.run(baseline, false, behind).loss) / (2 * step), expected = dot(want.gradient, direction);
    good &= report(std::fabs(slope / expected - 1) < 0.02, baseline.name, "slope of the loss and the gradient's", slope, expected);
    for (const Isa& isa : kIsas) {
      if (!isa.supported()) continue;
      // Products in bf16.
      const bool rounded = !strcmp(isa.name, "amx");
      const auto got = c.run(isa, false, c.parameters), dense = c.run(isa, true, c.parameters);
      const double near = rounded ? 0.1 : 1e-4;
      const double outputs = worst(got.outputs, want.outputs), states = worst(got.state, want.state);
      good &= report(outputs < near && states < near && std::fabs(got.loss / want.loss - 1) < near * near + 1e-6, isa.name, "outputs and states within", outputs, states);
      const double turned = 1 - dot(got.gradient, want.gradient) / std::sqrt(dot(got.gradient, got.gradient) * dot(want.gradient, want.gradient));
      const double turned_dense = 1 - dot(dense.gradient, grown.gradient) / std::sqrt(dot(dense.gradient, dense.gradient) * dot(grown.gradient, grown.gradient));
      const double most = rounded ? 1e-3 : 1e-8;
      good &= report(turned < most && turned_dense < most, isa.name, "gradient and dense gradient turned by", turned, turned_dense);
    }
  }
  for (const Isa& isa : kIsas)
    if (isa.supported()) good &= check_products(isa, baseline), good &= check_adam(isa, baseline);
  return good ? 0 : 1;
}
