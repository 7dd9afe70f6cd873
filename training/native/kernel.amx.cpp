// AVX-512, products in AMX tiles of bf16.
#define SW_VECTOR 16
#define SW_TILES
#define SW_RUN_TASK run_task_amx
#include "kernel.h"
