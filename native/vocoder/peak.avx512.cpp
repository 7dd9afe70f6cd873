// The peak loops of this instruction set.
#define SW_VECTOR 16
#define SW_PEAK kPeakAvx512
#include "peak-loop.h"
