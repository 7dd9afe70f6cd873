// AVX2 + FMA: a block is two registers.
#define SW_VECTOR 8
#define SW_UNROLL 4
#define SW_KERNEL kAvx2
#include "core.h"
