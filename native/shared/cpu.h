// What the CPU has and the system allows: the compiler's run-time checks read CPUID and XGETBV.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sparsewave {

#if defined(__x86_64__)
inline bool has_avx512() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"); }
inline bool has_avx512_bytes() { return has_avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi"); }
// AMX tiles of bf16 beside AVX-512. Compilers of 2022 do not know the names yet; Linux lets a process use the tiles' registers once it
// has asked (arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA), and its threads then need not.
inline bool has_amx() {
#if defined(__linux__)
  static const bool found = [] {
    unsigned a, b, c, d, high, low;
    if (!has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !(d >> 22 & 1)) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return false;
    asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3) == 3 && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
  }();
  return found;
#else
  return false;
#endif
}
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

}  // namespace sparsewave
