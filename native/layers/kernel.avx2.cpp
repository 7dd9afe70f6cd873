// AVX2 + FMA.
#define SW_VECTOR 8
#define SW_ROWS 6
#define SW_KERNEL kAvx2
#include "kernel.h"
