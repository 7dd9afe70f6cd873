// Weights of floats to panels of integers.
#include <algorithm>
#include <cmath>

#include "layers.h"

namespace sparsewave::layers {

Matrix::Matrix(const float* weight, const float* b, int k_, int n_, int panel_)
    : k(k_), n(n_), pairs((k_ + 1) / 2), panel(panel_), panels((n_ + panel_ - 1) / panel_),
      packed(aligned<int16_t>((size_t)panels * pairs * 2 * panel)), step(aligned<float>((size_t)panels * panel)), bias(aligned<float>((size_t)panels * panel)) {
  for (int j = 0; j < n; j++) {
    double most = 0, sum = 0;
    for (int i = 0; i < k; i++) {
      const double size = std::fabs(weight[(size_t)i * n + j]);
      most = std::max(most, size);
      sum += size;
    }
    // Rounding adds at most half of k to the column's sum.
    const double scale = most > 0 ? std::min(32767 / most, (kMostWeight - k / 2 - 1) / sum) : 1;
    int16_t* column = packed.get() + (size_t)(j / panel) * pairs * 2 * panel + j % panel * 2;
    for (int i = 0; i < k; i++) column[(size_t)(i / 2) * 2 * panel + i % 2] = (int16_t)std::lrint(weight[(size_t)i * n + j] * scale);
    step[j] = (float)(1 / scale);
    bias[j] = b[j];
  }
}

}  // namespace sparsewave::layers
