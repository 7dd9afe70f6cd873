// Plain loops that the compiler vectorises; the norm is summed in a fixed order in double precision.
#include "optimizer.h"

#include <cmath>

namespace sparsewave {

double adam_update(float* parameters, const float* gradient, float* first, float* second, float* average, size_t n, const AdamOptions& o) {
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

}  // namespace sparsewave
