// The vocoder's kernels that this CPU can run.
#pragma once
#include "kernels.h"
#include "model.h"

namespace sparsewave::vocoder {

struct VocoderKernel {
  const char* name;
  const Kernel* kernel;
  bool int8;  // takes models in int8, and no others
};

inline std::vector<VocoderKernel> vocoder_kernels() {
  const Kernel* const kernels[] = SW_KERNELS;
  std::vector<VocoderKernel> all;
  for (const auto& k : supported(kernels)) all.push_back({k.name, k.kernel, false});
#if defined(__x86_64__)
  if (has_avx512_bytes()) all.push_back({"avx512", &kInt8Avx512, true});
#endif
  return all;
}

}  // namespace sparsewave::vocoder
