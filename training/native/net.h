// Training compute of the mb4-24k net: forward and truncated backward over one group of 16 lanes (docs/reference/net.md).
// Invariant: a task reads shared parameters and writes only its own workspace, so that results do not depend on threads.
#pragma once
#include <cstddef>
#include <cstdint>

#include "constants.h"

namespace sparsewave {

constexpr int kLanes = 16;
constexpr int kPaddedOutputs = 16;
constexpr int kMasked = 7;

// Order of training/net/vocoder-layout.ts.
enum Segment {
  kRecurrentReset, kRecurrentUpdate, kRecurrentCandidate, kInputReset, kInputUpdate, kInputCandidate, kHeadHidden,
  kHeadStep0, kHeadStep1, kHeadStep2, kHeadStep3,
  kHeadOutput0, kHeadOutput1, kHeadOutput2, kHeadOutput3,
  kHeadOutputBias0, kHeadOutputBias1, kHeadOutputBias2, kHeadOutputBias3,
  kHeadHiddenBias,
  kHeadSkip0, kHeadSkip1, kHeadSkip2, kHeadSkip3,
  kConditioning0, kConditioningBias0, kConditioning1, kConditioningBias1, kConditioning2, kConditioningBias2,
  kSegments
};

struct Shape {
  int hidden, head, conditioning, inputs, features;
  int64_t offset[kSegments];
  int64_t size;
};

// Kept columns of one masked matrix: [rows / 16][kept].
struct Mask {
  const uint16_t* columns;
  int kept;
};

struct Task {
  const Shape* shape;
  const float* parameters;
  Mask masks[kMasked];
  int steps;
  const float* examples;  // [steps][inputs + 4][16]: inputs, targets
  const float* frames;   // [steps / 30 + 2][features][16]
  const float* weights;  // [steps / 30][16]
  float* state;          // [hidden][16], replaced by the last state
  float* gradient;       // flat, added to (sums, not means); null: losses only
  bool dense_gradient;   // also that of the masked matrices' dropped blocks (their forward and backward products stay sparse)
  float* outputs;        // [steps][4][12][16] or null
  double losses[kBands];
};

// Grown on demand and reused; one per thread.
struct Workspace {
  float* data = nullptr;
  size_t capacity = 0;
  float* reserve(size_t floats);
  ~Workspace();
};

// One product with a block-sparse matrix, for tasks written outside this file (training/engines/net.ts).
// x: [groups][columns][16], y: [groups][16 strips][16]; weights and their gradient: [strips][columns][16].
enum ProductKind { kForward, kBackward, kAccumulate };
struct Product {
  ProductKind kind;  // y += W x; x += W' y; gradient += y x' in the kept blocks
  const float* weights;
  float* gradient;  // kAccumulate only
  Mask mask;
  int strips, columns, groups;
  float *x, *y;
};

// One per ISA; chosen at run time.
using RunTask = void (*)(Task&, Workspace&);
void run_task_baseline(Task&, Workspace&);
void run_task_avx2(Task&, Workspace&);
void run_task_avx512(Task&, Workspace&);
void run_task_amx(Task&, Workspace&);
using RunProduct = void (*)(const Product&, Workspace&);
void run_product_baseline(const Product&, Workspace&);
void run_product_avx2(const Product&, Workspace&);
void run_product_avx512(const Product&, Workspace&);

}  // namespace sparsewave
