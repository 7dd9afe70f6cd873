// What every CPU of this architecture has.
#define SW_VECTOR 4
#define SW_ROWS 6
#define SW_KERNEL kBaseline
#include "kernel.h"
