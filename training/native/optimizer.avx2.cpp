// The optimizer of this instruction set.
#define SW_ADAM adam_update_avx2
#define SW_SUM sum_gradients_avx2
#include "optimizer-loops.h"
