// Multiplication of 16-bit integers by pairs, compiled once per ISA (SW_VECTOR 32-bit elements a register).
#include <cstdint>

#include "intrinsics.h"

namespace sparsewave {
namespace {

typedef int32_t VI __attribute__((vector_size(SW_VECTOR * 4)));

// Sums of the products of neighbouring 16-bit integers.
inline VI multiply_pairs(VI a, VI b) {
#if defined(__AVX512BW__)
  return reinterpret_cast<VI>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<VI>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<VI>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  // The lower halves' products and the upper ones'; compilers find the widening multiplication.
  return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

}  // namespace
}  // namespace sparsewave
