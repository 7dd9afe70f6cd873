// Node-API binding of source-filter synthesis. A stream keeps its engine alive; every array's length and every event's place is checked before a
// kernel sees it.
#include <cstdlib>
#include <cstring>

#include "../parts.h"
#include "source-filter.h"

namespace sparsewave::source_filter {
namespace {

const Kernel* const kKernels[] = SW_KERNELS;

struct Free {
  void operator()(void* p) const { free(p); }
};
struct Engine {
  const Kernel* kernel;
  Tables tables;
  std::unique_ptr<void, Free> scratch;
};
struct EngineStream {
  std::shared_ptr<Engine> engine;
  Stream stream;
};

// createEngine(isa, point Uint8Array, weight, pulseRe, pulseIm, noiseRe, noiseIm Float64Array), each [kBins] -> engine
napi_value create_engine(Call& call) {
  const int32_t isa = call.integer(0);
  if (!can_run(isa)) return call.fail("isa");
  const uint8_t* point = call.array<uint8_t>(1, kBins);
  const double* values[5];
  bool good = point;
  for (int i = 0; i < 5; i++) good = (values[i] = call.array<double>(2 + i, kBins)) && good;
  for (int k = 0; good && k < kBins; k++) good = point[k] < kEnvelopePoints - 1;
  if (!good) return call.fail("arrays");
  auto engine = std::make_shared<Engine>();
  engine->kernel = kKernels[isa];
  void* scratch = nullptr;
  if (posix_memalign(&scratch, 64, engine->kernel->scratch_bytes)) return call.fail("no memory");
  memset(scratch, 0, engine->kernel->scratch_bytes);
  engine->scratch.reset(scratch);
  fill(engine->tables, point, values[0], values[1], values[2], values[3], values[4]);
  return call.wrap(engine);
}

// createStream(engine, random) -> stream: `random` is the generator's first state, not 0
napi_value create_stream(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  return call.wrap(std::make_shared<EngineStream>(EngineStream{engine, Stream(call.number(1))}));
}

// add(stream, count, start, delay, period Float64Array, length Int32Array, voiced Uint8Array, envelope Float32Array [count, kEnvelopePoints])
napi_value add(Call& call) {
  const auto handle = call.object<EngineStream>(0);
  if (!handle) return call.fail("the stream is closed");
  const Engine& engine = *handle->engine;
  Stream& stream = handle->stream;
  const uint32_t count = call.number(1);
  if (count > (uint32_t)engine.kernel->lanes) return call.fail("too many events");
  const double *start = call.array<double>(2, count), *delay = call.array<double>(3, count), *period = call.array<double>(4, count);
  const int32_t* length = call.array<int32_t>(5, count);
  const uint8_t* voiced = call.array<uint8_t>(6, count);
  const float* envelope = call.array<float>(7, (size_t)count * kEnvelopePoints);
  if (!start || !delay || !period || !length || !voiced || !envelope) return call.fail("arrays");
  Event events[kMostLanes];
  for (uint32_t i = 0; i < count; i++) {
    // Negated, so that what is not a number is refused.
    if (!(start[i] >= (double)stream.read && start[i] - kLead + kResponse <= (double)stream.read + kRing)) return call.fail("an event lies outside the buffer");
    if (!(period[i] >= 0) || !(delay[i] >= 0 && delay[i] <= 1)) return call.fail("an event's period or delay");
    events[i] = {(int64_t)start[i], (float)delay[i], (float)period[i], length[i], voiced[i] != 0, envelope + (size_t)i * kEnvelopePoints};
  }
  engine.kernel->add(engine.tables, engine.scratch.get(), stream, events, (int)count);
  return nullptr;
}

// emit(stream, out Float32Array, at, count)
napi_value emit(Call& call) {
  const auto handle = call.object<EngineStream>(0);
  if (!handle) return call.fail("the stream is closed");
  const size_t at = call.number(2), count = call.number(3);
  float* out = call.array<float>(1, at + count);
  if (!out) return call.fail("the array is too short");
  source_filter::emit(handle->stream, out + at, count);
  return nullptr;
}

// matchLevels(engine, count, signal, target, sum Float32Array [kResponse - kLevelStep + count * kLevelStep], first upper bin, residual ratio, overshoot ratio)
napi_value match_levels(Call& call) {
  const auto engine = call.object<Engine>(0);
  if (!engine) return call.fail("the engine is closed");
  const uint32_t count = call.number(1);
  if (count > (uint32_t)engine->kernel->lanes) return call.fail("too many frames");
  const size_t samples = kResponse - kLevelStep + (size_t)count * kLevelStep;
  const float *signal = call.array<float>(2, samples), *target = call.array<float>(3, samples);
  float* sum = call.array<float>(4, samples);
  if (!signal || !target || !sum) return call.fail("arrays");
  const LevelMatching matching = {call.integer(5), (float)call.real(6), (float)call.real(7)};
  if (matching.upper < 0 || matching.upper > kHalf / 2 || !(matching.residual >= 1) || !(matching.overshoot >= 1)) return call.fail("bounds");
  engine->kernel->match_levels(engine->tables, matching, engine->scratch.get(), signal, target, sum, (int)count);
  return nullptr;
}

const Function kFunctions[] = {{"createEngine", 7, create_engine}, {"createStream", 2, create_stream}, {"add", 8, add}, {"emit", 4, emit}, {"matchLevels", 8, match_levels}};

}  // namespace
}  // namespace sparsewave::source_filter

namespace sparsewave {

void define_source_filter(napi_env env, napi_value exports) { define_part(env, exports, "sourceFilter", source_filter::kFunctions); }
int source_filter_lanes(int isa) { return source_filter::kKernels[isa]->lanes; }

}  // namespace sparsewave
