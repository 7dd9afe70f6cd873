// Node-API binding of the vocoder's kernels. A stream keeps its model alive; every array's length is checked before a kernel sees it.
#include "../parts.h"
#include "denormals.h"
#include "image-check.h"
#include "model.h"
#include "peak.h"

namespace sparsewave::vocoder {
namespace {

// What an instruction set has beside its kernel.
struct Extras {
  const Peak* peak;
  // For models in int8; null where there is none.
  const Kernel* int8 = nullptr;
  double (*peak_int8)(int64_t) = nullptr;
  bool (*supports_int8)() = [] { return false; };
};
#if defined(__x86_64__)
constexpr Extras extras_of(const Kernel* kernel) {
  if (kernel == &kAvx512) return {&kPeakAvx512, &kInt8Avx512, peak_int8_avx512, has_avx512_bytes};
  return {kernel == &kAvx2 ? &kPeakAvx2 : &kPeakBaseline};
}
#elif defined(__aarch64__)
constexpr Extras extras_of(const Kernel* kernel) { return {kernel == &kNeon ? &kPeakNeon : &kPeakBaseline}; }
#else
constexpr Extras extras_of(const Kernel*) { return {&kPeakBaseline}; }
#endif

const Kernel* const kKernels[] = SW_KERNELS;

struct KernelModel {
  std::shared_ptr<Model> model;
  const Kernel* kernel;
};
struct KernelStream {
  std::shared_ptr<Model> model;
  const Kernel* kernel;
  Stream stream;
};

// createModel(isa, header Int32Array, values Float32Array, columns Uint16Array, integers Int16Array) -> model
napi_value create_model(Call& call) {
  const int32_t isa = call.integer(0);
  if (!can_run(isa)) return call.fail("isa");
  size_t n_header, n_values, n_columns, n_integers;
  const int32_t* header = call.array<int32_t>(1, &n_header);
  const float* values = call.array<float>(2, &n_values);
  const uint16_t* columns = call.array<uint16_t>(3, &n_columns);
  const int16_t* integers = call.array<int16_t>(4, &n_integers);
  // An empty array's memory may have no address.
  if (!header || !values || !columns || (!integers && n_integers > 0) || n_header != sizeof(Header) / sizeof(int32_t)) return call.fail("arrays");
  Header h;
  memcpy(&h, header, sizeof h);
  if (!valid(h, n_values, n_columns, columns, n_integers)) return call.fail("image");
  const Extras extras = extras_of(kKernels[isa]);
  if (h.integer == 2 && !extras.supports_int8()) return call.fail("int8 is not supported");
  auto model = std::make_shared<Model>(h);
  memcpy(model->values.get(), values, n_values * sizeof(float));
  memcpy(model->columns.get(), columns, n_columns * sizeof(uint16_t));
  if (n_integers > 0) memcpy(model->integers.get(), integers, n_integers * sizeof(int16_t));
  model->index();
  return call.wrap(std::make_shared<KernelModel>(KernelModel{model, model->int8() ? extras.int8 : kKernels[isa]}));
}

// createStream(model, seed) -> stream
napi_value create_stream(Call& call) {
  const auto m = call.object<KernelModel>(0);
  if (!m) return call.fail("the model is closed");
  return call.wrap(std::shared_ptr<KernelStream>(new KernelStream{m->model, m->kernel, Stream(*m->model, fmix32(call.number(1) + 0x9e3779b9u))}));
}

// streamBytes(model) -> bytes of the state of one stream
napi_value stream_bytes(Call& call) {
  const auto m = call.object<KernelModel>(0);
  if (!m) return call.fail("the model is closed");
  napi_value out;
  napi_create_uint32(call.env, (uint32_t)Stream(*m->model, 0).bytes(), &out);
  return out;
}

// One stream's work: `count` frames of FrameBlocks from frame `from` on, samples to `out` from `at` on.
struct Work {
  const float *gate_terms, *lpc, *gain, *level;
  const int32_t* lag;
  const double* increment;
  float* out;
  size_t from;

