// The peak loops of this instruction set.
#define SW_VECTOR 8
#define SW_PEAK kPeakAvx2
#include "peak-loop.h"
