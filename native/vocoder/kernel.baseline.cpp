// What every CPU of this architecture has (SSE2 on x86-64, NEON on arm64): a block is four registers.
#define SW_VECTOR 4
#define SW_STRIPS 2
#define SW_STREAMS 2
#define SW_PREFETCH 0
#define SW_KERNEL kBaseline
#include "kernel.h"