  // Takes the arrays in the order of FrameBlocks; null, or what is wrong with them.
  const char* read(const Call& call, const napi_value frames[6], uint32_t from_, uint32_t count, napi_value samples, uint32_t at, size_t hidden) {
    size_t n[6], n_out;
    gate_terms = call.array_of<float>(frames[0], &n[0]);
    lpc = call.array_of<float>(frames[1], &n[1]);
    gain = call.array_of<float>(frames[2], &n[2]);
    level = call.array_of<float>(frames[3], &n[3]);
    lag = call.array_of<int32_t>(frames[4], &n[4]);
    increment = call.array_of<double>(frames[5], &n[5]);
    out = call.array_of<float>(samples, &n_out);
    if (!gate_terms || !lpc || !gain || !level || !lag || !increment || !out) return "arrays";
    from = from_;
    gate_terms_ = 3 * hidden;
    const size_t end = from + count;
    if (n[0] < end * gate_terms_ || n[1] < end * kBands * kLpcOrder || n[2] < end * kBands || n[3] < end * kBands || n[4] < end || n[5] < end || n_out < at + (size_t)count * kHop)
      return "an array is too short";
    out += at;
    return nullptr;
  }
  // Frame j of them, from 0.
  Frame frame(size_t j) const {
    const size_t i = from + j;
    return {gate_terms + i * gate_terms_, lpc + i * kBands * kLpcOrder, gain + i * kBands, level + i * kBands, lag[i], increment[i]};
  }

