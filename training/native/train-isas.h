// The instruction sets of training, fastest first; the last one runs anywhere.
#pragma once
#include "cpu.h"
#include "net.h"
#include "optimizer.h"

namespace sparsewave {

struct Isa {
  const char* name;
  RunTask run;
  RunProduct product;
  Adam adam;
  Sum sum;
  bool (*supported)();
};

const Isa kIsas[] = {
#if defined(__x86_64__)
#if !defined(SW_WITHOUT_AMX)
    // Single products are of tasks that are also run on other engines, and compared: they stay in single precision.
    {"amx", run_task_amx, run_product_avx512, adam_update_avx512, sum_gradients_avx512, has_amx},
#endif
    {"avx512", run_task_avx512, run_product_avx512, adam_update_avx512, sum_gradients_avx512, has_avx512},
    {"avx2", run_task_avx2, run_product_avx2, adam_update_avx2, sum_gradients_avx2, has_avx2},
#endif
    {"baseline", run_task_baseline, run_product_baseline, adam_update_baseline, sum_gradients_baseline, [] { return true; }},
};

}  // namespace sparsewave
