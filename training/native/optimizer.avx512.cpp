// The optimizer of this instruction set.
#define SW_ADAM adam_update_avx512
#define SW_SUM sum_gradients_avx512
#include "optimizer-loops.h"
