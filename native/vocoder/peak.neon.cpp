// The peak loops of this instruction set.
#define SW_VECTOR 4
#define SW_PEAK kPeakNeon
#include "peak-loop.h"
