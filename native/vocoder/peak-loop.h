// The most multiply-adds that one core makes with an ISA's registers: chains of independent sums, no memory. Compiled once per ISA as
// kernel.h is (SW_VECTOR, SW_PEAK). For benchmarks: what a kernel reaches is stated against it.
#include "peak.h"
#include "simd.h"

namespace sparsewave::vocoder {
namespace {

// Enough chains to hide a latency of 4 at two a cycle.
constexpr int kChains = 10;

double peak(int64_t rounds) {
  V sum[kChains], a = {}, b = {};
  for (int i = 0; i < SW_VECTOR; i++) a[i] = 0.999f, b[i] = 0.001f * (i + 1);
  for (int c = 0; c < kChains; c++) sum[c] = b * (float)c;
  // Opaque to the compiler, which would otherwise compute the end of the chains.
  asm volatile("" : "+m"(a), "+m"(b));
  const V x = a, y = b;
  for (int64_t i = 0; i < rounds; i++) {
    for (int c = 0; c < kChains; c++) sum[c] = sum[c] * x + y;
  }
  double total = 0;
  for (int c = 0; c < kChains; c++)
    for (int i = 0; i < SW_VECTOR; i++) total += sum[c][i];
  return total;
}

// 16-bit integers, sums in 32 bits.
double integer_peak(int64_t rounds) {
  typedef uint32_t U __attribute__((vector_size(SW_VECTOR * 4)));
  VI sum[kChains], a = {};
  U b = {};
  for (int i = 0; i < SW_VECTOR; i++) a[i] = 0x10003 + i, b[i] = 0x50007 * (i + 1);
  for (int c = 0; c < kChains; c++) sum[c] = a + c;
  asm volatile("" : "+m"(a), "+m"(b));
  const VI x = a;
  const U y = b;
  for (int64_t i = 0; i < rounds; i++) {
    // Sums wrap around.
    for (int c = 0; c < kChains; c++) sum[c] = reinterpret_cast<VI>(reinterpret_cast<U>(multiply_pairs(sum[c], x)) + y);
  }
  double total = 0;
  for (int c = 0; c < kChains; c++)
    for (int i = 0; i < SW_VECTOR; i++) total += sum[c][i];
  return total;
}

}  // namespace

// Rounds of kChains * SW_VECTOR multiply-adds, of integers twice as many.
const Peak SW_PEAK = {peak, integer_peak, kChains * SW_VECTOR};

}  // namespace sparsewave::vocoder
