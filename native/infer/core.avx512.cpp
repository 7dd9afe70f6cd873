// AVX-512: a block is one register.
#define SW_VECTOR 16
#define SW_UNROLL 4
#define SW_KERNEL kAvx512
#include "core.h"
