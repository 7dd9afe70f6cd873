// Data of the inference kernels: the model's memory image (src/kernels/image.ts makes it) and a stream's state.
// Everything is sized when a stream opens; generating allocates nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

// Functions that files of several ISAs share must not be emitted, or the linker would keep one ISA's copy for all.
#define SW_INLINE inline __attribute__((always_inline))

namespace sparsewave {

constexpr int kBands = 4, kBlock = 16, kOrder = 8, kHistory = 4, kMixtures = 4, kOutputs = 12;
constexpr int kStepsPerFrame = 30, kHop = kStepsPerFrame * kBands;
constexpr int kRing = 1024;  // steps of X_b and e_b that are kept
constexpr int kMaxLag = 1022, kMinLag = 2;
constexpr int kTableReach = 8, kTableOversampling = 16, kTablePoints = 257;
constexpr float kDeEmphasis = 0.85f;

// In the order of HEADER_FIELDS.
struct Header {
  int32_t hidden, head_hidden, inputs;
  int32_t reset_blocks, update_blocks, recurrent_blocks, input_blocks, head_blocks;
  int32_t gate_values, head_values, head_bias, head_step, head_skip, output_weight, output_bias, filters, table, temperature;
  int32_t head_columns, total_values, total_columns;
};

template <class T>
class Aligned {
 public:
  explicit Aligned(size_t n) : data_(static_cast<T*>(::operator new[](n * sizeof(T) + 64, std::align_val_t(64)))) { memset(data_, 0, n * sizeof(T) + 64); }
  ~Aligned() { ::operator delete[](data_, std::align_val_t(64)); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  SW_INLINE T* get() const { return data_; }

 private:
  T* data_;
};

struct Model {
  Header header;
  Aligned<float> values;
  Aligned<uint16_t> columns;
  explicit Model(const Header& h) : header(h), values(h.total_values), columns(h.total_columns) {}
  SW_INLINE const float* at(int32_t offset) const { return values.get() + offset; }
};

struct Stream {
  const Model& model;
  Aligned<float> input;  // [h; x; e]: H, D, 4
  Aligned<float> sums;   // products of the gates: R_r h + I_r x, R_z h + I_z x, R_n h, I_n x; later S x, [4K]
  Aligned<float> head;   // V h' + S x + b, [4K]
  Aligned<float> bands;  // [2][kRing][4]: X_b, e_b
  uint32_t key, t = 0;
  double phase = 0;
  bool voiced = false;
  float last = 0;  // de-emphasis
  Stream(const Model& m, uint32_t key_)
      : model(m), input(m.header.hidden + m.header.inputs + kBands), sums(4 * (m.header.hidden > m.header.head_hidden ? m.header.hidden : m.header.head_hidden)), head(kBands * m.header.head_hidden), bands(2 * kRing * kBands), key(key_) {}
};

// One frame's pointers.
struct Frame {
  const float *gates, *lpc, *gain, *inverse_level;
  int32_t lag;
  double increment;
};

SW_INLINE uint32_t fmix32(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

// Most streams that generate side by side, and most frames of one call for them.
constexpr int kPanel = 16, kPanelFrames = 16;
// n <= kPanel streams of one model side by side: `count` frames each, frame j of stream i at frames[i * count + j], samples to outs[i].
// The samples are those that each stream would make alone.
using Generate = void (*)(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs);
// Teacher-forced step: x [D] and e [4] are given; writes o_b, [4][12].
using Outputs = void (*)(Stream&, const float* gates, const float* x, const float* e, float* out);
// Element-wise functions on n values, n a multiple of 16: 0 exp, 1 sigmoid, 2 tanh.
using Activate = void (*)(int which, float* values, size_t n);

struct Kernel {
  Generate generate;
  Outputs outputs;
  Activate activate;
};
extern const Kernel kBaseline, kAvx2, kAvx512, kNeon;

}  // namespace sparsewave
