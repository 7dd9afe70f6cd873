// Node-API binding of the layers: isas, createEngine, createMatrix, product, norm, attention, createPrediction, predict, dispose. What is made of an engine keeps it alive; every array's length is checked before
// a kernel sees it.
#include <algorithm>

#include "binding.h"
#include "layers.h"

namespace sparsewave::layers {
namespace {

struct Isa {
  const char* name;
  const Kernel* kernel;
  bool (*supported)();
};

const Isa kIsas[] = {
#if defined(__x86_64__)
    {"avx512", &kAvx512, has_avx512},
    {"avx2", &kAvx2, has_avx2},
#endif
#if defined(__aarch64__)
    {"neon", &kNeon, [] { return true; }},
#endif
    {"baseline", &kBaseline, [] { return true; }},
};
constexpr int kIsaCount = sizeof(kIsas) / sizeof(kIsas[0]);
// Beyond what any net has.
constexpr uint32_t kMostSize = 1 << 14, kMostRows = 1 << 20;

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
struct MatrixHandle {
  std::shared_ptr<Engine> engine;
  Matrix matrix;
};
struct PredictionHandle {
  std::shared_ptr<Engine> engine;
  Prediction prediction;
};
// What an external holds; at most one is set.
struct Handle {
  std::shared_ptr<Engine> engine;
  std::unique_ptr<MatrixHandle> matrix;
  std::unique_ptr<PredictionHandle> prediction;
};

// createEngine(isa) -> engine
napi_value create_engine(napi_env env, napi_callback_info info) {
  napi_value a[1];
  if (!arguments(env, info, a)) return fail(env, "createEngine: 1 argument expected");
  int32_t isa = -1;
  napi_get_value_int32(env, a[0], &isa);
  if (isa < 0 || isa >= kIsaCount || !kIsas[isa].supported()) return fail(env, "createEngine: isa");
  Handle* out = new Handle;
  out->engine = std::make_shared<Engine>();
  out->engine->kernel = kIsas[isa].kernel;
  return wrap(env, out);
}

// createMatrix(engine, weight [k, n], bias [n], k, n) -> matrix
napi_value create_matrix(napi_env env, napi_callback_info info) {
  napi_value a[5];
  if (!arguments(env, info, a)) return fail(env, "createMatrix: 5 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "createMatrix: the engine is closed");
  const uint32_t k = number(env, a[3]), n = number(env, a[4]);
  if (k < 1 || k > kMostSize || n < 1 || n > kMostSize) return fail(env, "createMatrix: size");
  const float* weight = floats(env, a[1], (size_t)k * n);
  const float* bias = floats(env, a[2], n);
  if (!weight || !bias) return fail(env, "createMatrix: arrays");
  Handle* out = new Handle;
  out->matrix.reset(new MatrixHandle{h->engine, Matrix(weight, bias, (int)k, (int)n, h->engine->kernel->panel)});
  return wrap(env, out);
}

// product(matrix, x, rows, width, padding, activation, residual, out): x W + b of every `width` neighbouring rows of x [rows, k / width], which has `padding` rows of zeros
// before and after it, then the activation (0 none, 1 ReLU, 2 tanh), then `residual` added (or null); out and residual [rows + 2 padding - width + 1, n]
napi_value product(napi_env env, napi_callback_info info) {
  napi_value a[8];
  if (!arguments(env, info, a)) return fail(env, "product: 8 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->matrix) return fail(env, "product: the matrix is closed");
  const Matrix& m = h->matrix->matrix;
  Engine& engine = *h->matrix->engine;
  const uint32_t rows = number(env, a[2]), width = number(env, a[3]), padding = number(env, a[4]), activation = number(env, a[5]);
  if (rows > kMostRows || width < 1 || width > (uint32_t)m.k || m.k % width || padding >= width || activation > kTanh) return fail(env, "product: shape");
  if (rows + 2 * padding < width) return fail(env, "product: too few rows");
  const uint32_t made = rows + 2 * padding - width + 1;
  const size_t channels = m.k / width;
  const float* x = floats(env, a[1], rows * channels);
  const float* residual = floats(env, a[6], (size_t)made * m.n);
  float* out = floats(env, a[7], (size_t)made * m.n);
  napi_valuetype kind;
  napi_typeof(env, a[6], &kind);
  if (!x || !out || (!residual && kind != napi_null)) return fail(env, "product: arrays");
  int16_t* q = engine.inputs.at_least((rows + 2 * padding) * channels + 1);
  std::fill_n(q, padding * channels, 0);
  const float step = engine.kernel->quantize(x, rows * channels, q + padding * channels);
  std::fill_n(q + (padding + rows) * channels, padding * channels + 1, 0);
  engine.kernel->product(m, q, channels, (int)made, step, (Activation)activation, residual, out);
  return nullptr;
}

// norm(engine, x, rows, channels, epsilon, scale, shift, out)
napi_value norm(napi_env env, napi_callback_info info) {
  napi_value a[8];
  if (!arguments(env, info, a)) return fail(env, "norm: 8 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "norm: the engine is closed");
  const uint32_t rows = number(env, a[2]), channels = number(env, a[3]);
  if (rows > kMostRows || channels < 1 || channels > kMostSize) return fail(env, "norm: shape");
  double epsilon = 0;
  napi_get_value_double(env, a[4], &epsilon);
  const float* x = floats(env, a[1], (size_t)rows * channels);
  const float *scale = floats(env, a[5], channels), *shift = floats(env, a[6], channels);
  float* out = floats(env, a[7], (size_t)rows * channels);
  if (!x || !scale || !shift || !out) return fail(env, "norm: arrays");
  h->engine->kernel->norm(x, (int)rows, (int)channels, (float)epsilon, scale, shift, out);
  return nullptr;
}

// attention(engine, qkv [rows, 3 channels], rows, channels, heads, out [rows, channels])
napi_value attention(napi_env env, napi_callback_info info) {
  napi_value a[6];
  if (!arguments(env, info, a)) return fail(env, "attention: 6 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "attention: the engine is closed");
  const uint32_t rows = number(env, a[2]), channels = number(env, a[3]), heads = number(env, a[4]);
  if (rows > kMostRows || channels < 1 || channels > kMostSize || heads < 1 || channels % heads) return fail(env, "attention: shape");
  const float* qkv = floats(env, a[1], (size_t)rows * 3 * channels);
  float* out = floats(env, a[5], (size_t)rows * channels);
  if (!qkv || !out) return fail(env, "attention: arrays");
  const int width = (int)(channels / heads);
  h->engine->kernel->attention(qkv, (int)rows, (int)channels, (int)heads, h->engine->attention.at_least(attention_scratch((int)rows, width)), out);
  return nullptr;
}

// createPrediction(engine, point Uint8Array [kGrid], weight Float64Array [kGrid], correlation Float64Array [kGrid, kTerms], whitening, floor) -> prediction
napi_value create_prediction(napi_env env, napi_callback_info info) {
  napi_value a[6];
  if (!arguments(env, info, a)) return fail(env, "createPrediction: 6 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "createPrediction: the engine is closed");
  const uint8_t* point = typed<uint8_t>(env, a[1], napi_uint8_array, kGrid);
  const double* weight = typed<double>(env, a[2], napi_float64_array, kGrid);
  const double* correlation = typed<double>(env, a[3], napi_float64_array, kGrid * kTerms);
  if (!point || !weight || !correlation || !std::all_of(point, point + kGrid, [](uint8_t p) { return p < kPoints - 1; })) return fail(env, "createPrediction: arrays");
  auto made = std::make_unique<PredictionHandle>(PredictionHandle{h->engine, {}});
  Prediction& p = made->prediction;
  std::copy_n(point, kGrid, p.point);
  std::copy_n(weight, kGrid, p.weight);
  std::copy_n(correlation, kGrid * kTerms, p.correlation);
  napi_get_value_double(env, a[4], &p.whitening);
  napi_get_value_double(env, a[5], &p.floor);
  Handle* out = new Handle;
  out->prediction = std::move(made);
  return wrap(env, out);
}

// predict(prediction, envelopes [.., kPoints], index, lpc [kBands, kOrder], gain, inverseLevel [kBands])
napi_value predict(napi_env env, napi_callback_info info) {
  napi_value a[6];
  if (!arguments(env, info, a)) return fail(env, "predict: 6 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->prediction) return fail(env, "predict: the prediction is closed");
  const size_t from = (size_t)number(env, a[2]) * kPoints;
  const float* envelopes = floats(env, a[1], from + kPoints);
  float *lpc = floats(env, a[3], kBands * kOrder), *gain = floats(env, a[4], kBands), *inverse_level = floats(env, a[5], kBands);
  if (!envelopes || !lpc || !gain || !inverse_level) return fail(env, "predict: arrays");
  const PredictionHandle& p = *h->prediction;
  p.engine->kernel->predict(p.prediction, envelopes + from, lpc, gain, inverse_level);
  return nullptr;
}

// dispose(engine, matrix or prediction)
napi_value dispose(napi_env env, napi_callback_info info) {
  napi_value a[1];
  if (!arguments(env, info, a)) return fail(env, "dispose: 1 argument expected");
  if (Handle* h = unwrap<Handle>(env, a[0])) {
    h->matrix.reset();
    h->prediction.reset();
    h->engine.reset();
  }
  return nullptr;
}

// isas() -> [{ name, supported }] in the order of createEngine's index, fastest first
napi_value isas(napi_env env, napi_callback_info) { return list_isas(env, kIsas); }

napi_value init(napi_env env, napi_value exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const napi_property_descriptor properties[] = {
      {"isas", nullptr, isas, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createEngine", nullptr, create_engine, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createMatrix", nullptr, create_matrix, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"product", nullptr, product, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"norm", nullptr, norm, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"attention", nullptr, attention, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createPrediction", nullptr, create_prediction, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"predict", nullptr, predict, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"dispose", nullptr, dispose, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}

}  // namespace
}  // namespace sparsewave::layers

NAPI_MODULE(sparsewave_layers, sparsewave::layers::init)
