// Loops that measure the machine, one per ISA (peak.h).
#pragma once
#include <cstdint>

namespace sparsewave::vocoder {

struct Peak {
  // Return a sum, so that nothing is left out.
  double (*run)(int64_t rounds);
  double (*run_integer)(int64_t rounds);
  int macs_a_round;
};
extern const Peak kPeakBaseline, kPeakAvx2, kPeakAvx512, kPeakNeon;

// Of 8-bit integers, four times the multiply-adds a round.
double peak_int8_avx512(int64_t rounds);

}  // namespace sparsewave::vocoder
