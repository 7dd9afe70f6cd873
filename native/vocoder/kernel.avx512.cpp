// AVX-512: a block is one register.
#define SW_VECTOR 16
#define SW_STRIPS 8
#define SW_STREAMS 12
#define SW_PREFETCH 32
#define SW_KERNEL kAvx512
#include "kernel.h"
