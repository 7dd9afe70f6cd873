// Node-API binding of the inference kernels: isas, features, createModel, createStream, streamBytes, generate, generateMany, outputs, activate, peak, dispose.
// A stream keeps its model alive; every array's length is checked before a kernel sees it.
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "binding.h"
#include "image.h"
#include "model.h"
#include "peaks.h"

namespace sparsewave {
namespace {

struct Isa {
  const char* name;
  const Kernel* kernel;
  const Peak* peak;
  bool (*supported)();
  // For models in int8; null where there is none.
  const Kernel* bytes = nullptr;
  double (*peak_bytes)(int64_t) = nullptr;
  bool (*supports_bytes)() = [] { return false; };
};

const Isa kIsas[] = {
#if defined(__x86_64__)
    {"avx512", &kAvx512, &kPeakAvx512, has_avx512, &kInt8Avx512, peak_bytes_avx512, has_avx512_bytes},
    {"avx2", &kAvx2, &kPeakAvx2, has_avx2},
#endif
#if defined(__aarch64__)
    {"neon", &kNeon, &kPeakNeon, [] { return true; }},
#endif
    {"baseline", &kBaseline, &kPeakBaseline, [] { return true; }},
};
constexpr int kIsaCount = sizeof(kIsas) / sizeof(kIsas[0]);

// While alive, denormals are zero: decayed states would otherwise slow every product.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#else
  FlushDenormals() {}
#endif
};

struct ModelHandle {
  std::shared_ptr<Model> model;
  const Kernel* kernel;
};
struct StreamHandle {
  std::shared_ptr<Model> model;
  const Kernel* kernel;
  std::unique_ptr<Stream> stream;
};
// What an external holds; exactly one is set until disposed.
struct Handle {
  std::unique_ptr<ModelHandle> model;
  std::unique_ptr<StreamHandle> stream;
};

// createModel(isa, header Int32Array, values Float32Array, columns Uint16Array, integers Int16Array) -> model
napi_value create_model(napi_env env, napi_callback_info info) {
  napi_value a[5];
  if (!arguments(env, info, a)) return fail(env, "createModel: 5 arguments expected");
  int32_t isa = -1;
  napi_get_value_int32(env, a[0], &isa);
  if (isa < 0 || isa >= kIsaCount || !kIsas[isa].supported()) return fail(env, "createModel: isa");
  size_t n_header, n_values, n_columns, n_integers;
  const int32_t* header = typed<int32_t>(env, a[1], napi_int32_array, &n_header);
  const float* values = floats(env, a[2], &n_values);
  const uint16_t* columns = typed<uint16_t>(env, a[3], napi_uint16_array, &n_columns);
  const int16_t* integers = typed<int16_t>(env, a[4], napi_int16_array, &n_integers);
  // An empty array's memory may have no address.
  if (!header || !values || !columns || (!integers && n_integers > 0) || n_header != sizeof(Header) / sizeof(int32_t)) return fail(env, "createModel: arrays");
  Header h;
  memcpy(&h, header, sizeof h);
  if (!valid(h, n_values, n_columns, columns, n_integers)) return fail(env, "createModel: image");
  if (h.integer == 2 && !kIsas[isa].supports_bytes()) return fail(env, "createModel: int8 is not supported");
  auto model = std::make_shared<Model>(h);
  memcpy(model->values.get(), values, n_values * sizeof(float));
  memcpy(model->columns.get(), columns, n_columns * sizeof(uint16_t));
  if (n_integers > 0) memcpy(model->integers.get(), integers, n_integers * sizeof(int16_t));
  model->index();
  Handle* out = new Handle;
  out->model.reset(new ModelHandle{model, model->bytes() ? kIsas[isa].bytes : kIsas[isa].kernel});
  return wrap(env, out);
}

// createStream(model, seed) -> stream
napi_value create_stream(napi_env env, napi_callback_info info) {
  napi_value a[2];
  if (!arguments(env, info, a)) return fail(env, "createStream: 2 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  uint32_t seed = 0;
  napi_get_value_uint32(env, a[1], &seed);
  if (!h || !h->model) return fail(env, "createStream: the model is closed");
  const auto& m = *h->model;
  Handle* out = new Handle;
  out->stream.reset(new StreamHandle{m.model, m.kernel, std::make_unique<Stream>(*m.model, fmix32(seed + 0x9e3779b9u))});
  return wrap(env, out);
}

// streamBytes(model) -> bytes of the state of one stream
napi_value stream_bytes(napi_env env, napi_callback_info info) {
  napi_value a[1], out;
  if (!arguments(env, info, a)) return fail(env, "streamBytes: 1 argument expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->model) return fail(env, "streamBytes: the model is closed");
  napi_create_uint32(env, (uint32_t)Stream(*h->model->model, 0).bytes(), &out);
  return out;
}

// One stream's work: `count` frames of FrameBlocks from frame `from` on, samples to `out` from `at` on.
struct Work {
  const float *gates, *lpc, *gain, *level;
  const int32_t* lag;
  const double* increment;
  float* out;
  size_t from;

  // Takes the arrays in the order of FrameBlocks; null, or what is wrong with them.
  const char* read(napi_env env, const napi_value frames[6], uint32_t from_, uint32_t count, napi_value samples, uint32_t at, size_t hidden) {
    size_t n[6], n_out;
    gates = floats(env, frames[0], &n[0]);
    lpc = floats(env, frames[1], &n[1]);
    gain = floats(env, frames[2], &n[2]);
    level = floats(env, frames[3], &n[3]);
    lag = typed<int32_t>(env, frames[4], napi_int32_array, &n[4]);
    increment = typed<double>(env, frames[5], napi_float64_array, &n[5]);
    out = floats(env, samples, &n_out);
    if (!gates || !lpc || !gain || !level || !lag || !increment || !out) return "generate: arrays";
    from = from_;
    gate_terms_ = 3 * hidden;
    const size_t end = from + count;
    if (n[0] < end * gate_terms_ || n[1] < end * kBands * kOrder || n[2] < end * kBands || n[3] < end * kBands || n[4] < end || n[5] < end || n_out < at + (size_t)count * kHop)
      return "generate: an array is too short";
    out += at;
    return nullptr;
  }
  // Frame j of them, from 0.
  Frame frame(size_t j) const {
    const size_t i = from + j;
    return {gates + i * gate_terms_, lpc + i * kBands * kOrder, gain + i * kBands, level + i * kBands, lag[i], increment[i]};
  }

 private:
  size_t gate_terms_;
};

// generate(stream, gates, lpc, gain, inverseLevel, lag, phaseIncrement, from, count, out, at)
napi_value generate(napi_env env, napi_callback_info info) {
  napi_value a[11];
  if (!arguments(env, info, a)) return fail(env, "generate: 11 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->stream) return fail(env, "generate: the stream is closed");
  StreamHandle& s = *h->stream;
  const uint32_t count = number(env, a[8]);
  Work work;
  if (const char* wrong = work.read(env, a + 1, number(env, a[7]), count, a[9], number(env, a[10]), s.model->header.hidden)) return fail(env, wrong);
  FlushDenormals flush;
  Stream* const streams[1] = {s.stream.get()};
  for (uint32_t j = 0; j < count; j++) {
    const Frame frame = work.frame(j);
    float* const outs[1] = {work.out + (size_t)j * kHop};
    s.kernel->generate(streams, 1, &frame, 1, outs);
  }
  return nullptr;
}

// Reads one job { stream: { handle }, frames, from, out, at } of `count` frames: its frames to `frames`. Null, or what is wrong with it.
const char* read_job(napi_env env, napi_value job, const Model* model, uint32_t count, Stream** stream, Frame* frames, float** out) {
  auto property = [env](napi_value object, const char* name) {
    napi_value value = nullptr;
    napi_get_named_property(env, object, name, &value);
    return value;
  };
  Handle* h = unwrap<Handle>(env, property(property(job, "stream"), "handle"));
  if (!h || !h->stream) return "generateMany: a stream is closed";
  if (h->stream->model.get() != model) return "generateMany: a stream is of another model";
  const napi_value f = property(job, "frames");
  const napi_value arrays[6] = {property(f, "gates"), property(f, "lpc"), property(f, "gain"), property(f, "inverseLevel"), property(f, "lag"), property(f, "phaseIncrement")};
  Work work;
  if (const char* wrong = work.read(env, arrays, number(env, property(job, "from")), count, property(job, "out"), number(env, property(job, "at")), model->header.hidden)) return wrong;
  for (uint32_t j = 0; j < count; j++) frames[j] = work.frame(j);
  *stream = h->stream->stream.get();
  *out = work.out;
  return nullptr;
}

// generateMany(model, jobs, count): `count` frames of each job; at most kPanel jobs and kPanelFrames frames, no stream twice
napi_value generate_many(napi_env env, napi_callback_info info) {
  napi_value a[3];
  if (!arguments(env, info, a)) return fail(env, "generateMany: 3 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->model) return fail(env, "generateMany: the model is closed");
  uint32_t n = 0, count = 0;
  if (napi_get_array_length(env, a[1], &n) != napi_ok || n > kPanel) return fail(env, "generateMany: jobs");
  napi_get_value_uint32(env, a[2], &count);
  if (count > kPanelFrames) return fail(env, "generateMany: frames");
  if (n == 0 || count == 0) return nullptr;
  Stream* streams[kPanel];
  Frame frames[kPanel * kPanelFrames];
  float* outs[kPanel];
  for (uint32_t i = 0; i < n; i++) {
    napi_value job;
    napi_get_element(env, a[1], i, &job);
    if (const char* wrong = read_job(env, job, h->model->model.get(), count, &streams[i], frames + i * count, &outs[i])) return fail(env, wrong);
    for (uint32_t k = 0; k < i; k++)
      if (streams[k] == streams[i]) return fail(env, "generateMany: a stream twice");
  }
  FlushDenormals flush;
  h->model->kernel->generate(streams, (int)n, frames, (int)count, outs);
  return nullptr;
}

// outputs(stream, steps, inputs, gates, residuals, out): teacher-forced, 30 steps a row of gates
napi_value outputs(napi_env env, napi_callback_info info) {
  napi_value a[6];
  if (!arguments(env, info, a)) return fail(env, "outputs: 6 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->stream) return fail(env, "outputs: the stream is closed");
  StreamHandle& s = *h->stream;
  uint32_t steps = 0;
  napi_get_value_uint32(env, a[1], &steps);
  size_t n[4];
  const float* x = floats(env, a[2], &n[0]);
  const float* gates = floats(env, a[3], &n[1]);
  const float* e = floats(env, a[4], &n[2]);
  float* out = floats(env, a[5], &n[3]);
  const size_t D = s.model->header.inputs, H3 = 3 * (size_t)s.model->header.hidden, frames = (steps + kStepsPerFrame - 1) / kStepsPerFrame;
  if (!x || !gates || !e || !out || n[0] < steps * D || n[1] < frames * H3 || n[2] < (size_t)steps * kBands || n[3] < (size_t)steps * kBands * kOutputs)
    return fail(env, "outputs: arrays");
  FlushDenormals flush;
  for (size_t t = 0; t < steps; t++) s.kernel->outputs(*s.stream, gates + t / kStepsPerFrame * H3, x + t * D, e + t * kBands, out + t * kBands * kOutputs);
  return nullptr;
}

// activate(isa, which, values): 0 exp, 1 sigmoid, 2 tanh, in place
napi_value activate(napi_env env, napi_callback_info info) {
  napi_value a[3];
  if (!arguments(env, info, a)) return fail(env, "activate: 3 arguments expected");
  int32_t isa = -1, which = 0;
  napi_get_value_int32(env, a[0], &isa);
  napi_get_value_int32(env, a[1], &which);
  size_t n;
  float* values = floats(env, a[2], &n);
  if (isa < 0 || isa >= kIsaCount || !kIsas[isa].supported() || !values || n % kBlock) return fail(env, "activate: arguments");
  kIsas[isa].kernel->activate(which, values, n);
  return nullptr;
}

// peak(isa, rounds, bits) -> multiply-adds that were made; bits: 8, 16, 32
napi_value peak(napi_env env, napi_callback_info info) {
  napi_value a[3];
  if (!arguments(env, info, a)) return fail(env, "peak: 3 arguments expected");
  int32_t isa = -1;
  int64_t rounds = 0;
  int32_t bits = 0;
  napi_get_value_int32(env, a[2], &bits);
  napi_get_value_int32(env, a[0], &isa);
  napi_get_value_int64(env, a[1], &rounds);
  if (isa < 0 || isa >= kIsaCount || !kIsas[isa].supported() || rounds < 0) return fail(env, "peak: arguments");
  if (bits == 8 && !kIsas[isa].supports_bytes()) return fail(env, "peak: int8 is not supported");
  const Peak& peak = *kIsas[isa].peak;
  volatile double sum = (bits == 8 ? kIsas[isa].peak_bytes : bits == 16 ? peak.run_integer : peak.run)(rounds);
  (void)sum;
  napi_value out;
  napi_create_double(env, (double)rounds * peak.macs_a_round * 32 / bits, &out);
  return out;
}

// dispose(model or stream)
napi_value dispose(napi_env env, napi_callback_info info) {
  napi_value a[1];
  if (!arguments(env, info, a)) return fail(env, "dispose: 1 argument expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (h) {
    h->stream.reset();
    h->model.reset();
  }
  return nullptr;
}

// isas() -> [{ name, supported, int8 }] in the order of createModel's index, fastest first
napi_value isas(napi_env env, napi_callback_info) {
  return list_isas(env, kIsas, [&](napi_value item, const Isa& isa) {
    napi_value int8;
    napi_get_boolean(env, isa.supports_bytes(), &int8);
    napi_set_named_property(env, item, "int8", int8);
  });
}

// features() -> names of the vector extensions the CPU has and the system allows
napi_value features(napi_env env, napi_callback_info) {
  napi_value list;
  napi_create_array(env, &list);
  [[maybe_unused]] uint32_t count = 0;
  [[maybe_unused]] auto add = [&](const char* name, bool has) {
    if (!has) return;
    napi_value text;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text);
    napi_set_element(env, list, count++, text);
  };
#if defined(__x86_64__)
#define SW_FEATURE(name) add(name, __builtin_cpu_supports(name))
  SW_FEATURE("sse4.2");
  SW_FEATURE("avx");
  SW_FEATURE("avx2");
  SW_FEATURE("fma");
  SW_FEATURE("avx512f");
  SW_FEATURE("avx512bw");
  SW_FEATURE("avx512dq");
  SW_FEATURE("avx512vl");
  SW_FEATURE("avx512vbmi");
  SW_FEATURE("avx512vnni");
#undef SW_FEATURE
#elif defined(__aarch64__)
  add("neon", true);
#endif
  return list;
}

napi_value init(napi_env env, napi_value exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const napi_property_descriptor properties[] = {
      {"createModel", nullptr, create_model, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createStream", nullptr, create_stream, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"streamBytes", nullptr, stream_bytes, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"generate", nullptr, generate, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"generateMany", nullptr, generate_many, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"outputs", nullptr, outputs, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"activate", nullptr, activate, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"peak", nullptr, peak, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"dispose", nullptr, dispose, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"isas", nullptr, isas, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"features", nullptr, features, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}

}  // namespace
}  // namespace sparsewave

NAPI_MODULE(sparsewave_infer, sparsewave::init)
