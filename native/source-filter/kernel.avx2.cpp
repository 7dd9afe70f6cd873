// AVX2 + FMA.
#define SW_VECTOR 8
#define SW_KERNEL kAvx2
#include "kernel.h"
