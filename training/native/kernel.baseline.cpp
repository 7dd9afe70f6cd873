// Whatever the compiler may assume of this architecture (SSE2 on x86-64, NEON on arm64): four registers a lane group.
#define SW_VECTOR 4
#define SW_ROWS 2
#define SW_COLUMNS 2
#define SW_GRADIENT_ROWS 4
#define SW_GRADIENT_COLUMNS 2
#define SW_PIN(v) (void)(v)
#define SW_RUN_TASK run_task_baseline
#define SW_RUN_PRODUCT run_product_baseline
#include "kernel.h"
