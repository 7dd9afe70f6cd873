// Node-API binding of the layers. What is made of an engine keeps it alive; every array's length is checked before a kernel sees it.
#include <algorithm>

#include "../parts.h"
#include "layers.h"

namespace sparsewave::layers {
namespace {

const Kernel* const kKernels[] = SW_KERNELS;
// Beyond what any net has.
constexpr uint32_t kMostSize = 1 << 14, kMostRows = 1 << 20;

// The kernel of an instruction set on this CPU.
const Kernel* kernel_of(int32_t isa) {
#if defined(__x86_64__)
  if (kKernels[isa] == &kAvx512 && has_avx512_bytes()) return &kAvx512Vnni;
#endif
  return kKernels[isa];
}

// Memory that grows to what the largest call needs.
template <class T>
struct Scratch {
  Aligned<T> data;
  size_t size = 0;
  T* at_least(size_t count) {
    if (count > size) data = aligned<T>(size = count + count / 4);
    return data.get();
  }
};

struct Engine {
  const Kernel* kernel;
  Scratch<int16_t> inputs;
  Scratch<float> attention;
};
struct EngineMatrix {
  std::shared_ptr<Engine> engine;
  Matrix matrix;
};
struct EnginePredictor {
  std::shared_ptr<Engine> engine;
  Predictor predictor;
};

// createEngine(isa) -> engine
napi_value create_engine(Call& call) {
  const int32_t isa = call.integer(0);
  if (!can_run(isa)) return call.fail("isa");
  auto engine = std::make_shared<Engine>();
  engine->kernel = kernel_of(isa);
  return call.wrap(engine);
}

// createMatrix(engine, weight [k, n], bias [n], k, n) -> matrix
napi_value create_matrix(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  const uint32_t k = call.number(3), n = call.number(4);
  if (k < 1 || k > kMostSize || n < 1 || n > kMostSize) return call.fail("size");
  const float* weight = call.array<float>(1, (size_t)k * n);
  const float* bias = call.array<float>(2, n);
  if (!weight || !bias) return call.fail("arrays");
  return call.wrap(std::make_shared<EngineMatrix>(EngineMatrix{engine, Matrix(weight, bias, (int)k, (int)n, engine->kernel->panel)}));
}

// product(matrix, x, rows, width, padding, activation, residual, out): x W + b of every `width` neighbouring rows of x [rows, k / width], which has `padding` rows of zeros
// before and after it, then the activation (0 none, 1 ReLU, 2 tanh), then `residual` added (or null); out and residual [rows + 2 padding - width + 1, n]
napi_value product(Call& call) {
  const auto handle = call.object<EngineMatrix>(0);
  if (!handle) return call.fail("the matrix is closed");
  const Matrix& m = handle->matrix;
  Engine& engine = *handle->engine;
  const uint32_t rows = call.number(2), width = call.number(3), padding = call.number(4), activation = call.number(5);
  if (rows > kMostRows || width < 1 || width > (uint32_t)m.k || m.k % width || padding >= width || activation > kTanh) return call.fail("shape");
  if (rows + 2 * padding < width) return call.fail("too few rows");
  const uint32_t out_rows = rows + 2 * padding - width + 1;
  const size_t channels = m.k / width;
  const float* x = call.array<float>(1, rows * channels);
  const float* residual = call.array<float>(6, (size_t)out_rows * m.n);
  float* out = call.array<float>(7, (size_t)out_rows * m.n);
  if (!x || !out || (!residual && !call.is_null(6))) return call.fail("arrays");
  int16_t* q = engine.inputs.at_least((rows + 2 * padding) * channels + 1);
  std::fill_n(q, padding * channels, 0);
  const float step = engine.kernel->quantize(x, rows * channels, q + padding * channels);
  std::fill_n(q + (padding + rows) * channels, padding * channels + 1, 0);
  engine.kernel->product(m, q, channels, (int)out_rows, step, (Activation)activation, residual, out);
  return nullptr;
}

// norm(engine, x, rows, channels, epsilon, scale, shift, out)
napi_value norm(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  const uint32_t rows = call.number(2), channels = call.number(3);
  if (rows > kMostRows || channels < 1 || channels > kMostSize) return call.fail("shape");
  const float* x = call.array<float>(1, (size_t)rows * channels);
  const float *scale = call.array<float>(5, channels), *shift = call.array<float>(6, channels);
  float* out = call.array<float>(7, (size_t)rows * channels);
  if (!x || !scale || !shift || !out) return call.fail("arrays");
  engine->kernel->norm(x, (int)rows, (int)channels, (float)call.real(4), scale, shift, out);
  return nullptr;
}

// attention(engine, qkv [rows, 3 channels], rows, channels, heads, out [rows, channels])
napi_value attention(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  const uint32_t rows = call.number(2), channels = call.number(3), heads = call.number(4);
  if (rows > kMostRows || channels < 1 || channels > kMostSize || heads < 1 || channels % heads) return call.fail("shape");
  const float* qkv = call.array<float>(1, (size_t)rows * 3 * channels);
  float* out = call.array<float>(5, (size_t)rows * channels);
  if (!qkv || !out) return call.fail("arrays");
  const int width = (int)(channels / heads);
  engine->kernel->attention(qkv, (int)rows, (int)channels, (int)heads, engine->attention.at_least(attention_scratch((int)rows, width)), out);
  return nullptr;
}

// createPredictor(engine, point Uint8Array [kSpectrumPoints], weight Float64Array [kSpectrumPoints], correlation Float64Array [kSpectrumPoints, kTerms], whitening, floor) -> predictor
napi_value create_predictor(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  const uint8_t* point = call.array<uint8_t>(1, kSpectrumPoints);
  const double* weight = call.array<double>(2, kSpectrumPoints);
  const double* correlation = call.array<double>(3, kSpectrumPoints * kTerms);
  if (!point || !weight || !correlation || !std::all_of(point, point + kSpectrumPoints, [](uint8_t p) { return p < kEnvelopePoints - 1; })) return call.fail("arrays");
  auto made = std::make_shared<EnginePredictor>(EnginePredictor{engine, {}});
  Predictor& p = made->predictor;
  std::copy_n(point, kSpectrumPoints, p.point);
  std::copy_n(weight, kSpectrumPoints, p.weight);
  std::copy_n(correlation, kSpectrumPoints * kTerms, p.correlation);
  p.whitening = call.real(4);
  p.floor = call.real(5);
  return call.wrap(made);
}

// predict(predictor, envelopes [.., kEnvelopePoints], index, lpc [kBands, kLpcOrder], gain, inverseLevel [kBands])
napi_value predict(Call& call) {
  const auto handle = call.object<EnginePredictor>(0);
  if (!handle) return call.fail("the predictor is closed");
  const size_t from = (size_t)call.number(2) * kEnvelopePoints;
  const float* envelopes = call.array<float>(1, from + kEnvelopePoints);
  float *lpc = call.array<float>(3, kBands * kLpcOrder), *gain = call.array<float>(4, kBands), *inverse_level = call.array<float>(5, kBands);
  if (!envelopes || !lpc || !gain || !inverse_level) return call.fail("arrays");
  handle->engine->kernel->predict(handle->predictor, envelopes + from, lpc, gain, inverse_level);
  return nullptr;
}

const Function kFunctions[] = {
    {"createEngine", 1, create_engine}, {"createMatrix", 5, create_matrix}, {"product", 8, product}, {"norm", 8, norm}, {"attention", 6, attention}, {"createPredictor", 6, create_predictor},
    {"predict", 6, predict},
};

}  // namespace
}  // namespace sparsewave::layers

namespace sparsewave {

void define_layers(napi_env env, napi_value exports) { define_part(env, exports, "layers", layers::kFunctions); }

}  // namespace sparsewave
