// The layers without Node, against plain sums in double precision: for sanitizers and for emulated CPUs.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "kernels.h"
#include "layers.h"

using namespace sparsewave::layers;

namespace {

std::mt19937 generator(7);
std::vector<float> normals(size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> v(count);
  for (float& x : v) x = normal(generator);
  return v;
}

// Largest error of a product, relative to the size of its values.
double product_error(const Kernel& kernel, int rows, int channels, int n, int width) {
  const int k = width * channels, made = rows - width + 1;
  const auto x = normals((size_t)rows * channels), weight = normals((size_t)k * n), bias = normals(n), residual = normals((size_t)made * n);
  const Matrix m(weight.data(), bias.data(), k, n, kernel.panel);
  // Exactly as much as is promised to be readable.
  std::vector<int16_t> q((size_t)rows * channels + 1);
  const float step = kernel.quantize(x.data(), x.size(), q.data());
  std::vector<float> out((size_t)made * n);
  kernel.product(m, q.data(), channels, made, step, kRelu, residual.data(), out.data());
  double worst = 0;
  for (int r = 0; r < made; r++)
    for (int j = 0; j < n; j++) {
      double sum = bias[j];
      for (int i = 0; i < k; i++) sum += (double)x[(size_t)r * channels + i] * weight[(size_t)i * n + j];
      const double error = std::fabs(out[(size_t)r * n + j] - (std::fmax(0, sum) + residual[(size_t)r * n + j])) / std::sqrt(k);
      if (!(error <= worst)) worst = error;
    }
  return worst;
}

double norm_error(const Kernel& kernel, int rows, int channels) {
  const auto x = normals((size_t)rows * channels), scale = normals(channels), shift = normals(channels);
  std::vector<float> out(x.size());
  kernel.norm(x.data(), rows, channels, 1e-5f, scale.data(), shift.data(), out.data());
  double worst = 0;
  for (int r = 0; r < rows; r++) {
    const float* row = &x[(size_t)r * channels];
    double mean = 0, variance = 0;
    for (int c = 0; c < channels; c++) mean += row[c] / (double)channels;
    for (int c = 0; c < channels; c++) variance += (row[c] - mean) * (row[c] - mean) / channels;
    for (int c = 0; c < channels; c++) {
      const double error = std::fabs(out[(size_t)r * channels + c] - ((row[c] - mean) / std::sqrt(variance + 1e-5) * scale[c] + shift[c]));
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

double attention_error(const Kernel& kernel, int rows, int channels, int heads) {
  const int width = channels / heads;
  const auto qkv = normals((size_t)rows * 3 * channels);
  Aligned<float> scratch = aligned<float>(attention_scratch(rows, width));
  std::vector<float> out((size_t)rows * channels);
  kernel.attention(qkv.data(), rows, channels, heads, scratch.get(), out.data());
  double worst = 0;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < channels; c++) {
      double sum = 0, mixed = 0;
      for (int j = 0; j < rows; j++) {
        double score = 0;
        for (int d = c / width * width; d < c / width * width + width; d++) score += (double)qkv[(size_t)r * 3 * channels + d] * qkv[((size_t)j * 3 + 1) * channels + d];
        const double weight = std::exp(score / std::sqrt(width));
        sum += weight;
        mixed += weight * qkv[((size_t)j * 3 + 2) * channels + c];
      }
      const double error = std::fabs(out[(size_t)r * channels + c] - mixed / sum);
      if (!(error <= worst)) worst = error;
    }
  return worst;
}

}  // namespace

int main() {
  const Kernel* const all[] = SW_KERNELS;
  bool good = true;
  std::vector<Named<Kernel>> kernels = supported(all);
#if defined(__x86_64__)
  if (sparsewave::has_avx512_bytes()) kernels.push_back({"avx512vnni", &kAvx512Vnni});
#endif
  for (const Named<Kernel>& k : kernels) {
    double product = 0, norm = 0, attention = 0;
    for (const auto& s : {std::vector<int>{1, 1, 1, 1}, {3, 3, 7, 1}, {9, 7, 33, 3}, {21, 12, 64, 5}, {33, 96, 96, 5}}) product = std::fmax(product, product_error(*k.kernel, s[0], s[1], s[2], s[3]));
    for (int channels : {1, 5, 16, 195}) norm = std::fmax(norm, norm_error(*k.kernel, 3, channels));
    for (const auto& s : {std::vector<int>{1, 4, 1}, {7, 12, 4}, {33, 96, 2}}) attention = std::fmax(attention, attention_error(*k.kernel, s[0], s[1], s[2]));
    const bool ok = product < 5e-3 && norm < 2e-5 && attention < 2e-5;
    printf("%s layers %s: products within %.1e of their size, normalisation %.1e, attention %.1e\n", ok ? "ok" : "FAILED", k.name, product, norm, attention);
    good &= ok;
  }
  return good ? 0 : 1;
}
