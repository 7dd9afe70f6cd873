// Data of the vocoder's kernels: the model's memory image (src/kernels/image.ts makes it) and a stream's state.
// Everything is sized when a stream opens; generating allocates nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "constants.h"
#include "stopwatch.h"

// Functions that files of several ISAs share must not be emitted, or the linker would keep one ISA's copy for all.
#define SW_INLINE inline __attribute__((always_inline))

namespace sparsewave::vocoder {

// Most streams that generate side by side.
constexpr int kPanel = kPanelStreams;
// Bytes that one strip reads in int8, at most: of h three times, of x three times, in chunks of 64.
constexpr int kMostGathered = 3 * kMaxHidden + 3 * kPaddedStepInputs + 128;
// Gate functions in int8 are powers of two: what goes into reset, update and candidate is kept times these.
constexpr float kGateFactors[3] = {-1.44269504088896341f, -1.44269504088896341f, 2 * 1.44269504088896341f};
constexpr int kGroup = 8;  // streams whose integers lie beside one another

template <class T>
class Aligned {
 public:
  explicit Aligned(size_t n) : bytes_(n * sizeof(T) + 64), data_(static_cast<T*>(::operator new[](bytes_, std::align_val_t(64)))) { memset(data_, 0, bytes_); }
  ~Aligned() { ::operator delete[](data_, std::align_val_t(64)); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  SW_INLINE T* get() const { return data_; }
  SW_INLINE size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
  T* data_;
};

struct Model {
  Header header;
  Aligned<float> values;
  Aligned<uint16_t> columns;
  Aligned<int16_t> integers;  // empty where the blocks are f32; in int8 two bytes each
  // Workspace of one step of the streams of a call, a slot each: one thread at a time may use a model.
  Aligned<float> sums, heads;  // [kPanel][sums_size()], [kPanel][4K]
  Aligned<int16_t> panels;     // a group's integers beside one another: [kPanel / kGroup][width][kGroup]
  Aligned<int32_t> pairs;      // those that a strip takes of them, [kPanel / kGroup][width / 2][kGroup]
  // Workspace of int8: h, gate terms, heads' units, then h twice and x as bytes, each [rows][kPanel].
  Aligned<float> workspace;
  // In int8: where the bytes that a strip reads lie in [h; x]. Of each 64: their places within a part of 64, and for h a mask of each part.
  Aligned<uint8_t> gathers;
  mutable Stopwatch stopwatch;
  explicit Model(const Header& h)
      : header(h),
        values(h.total_values),
        columns(h.total_columns),
        integers(h.total_integers),
        sums(kPanel * sums_size()),
        heads((size_t)kPanel * kBands * h.head_hidden),
        panels(h.integer == 1 ? kPanel * width() : 0),
        pairs(h.integer == 1 ? kPanel * width() / 2 : 0),
        workspace(int8() ? kPanel * (4 * (size_t)h.hidden + kBands * h.head_hidden + (2 * h.hidden + kPaddedStepInputs) / 4) : 0),
        gathers(int8() ? gathers_size() : 0) {}
  SW_INLINE bool int8() const { return header.integer == 2; }
  // Sums of a stream: of the gates R_r h + I_r x, R_z h + I_z x, R_n h, I_n x (int8: of six products); later S x, [4K].
  SW_INLINE size_t sums_size() const { return (int8() ? 6 : 4) * (size_t)(header.hidden > header.head_hidden ? header.hidden : header.head_hidden); }
  // Of a model in int8: makes `gathers` of `columns`, and scales the gates' rows by kGateFactors.
  void index() {
    if (!int8()) return;
    for (int list = 0; list < 6; list++)
      for (int i = 0; i < header.hidden; i++) values.get()[header.scales + list * header.hidden + i] *= kGateFactors[list % 3];
    const uint16_t* c = columns.get();
    uint8_t* to = gathers.get();
    for (int strip = 0; strip < header.hidden / kBlock; strip++) {
      to = index_list(c, state_blocks(), 0, state_parts(), to);
      to = index_list(c + state_blocks(), 3 * header.input_blocks, header.hidden, 0, to);
      c += state_blocks() + 3 * header.input_blocks;
    }
    for (int strip = 0; strip < kBands * header.head_hidden / kBlock; strip++, c += header.head_blocks) to = index_list(c, header.head_blocks, 0, state_parts(), to);
  }

