// The kernels that this CPU can run; the same list as the binding's.
#pragma once
#include "cpu.h"
#include "model.h"

namespace sparsewave {

struct NamedKernel {
  const char* name;
  const Kernel* kernel;
  bool supported;
  bool bytes = false;  // takes models in int8, and no others
};

inline const NamedKernel* kernels(int* count) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const NamedKernel all[] = {
      {"avx512", &kAvx512, has_avx512()},
      {"avx512", &kInt8Avx512, has_avx512_bytes(), true},
      {"avx2", &kAvx2, has_avx2()},
      {"baseline", &kBaseline, true}};
#elif defined(__aarch64__)
  static const NamedKernel all[] = {{"neon", &kNeon, true}, {"baseline", &kBaseline, true}};
#else
  static const NamedKernel all[] = {{"baseline", &kBaseline, true}};
#endif
  *count = sizeof(all) / sizeof(all[0]);
  return all;
}

}  // namespace sparsewave
