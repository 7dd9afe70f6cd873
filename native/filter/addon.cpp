// Node-API binding of source-filter synthesis: isas, createEngine, createStream, add, emit, level, dispose. A stream keeps its engine alive; every array's length and every
// event's place is checked before a kernel sees it.
#include <cstdlib>
#include <cstring>

#include "binding.h"
#include "filter.h"

namespace sparsewave::filter {
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

struct Free {
  void operator()(void* p) const { free(p); }
};
struct Engine {
  const Kernel* kernel;
  Tables tables;
  std::unique_ptr<void, Free> scratch;
};
struct StreamHandle {
  std::shared_ptr<Engine> engine;
  Stream stream;
};
// What an external holds; at most one is set.
struct Handle {
  std::shared_ptr<Engine> engine;
  std::unique_ptr<StreamHandle> stream;
};

// createEngine(isa, point Uint8Array, weight, pulseRe, pulseIm, noiseRe, noiseIm Float64Array), each [kBins] -> engine
napi_value create_engine(napi_env env, napi_callback_info info) {
  napi_value a[7];
  if (!arguments(env, info, a)) return fail(env, "createEngine: 7 arguments expected");
  int32_t isa = -1;
  napi_get_value_int32(env, a[0], &isa);
  if (isa < 0 || isa >= kIsaCount || !kIsas[isa].supported()) return fail(env, "createEngine: isa");
  const uint8_t* point = typed<uint8_t>(env, a[1], napi_uint8_array, kBins);
  const double* values[5];
  bool good = point;
  for (int i = 0; i < 5; i++) good = (values[i] = typed<double>(env, a[2 + i], napi_float64_array, kBins)) && good;
  for (int k = 0; good && k < kBins; k++) good = point[k] < kPoints - 1;
  if (!good) return fail(env, "createEngine: arrays");
  auto engine = std::make_shared<Engine>();
  engine->kernel = kIsas[isa].kernel;
  void* scratch = nullptr;
  if (posix_memalign(&scratch, 64, engine->kernel->scratch_bytes)) return fail(env, "createEngine: no memory");
  memset(scratch, 0, engine->kernel->scratch_bytes);
  engine->scratch.reset(scratch);
  fill(engine->tables, point, values[0], values[1], values[2], values[3], values[4]);
  Handle* out = new Handle;
  out->engine = std::move(engine);
  return wrap(env, out);
}

// createStream(engine, random): `random` is the generator's first state, not 0
napi_value create_stream(napi_env env, napi_callback_info info) {
  napi_value a[2];
  if (!arguments(env, info, a)) return fail(env, "createStream: 2 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "createStream: the engine is closed");
  Handle* out = new Handle;
  out->stream.reset(new StreamHandle{h->engine, Stream(number(env, a[1]))});
  return wrap(env, out);
}

// add(stream, count, start, delay, period Float64Array, length Int32Array, voiced Uint8Array, envelope Float32Array [count, kPoints])
napi_value add(napi_env env, napi_callback_info info) {
  napi_value a[8];
  if (!arguments(env, info, a)) return fail(env, "add: 8 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->stream) return fail(env, "add: the stream is closed");
  const Engine& engine = *h->stream->engine;
  Stream& stream = h->stream->stream;
  const uint32_t count = number(env, a[1]);
  if (count > (uint32_t)engine.kernel->lanes) return fail(env, "add: too many events");
  const double* start = typed<double>(env, a[2], napi_float64_array, count);
  const double* delay = typed<double>(env, a[3], napi_float64_array, count);
  const double* period = typed<double>(env, a[4], napi_float64_array, count);
  const int32_t* length = typed<int32_t>(env, a[5], napi_int32_array, count);
  const uint8_t* voiced = typed<uint8_t>(env, a[6], napi_uint8_array, count);
  const float* envelope = typed<float>(env, a[7], napi_float32_array, (size_t)count * kPoints);
  if (!start || !delay || !period || !length || !voiced || !envelope) return fail(env, "add: arrays");
  Event events[kMostLanes];
  for (uint32_t i = 0; i < count; i++) {
    // Negated, so that what is not a number is refused.
    if (!(start[i] >= (double)stream.read && start[i] - kLead + kSize <= (double)stream.read + kRing)) return fail(env, "add: an event lies outside the buffer");
    if (!(period[i] >= 0) || !(delay[i] >= 0 && delay[i] <= 1)) return fail(env, "add: an event's period or delay");
    events[i] = {(int64_t)start[i], (float)delay[i], (float)period[i], length[i], voiced[i] != 0, envelope + (size_t)i * kPoints};
  }
  engine.kernel->add(engine.tables, engine.scratch.get(), stream, events, (int)count);
  return nullptr;
}

// emit(stream, out Float32Array, at, count)
napi_value emit(napi_env env, napi_callback_info info) {
  napi_value a[4];
  if (!arguments(env, info, a)) return fail(env, "emit: 4 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->stream) return fail(env, "emit: the stream is closed");
  const size_t at = number(env, a[2]), count = number(env, a[3]);
  float* out = typed<float>(env, a[1], napi_float32_array, at + count);
  if (!out) return fail(env, "emit: the array is too short");
  emit(h->stream->stream, out + at, count);
  return nullptr;
}

// level(engine, count, signal, draft, sum Float32Array [kSize - kStep + count * kStep])
napi_value level(napi_env env, napi_callback_info info) {
  napi_value a[5];
  if (!arguments(env, info, a)) return fail(env, "level: 5 arguments expected");
  Handle* h = unwrap<Handle>(env, a[0]);
  if (!h || !h->engine) return fail(env, "level: the engine is closed");
  const Engine& engine = *h->engine;
  const uint32_t count = number(env, a[1]);
  if (count > (uint32_t)engine.kernel->lanes) return fail(env, "level: too many frames");
  const size_t samples = kSize - kStep + (size_t)count * kStep;
  const float* signal = typed<float>(env, a[2], napi_float32_array, samples);
  const float* draft = typed<float>(env, a[3], napi_float32_array, samples);
  float* sum = typed<float>(env, a[4], napi_float32_array, samples);
  if (!signal || !draft || !sum) return fail(env, "level: arrays");
  engine.kernel->level(engine.tables, engine.scratch.get(), signal, draft, sum, (int)count);
  return nullptr;
}

// dispose(engine or stream)
napi_value dispose(napi_env env, napi_callback_info info) {
  napi_value a[1];
  if (!arguments(env, info, a)) return fail(env, "dispose: 1 argument expected");
  if (Handle* h = unwrap<Handle>(env, a[0])) {
    h->stream.reset();
    h->engine.reset();
  }
  return nullptr;
}

// isas() -> [{ name, supported, lanes }] in the order of createEngine's index, fastest first
napi_value isas(napi_env env, napi_callback_info) {
  return list_isas(env, kIsas, [&](napi_value item, const Isa& isa) {
    napi_value lanes;
    napi_create_int32(env, isa.kernel->lanes, &lanes);
    napi_set_named_property(env, item, "lanes", lanes);
  });
}

napi_value init(napi_env env, napi_value exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const napi_property_descriptor properties[] = {
      {"isas", nullptr, isas, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createEngine", nullptr, create_engine, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"createStream", nullptr, create_stream, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"add", nullptr, add, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"emit", nullptr, emit, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"level", nullptr, level, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"dispose", nullptr, dispose, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}

}  // namespace
}  // namespace sparsewave::filter

NAPI_MODULE(sparsewave_filter, sparsewave::filter::init)
