// The instruction sets that kernels are compiled for, fastest first; src/kernels/isas.ts has the same names. Each has files of its own,
// NAME.ISA.cpp, which define that set's kernel: kAvx512, kAvx2, kNeon, kBaseline.
#pragma once
#include "cpu.h"

namespace sparsewave {

inline bool has_baseline() { return true; }
#if defined(__aarch64__)
inline bool has_neon() { return true; }
#endif

// SW_EACH_ISA(X): X(name, kernel, supported) for each set of this architecture.
#if defined(__x86_64__)
#define SW_EACH_ISA(X) X("avx512", kAvx512, has_avx512) X("avx2", kAvx2, has_avx2) X("baseline", kBaseline, has_baseline)
#elif defined(__aarch64__)
#define SW_EACH_ISA(X) X("neon", kNeon, has_neon) X("baseline", kBaseline, has_baseline)
#else
#define SW_EACH_ISA(X) X("baseline", kBaseline, has_baseline)
#endif

struct Isa {
  const char* name;
  bool (*supported)();
};
#define SW_ISA(name, kernel, supported) {name, supported},
constexpr Isa kIsas[] = {SW_EACH_ISA(SW_ISA)};
#undef SW_ISA
constexpr int kIsaCount = sizeof(kIsas) / sizeof(kIsas[0]);

// Initializer of an array of a part's kernels in the order of kIsas; expand it where that part's names are in scope.
#define SW_KERNEL_POINTER(name, kernel, supported) &kernel,
#define SW_KERNELS {SW_EACH_ISA(SW_KERNEL_POINTER)}

}  // namespace sparsewave
