// AVX2 + FMA: a lane group is two registers; tiles sized for 16 registers.
#define SW_VECTOR 8
#define SW_ROWS 4
#define SW_COLUMNS 6
#define SW_GRADIENT_ROWS 4
#define SW_GRADIENT_COLUMNS 3
#define SW_PIN(v) asm("" : "+x"(v))
#define SW_RUN_TASK run_task_avx2
#define SW_RUN_PRODUCT run_product_avx2
#include "kernel.h"
