// NEON.
#define SW_VECTOR 4
#define SW_KERNEL kNeon
#include "kernel.h"
