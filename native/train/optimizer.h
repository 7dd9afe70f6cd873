// Adam (Kingma & Ba 2015) with global-norm clipping and an exponential moving average of the weights.
#pragma once
#include <cstddef>

namespace sparsewave {

struct AdamOptions {
  double rate, beta1, beta2, epsilon, clip, average;
  double step;  // 1 for the first update
};

// Updates n parameters in place; returns the gradient's norm before clipping. Not finite: nothing is changed.
double adam_update(float* parameters, const float* gradient, float* first, float* second, float* average, size_t n, const AdamOptions&);

}  // namespace sparsewave
