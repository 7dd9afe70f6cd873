// AVX-512 whose multiplication of pairs adds to the sum in the same instruction (vpdpwssd).
#define SW_VECTOR 16
#define SW_ROWS 12
#define SW_KERNEL kAvx512Vnni
#include "kernel.h"
