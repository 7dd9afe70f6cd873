// The most multiply-adds that one core makes with an ISA's registers: chains of independent sums, no memory. Compiled once per ISA as
// core.h is (SW_VECTOR, SW_PEAK). For benchmarks: what a kernel reaches is stated against it.
#include "peaks.h"

namespace sparsewave {
namespace {

typedef float P __attribute__((vector_size(SW_VECTOR * 4)));
// Enough chains to hide a latency of 4 at two a cycle.
constexpr int kChains = 10;

double peak(int64_t rounds) {
  P sum[kChains], a = {}, b = {};
  for (int i = 0; i < SW_VECTOR; i++) a[i] = 0.999f, b[i] = 0.001f * (i + 1);
  for (int c = 0; c < kChains; c++) sum[c] = b * (float)c;
  // Opaque to the compiler, which would otherwise compute the end of the chains.
  asm volatile("" : "+m"(a), "+m"(b));
  const P x = a, y = b;
  for (int64_t i = 0; i < rounds; i++) {
    for (int c = 0; c < kChains; c++) sum[c] = sum[c] * x + y;
  }
  double total = 0;
  for (int c = 0; c < kChains; c++)
    for (int i = 0; i < SW_VECTOR; i++) total += sum[c][i];
  return total;
}

}  // namespace

// Rounds of kChains * SW_VECTOR multiply-adds.
const Peak SW_PEAK = {peak, kChains * SW_VECTOR};

}  // namespace sparsewave
