// Loops that measure the machine, one per ISA (peak.h).
#pragma once
#include <cstdint>

namespace sparsewave {

struct Peak {
  // Returns a sum, so that nothing is left out.
  double (*run)(int64_t rounds);
  int macs_a_round;
};
extern const Peak kPeakBaseline, kPeakAvx2, kPeakAvx512, kPeakNeon;

}  // namespace sparsewave
