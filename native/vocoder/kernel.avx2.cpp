// AVX2 + FMA: a block is two registers.
#define SW_VECTOR 8
#define SW_STRIPS 4
#define SW_STREAMS 6
#define SW_PREFETCH 0
#define SW_KERNEL kAvx2
#include "kernel.h"
