// libFuzzer target: arbitrary bytes as a model's memory image and as frames. What the check lets through must run without a fault.
#include <algorithm>
#include <memory>
#include <vector>

#include "image-check.h"
#include "vocoder-kernels.h"

using namespace sparsewave;
using namespace sparsewave::vocoder;

// Fields of the header are small numbers in the input, so that images that pass the check are found.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kFields = sizeof(Header) / 4;
  if (size < kFields * 4) return -1;
  int32_t fields[kFields];
  memcpy(fields, data, sizeof fields);
  data += sizeof fields, size -= sizeof fields;
  Header h;
  memcpy(&h, fields, sizeof h);
  // The counts are those of arrays that exist; an absurd one must be refused before anything is read.
  const size_t columns = std::min<size_t>(h.total_columns < 0 ? 0 : h.total_columns, size / 2);
  std::vector<uint16_t> c(columns);
  if (columns > 0) memcpy(c.data(), data, columns * 2);
  data += columns * 2, size -= columns * 2;
  const size_t integers = std::min<size_t>(h.total_integers < 0 ? 0 : h.total_integers, size / 2);
  const uint8_t* integer_bytes = data;
  data += integers * 2, size -= integers * 2;
  const size_t values = h.total_values < 0 || h.total_values > 1 << 18 ? 0 : h.total_values;
  if (!valid(h, values, columns, c.data(), integers)) return 0;
  Model model(h);
  memcpy(model.columns.get(), c.data(), columns * 2);
  if (integers > 0) memcpy(model.integers.get(), integer_bytes, integers * 2);
  model.index();
  for (size_t i = 0; i < values && size > 0; i++) {
    uint32_t bits = 0;
    for (int b = 0; b < 4; b++) bits |= (uint32_t)data[(4 * i + b) % size] << 8 * b;
    memcpy(model.values.get() + i, &bits, 4);  // NaN and infinity too
  }
  std::vector<float> gate_terms(3 * (size_t)h.hidden, 0.5f), lpc(kBands * kLpcOrder, 0.1f), gain(kBands, 1.f), level(kBands, 1.f);
  int32_t lag = 0;
  double increment = 0;
  if (size >= 12) {
    memcpy(&lag, data, 4);
    memcpy(&increment, data + 4, 8);
  }
  constexpr int kBatch = 9;
  const std::vector<Frame> frames(kBatch, Frame{gate_terms.data(), lpc.data(), gain.data(), level.data(), lag, increment});
  static const std::vector<VocoderKernel> all = vocoder_kernels();
  for (const VocoderKernel& k : all) {
    if (k.int8 != model.int8()) continue;
    // Alone, and as a batch.
    for (int n : {1, kBatch}) {
      std::vector<std::unique_ptr<Stream>> own;
      Stream* streams[kBatch];
      float out[kBatch][kHop], *outs[kBatch];
      for (int s = 0; s < n; s++) own.emplace_back(new Stream(model, s)), streams[s] = own[s].get(), outs[s] = out[s];
      k.kernel->generate(streams, n, frames.data(), 1, outs);
    }
  }
  return 0;
}
