// Where a step's time goes, for benchmarks: ticks of a clock by part. A model that is not timed pays one predictable branch a part.
#pragma once
#include <cstdint>
#if !defined(__x86_64__) && !defined(__aarch64__)
#include <chrono>
#endif

namespace sparsewave::vocoder {

// Moving states between streams and lanes; inputs; products with blocks; gate functions; heads; draws; filter bank.
enum Part { kStates, kInputs, kBlocks, kGates, kHeads, kSampling, kFilterBank, kPartCount };

struct Stopwatch {
  bool on = false;
  uint64_t last = 0, ticks[kPartCount] = {};

  inline __attribute__((always_inline)) static uint64_t now() {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t t;
    asm volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    return (uint64_t)std::chrono::steady_clock::now().time_since_epoch().count();
#endif
  }
  inline __attribute__((always_inline)) void start() {
    if (__builtin_expect(on, 0)) last = now();
  }
  // What passed since the last call was `part`.
  inline __attribute__((always_inline)) void lap(Part part) {
    if (__builtin_expect(on, 0)) {
      const uint64_t t = now();
      ticks[part] += t - last;
      last = t;
    }
  }
};

}  // namespace sparsewave::vocoder
