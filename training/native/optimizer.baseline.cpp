// The optimizer of this instruction set.
#define SW_ADAM adam_update_baseline
#define SW_SUM sum_gradients_baseline
#include "optimizer-loops.h"
