// The kernels of a part that this CPU can run: supported(all) of `const Kernel* const all[] = SW_KERNELS;`.
#pragma once
#include <vector>

#include "isas.h"

template <class Kernel>
struct Named {
  const char* name;
  const Kernel* kernel;
};

template <class Kernel, size_t N>
std::vector<Named<Kernel>> supported(const Kernel* const (&kernels)[N]) {
  static_assert(N == sparsewave::kIsaCount, "one kernel for each instruction set");
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  std::vector<Named<Kernel>> found;
  for (size_t i = 0; i < N; i++)
    if (sparsewave::kIsas[i].supported()) found.push_back({sparsewave::kIsas[i].name, kernels[i]});
  return found;
}
