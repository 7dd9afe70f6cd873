#define SW_VECTOR 4
#define SW_PEAK kPeakBaseline
#include "peak.h"
