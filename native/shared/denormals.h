// Denormal numbers as zeros: the decayed states of a net would otherwise slow every product.
#pragma once
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace sparsewave {

// While alive, this thread reads and writes denormals as zeros.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
};

}  // namespace sparsewave
