// The kernels of source-filter synthesis or of the layers that this CPU can run: `const Named<Kernel> all[] = SW_KERNELS;` where their names are in scope.
#pragma once
#include "cpu.h"

template <class Kernel>
struct Named {
  const char* name;
  const Kernel* kernel;
  bool supported;
};

#if defined(__x86_64__)
#define SW_KERNELS {{"avx512", &kAvx512, sparsewave::has_avx512()}, {"avx2", &kAvx2, sparsewave::has_avx2()}, {"baseline", &kBaseline, true}}
#elif defined(__aarch64__)
#define SW_KERNELS {{"neon", &kNeon, true}, {"baseline", &kBaseline, true}}
#else
#define SW_KERNELS {{"baseline", &kBaseline, true}}
#endif