 private:
  SW_INLINE int state_blocks() const { return header.reset_blocks + header.update_blocks + header.recurrent_blocks; }
  SW_INLINE int state_parts() const { return (header.hidden + 63) / 64; }
  SW_INLINE static size_t list_size(int columns, int parts) { return (size_t)((columns + 63) / 64) * (64 + 8 * parts); }
  SW_INLINE size_t gathers_size() const {
    return header.hidden / kBlock * (list_size(state_blocks(), state_parts()) + list_size(3 * header.input_blocks, 0)) + kBands * header.head_hidden / kBlock * list_size(header.head_blocks, state_parts());
  }
  // Without parts there is one, which needs no mask.
  static uint8_t* index_list(const uint16_t* c, int count, int first, int parts, uint8_t* to) {
    for (int from = 0; from < count; from += 64) {
      for (int i = 0; i < 64; i++) to[i] = from + i < count ? (uint8_t)((c[from + i] - first) % 64) : 0;
      to += 64;
      for (int p = 0; p < parts; p++, to += 8) {
        uint64_t mask = 0;
        for (int i = 0; i < 64 && from + i < count; i++)
          if (c[from + i] / 64 == p) mask |= (uint64_t)1 << i;
        memcpy(to, &mask, 8);
      }
    }
    return to;
  }

 public:
  SW_INLINE const float* at(int32_t offset) const { return values.get() + offset; }
  // Inputs of the products, [h; x], rounded up to whole registers of any ISA.
  SW_INLINE size_t width() const { return (size_t)header.hidden + kPaddedStepInputs; }
};

struct Stream {
  const Model& model;
  Aligned<float> input;  // [h; x; e]: H, D, 4
  Aligned<int16_t> line;  // in integers: [h; x], [width]
  Aligned<float> bands;  // [2][kRing][4]: X_b, e_b
  uint32_t key, t = 0;
  double phase = 0;
  bool voiced = false;
  float last = 0;  // de-emphasis
  // Where this step's sums and V h' + S x + b [4K] are, in the model's workspace.
  float *sums = nullptr, *head = nullptr;
  Stream(const Model& m, uint32_t key_) : model(m), input(m.header.hidden + m.header.inputs + kBands), line(m.header.integer ? m.width() : 0), bands(2 * kRing * kBands), key(key_) {}
  size_t bytes() const { return sizeof(Stream) + input.bytes() + line.bytes() + bands.bytes(); }
};

// One frame's pointers.
struct Frame {
  const float *gate_terms, *lpc, *gain, *inverse_level;
  int32_t lag;
  double increment;
};

SW_INLINE uint32_t fmix32(uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

// n <= kPanel streams of one model side by side: `count` frames each, frame j of stream i at frames[i * count + j], samples to outs[i].
// The samples are those that each stream would make alone.
using Generate = void (*)(Stream* const* streams, int n, const Frame* frames, int count, float* const* outs);
// Teacher-forced step: x [D] and e [4] are given; writes o_b, [4][12].
using Outputs = void (*)(Stream&, const float* gate_terms, const float* x, const float* e, float* out);
// Element-wise functions on n values, n a multiple of 16: 0 exp, 1 sigmoid, 2 tanh.
using Activate = void (*)(int which, float* values, size_t n);

struct Kernel {
  Generate generate;
  Outputs outputs;
  Activate activate;
};
extern const Kernel kBaseline, kAvx2, kAvx512, kNeon;
// For models in int8, which no other takes.
extern const Kernel kInt8Avx512;

}  // namespace sparsewave::vocoder
