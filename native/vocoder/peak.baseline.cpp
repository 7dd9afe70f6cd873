// The peak loops of this instruction set.
#define SW_VECTOR 4
#define SW_PEAK kPeakBaseline
#include "peak-loop.h"
