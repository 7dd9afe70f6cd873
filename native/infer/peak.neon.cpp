#define SW_VECTOR 4
#define SW_PEAK kPeakNeon
#include "peak.h"
