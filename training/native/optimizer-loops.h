// Plain loops that the compiler vectorises, compiled once per instruction set (optimizer.<isa>.cpp sets SW_ADAM and SW_SUM); the norm is summed in a fixed
// order in double precision. Products and sums are rounded one by one, so that every ISA gives the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "optimizer.h"

#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

namespace sparsewave {

double SW_ADAM(float* parameters, const float* gradient, float* first, float* second, float* average, size_t n, const AdamOptions& o) {
  double partial[16] = {};
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int k = 0; k < 16; k++) partial[k] += (double)gradient[i + k] * gradient[i + k];
  double sum = 0;
  for (; i < n; i++) sum += (double)gradient[i] * gradient[i];
  for (double p : partial) sum += p;
  const double norm = std::sqrt(sum);
  if (!std::isfinite(norm)) return norm;
  const float scale = (float)(o.clip > 0 && norm > o.clip ? o.clip / norm : 1);
  const float b1 = (float)o.beta1, b2 = (float)o.beta2, e = (float)o.epsilon, keep = (float)o.average;
  const float rate = (float)(o.rate / (1 - std::pow(o.beta1, o.step)));
  const float bias2 = (float)(1 / (1 - std::pow(o.beta2, o.step)));
  for (size_t k = 0; k < n; k++) {
    const float g = gradient[k] * scale;
    const float m = b1 * first[k] + (1 - b1) * g;
    const float v = b2 * second[k] + (1 - b2) * g * g;
    first[k] = m;
    second[k] = v;
    const float p = parameters[k] - rate * m / (std::sqrt(v * bias2) + e);
    parameters[k] = p;
    average[k] = keep * average[k] + (1 - keep) * p;
  }
  return norm;
}

void SW_SUM(const std::vector<float*>& gradients, size_t n, float scale, float* to) {
  constexpr size_t kPart = 2048;  // stays in the first-level cache
  for (size_t from = 0; from < n; from += kPart) {
    const size_t count = std::min(kPart, n - from);
    float sum[kPart];
    memcpy(sum, gradients[0] + from, count * sizeof(float));
    for (size_t i = 1; i < gradients.size(); i++) {
      const float* g = gradients[i] + from;
      for (size_t k = 0; k < count; k++) sum[k] += g[k];
    }
    for (size_t k = 0; k < count; k++) to[from + k] = sum[k] * scale;
  }
}

}  // namespace sparsewave
