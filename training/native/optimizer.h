// Adam (Kingma & Ba 2015) with global-norm clipping and an exponential moving average of the weights.
#pragma once
#include <cstddef>
#include <vector>

namespace sparsewave {

struct AdamOptions {
  double rate, beta1, beta2, epsilon, clip, average;
  double step;  // 1 for the first update
};

// One per ISA; the results are the same.
// Updates n parameters in place; returns the gradient's norm before clipping. Not finite: nothing is changed.
using Adam = double (*)(float* parameters, const float* gradient, float* first, float* second, float* average, size_t n, const AdamOptions&);
double adam_update_baseline(float*, const float*, float*, float*, float*, size_t, const AdamOptions&);
double adam_update_avx2(float*, const float*, float*, float*, float*, size_t, const AdamOptions&);
double adam_update_avx512(float*, const float*, float*, float*, float*, size_t, const AdamOptions&);

// to[n] = scale times the sum of the gradients, in their order.
using Sum = void (*)(const std::vector<float*>& gradients, size_t n, float scale, float* to);
void sum_gradients_baseline(const std::vector<float*>&, size_t, float, float*);
void sum_gradients_avx2(const std::vector<float*>&, size_t, float, float*);
void sum_gradients_avx512(const std::vector<float*>&, size_t, float, float*);

}  // namespace sparsewave
