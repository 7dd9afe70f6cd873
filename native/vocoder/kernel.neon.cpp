// NEON: a block is four registers, 32 registers allow more partial sums.
#define SW_VECTOR 4
#define SW_STRIPS 4
#define SW_STREAMS 4
#define SW_PREFETCH 0
#define SW_KERNEL kNeon
#include "kernel.h"
