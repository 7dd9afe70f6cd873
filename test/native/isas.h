// The kernels that this CPU can run; the same list as the binding's.
#pragma once
#include "model.h"

namespace sparsewave {

struct NamedKernel {
  const char* name;
  const Kernel* kernel;
  bool supported;
};

inline const NamedKernel* kernels(int* count) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const NamedKernel all[] = {
      {"avx512", &kAvx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")},
      {"avx2", &kAvx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
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