 private:
  size_t gate_terms_;
};

// generate(stream, gateTerms, lpc, gain, inverseLevel, lag, phaseIncrement, from, count, out, at)
napi_value generate(Call& call) {
  const auto s = call.object<KernelStream>(0);
  if (!s) return call.fail("the stream is closed");
  const uint32_t count = call.number(8);
  Work work;
  if (const char* wrong = work.read(call, call.args + 1, call.number(7), count, call.args[9], call.number(10), s->model->header.hidden)) return call.fail(wrong);
  FlushDenormals flush;
  Stream* const streams[1] = {&s->stream};
  for (uint32_t j = 0; j < count; j++) {
    const Frame frame = work.frame(j);
    float* const outs[1] = {work.out + (size_t)j * kHop};
    s->kernel->generate(streams, 1, &frame, 1, outs);
  }
  return nullptr;
}

// Reads one job { stream: { handle }, frames, from, out, at } of `count` frames: its frames to `frames`. Null, or what is wrong with it.
const char* read_job(const Call& call, napi_value job, const Model* model, uint32_t count, Stream** stream, Frame* frames, float** out) {
  auto property = [&](napi_value object, const char* name) {
    napi_value value = nullptr;
    napi_get_named_property(call.env, object, name, &value);
    return value;
  };
  const auto s = call.object_of<KernelStream>(property(property(job, "stream"), "handle"));
  if (!s) return "a stream is closed";
  if (s->model.get() != model) return "a stream is of another model";
  const napi_value f = property(job, "frames");
  const napi_value arrays[6] = {property(f, "gateTerms"), property(f, "lpc"), property(f, "gain"), property(f, "inverseLevel"), property(f, "lag"), property(f, "phaseIncrement")};
  Work work;
  if (const char* wrong = work.read(call, arrays, call.number_of(property(job, "from")), count, property(job, "out"), call.number_of(property(job, "at")), model->header.hidden)) return wrong;
  for (uint32_t j = 0; j < count; j++) frames[j] = work.frame(j);
  *stream = &s->stream;
  *out = work.out;
  return nullptr;
}

// generateMany(model, jobs, count): `count` frames of each job; at most kPanel jobs and kPanelFrames frames, no stream twice
napi_value generate_many(Call& call) {
  const auto m = call.object<KernelModel>(0);
  if (!m) return call.fail("the model is closed");
  uint32_t n = 0;
  if (napi_get_array_length(call.env, call.args[1], &n) != napi_ok || n > kPanel) return call.fail("jobs");
  const uint32_t count = call.number(2);
  if (count > kPanelFrames) return call.fail("frames");
  if (n == 0 || count == 0) return nullptr;
  Stream* streams[kPanel];
  Frame frames[kPanel * kPanelFrames];
  float* outs[kPanel];
  for (uint32_t i = 0; i < n; i++) {
    napi_value job;
    napi_get_element(call.env, call.args[1], i, &job);
    if (const char* wrong = read_job(call, job, m->model.get(), count, &streams[i], frames + i * count, &outs[i])) return call.fail(wrong);
    for (uint32_t k = 0; k < i; k++)
      if (streams[k] == streams[i]) return call.fail("a stream twice");
  }
  FlushDenormals flush;
  m->kernel->generate(streams, (int)n, frames, (int)count, outs);
  return nullptr;
}

// outputs(stream, steps, inputs, gateTerms, residuals, out): teacher-forced, kStepsPerFrame steps a row of gate terms
napi_value outputs(Call& call) {
  const auto s = call.object<KernelStream>(0);
  if (!s) return call.fail("the stream is closed");
  const uint32_t steps = call.number(1);
  const size_t D = s->model->header.inputs, H3 = 3 * (size_t)s->model->header.hidden, frames = (steps + kStepsPerFrame - 1) / kStepsPerFrame;
  const float *x = call.array<float>(2, steps * D), *gate_terms = call.array<float>(3, frames * H3), *e = call.array<float>(4, (size_t)steps * kBands);
  float* out = call.array<float>(5, (size_t)steps * kBands * kHeadOutputs);
  if (!x || !gate_terms || !e || !out) return call.fail("arrays");
  FlushDenormals flush;
  for (size_t t = 0; t < steps; t++) s->kernel->outputs(s->stream, gate_terms + t / kStepsPerFrame * H3, x + t * D, e + t * kBands, out + t * kBands * kHeadOutputs);
  return nullptr;
}

// activate(isa, which, values, int8): 0 exp, 1 sigmoid, 2 tanh, in place, as models in int8 make them or as others do
napi_value activate(Call& call) {
  const int32_t isa = call.integer(0);
  size_t n;
  float* values = call.array<float>(2, &n);
  if (!can_run(isa) || !values || n % kBlock) return call.fail("arguments");
  const Extras extras = extras_of(kKernels[isa]);
  const bool int8 = call.integer(3) != 0;
  if (int8 && !extras.supports_int8()) return call.fail("int8 is not supported");
  (int8 ? extras.int8 : kKernels[isa])->activate(call.integer(1), values, n);
  return nullptr;
}

// peak(isa, rounds, bits) -> multiply-adds that were made; bits: 8, 16, 32
napi_value peak(Call& call) {
  const int32_t isa = call.integer(0), bits = call.integer(2);
  int64_t rounds = -1;
  napi_get_value_int64(call.env, call.args[1], &rounds);
  if (!can_run(isa) || rounds < 0) return call.fail("arguments");
  const Extras extras = extras_of(kKernels[isa]);
  if (bits == 8 && !extras.supports_int8()) return call.fail("int8 is not supported");
  volatile double sum = (bits == 8 ? extras.peak_int8 : bits == 16 ? extras.peak->run_integer : extras.peak->run)(rounds);
  (void)sum;
  napi_value out;
  napi_create_double(call.env, (double)rounds * extras.peak->macs_a_round * 32 / bits, &out);
  return out;
}

// partTicks(model, out Float64Array [kPartCount]): ticks by part (stopwatch.h) since the last call; the first call starts the clock
napi_value part_ticks(Call& call) {
  const auto m = call.object<KernelModel>(0);
  if (!m) return call.fail("the model is closed");
  double* out = call.array<double>(1, kPartCount);
  if (!out) return call.fail("arrays");
  Stopwatch& stopwatch = m->model->stopwatch;
  for (int p = 0; p < kPartCount; p++) out[p] = (double)stopwatch.ticks[p], stopwatch.ticks[p] = 0;
  stopwatch.on = true;
  return nullptr;
}

const Function kFunctions[] = {
    {"createModel", 5, create_model}, {"createStream", 2, create_stream}, {"streamBytes", 1, stream_bytes}, {"generate", 11, generate}, {"generateMany", 3, generate_many},
    {"outputs", 6, outputs},          {"activate", 4, activate},          {"peak", 3, peak},                  {"partTicks", 2, part_ticks},
};

}  // namespace
}  // namespace sparsewave::vocoder

namespace sparsewave {

void define_vocoder(napi_env env, napi_value exports) { define_part(env, exports, "vocoder", vocoder::kFunctions); }
bool vocoder_supports_int8(int isa) { return vocoder::extras_of(vocoder::kKernels[isa]).supports_int8(); }

}  // namespace sparsewave
