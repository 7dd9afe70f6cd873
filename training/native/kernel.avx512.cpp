// AVX-512: a lane group is one register; 16 accumulators a strip.
#define SW_VECTOR 16
#define SW_ROWS 16
#define SW_COLUMNS 16
#define SW_GRADIENT_ROWS 8
#define SW_GRADIENT_COLUMNS 3
#define SW_PIN(v) asm("" : "+v"(v))
#define SW_RUN_TASK run_task_avx512
#define SW_RUN_PRODUCT run_product_avx512
#include "kernel.h"
