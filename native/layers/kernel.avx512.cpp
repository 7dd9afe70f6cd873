// AVX-512.
#define SW_VECTOR 16
#define SW_ROWS 12
#define SW_KERNEL kAvx512
#include "kernel.h"
