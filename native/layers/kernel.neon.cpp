// NEON.
#define SW_VECTOR 4
#define SW_ROWS 12
#define SW_KERNEL kNeon
#include "kernel.h"
