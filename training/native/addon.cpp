// Node-API binding of the training engine: run(...) -> Promise of losses, product(...), adam(...) -> gradient norm, pack(...), unpack(...), isas() -> names.
// Arrays stay referenced while worker threads use them; the caller must not touch them until the promise settles.
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "binding.h"
#include "denormals.h"
#include "train-isas.h"

namespace sparsewave {

// The size of a large page: a pass walks through many places of its workspace at once, more than the table of small pages holds.
constexpr std::align_val_t kPage{2 << 20};

float* Workspace::reserve(size_t floats) {
  if (floats > capacity) {
    ::operator delete[](data, kPage);
    data = nullptr;
    capacity = 0;
    data = static_cast<float*>(::operator new[](floats * sizeof(float), kPage));
    capacity = floats;
#if defined(__linux__)
    madvise(data, floats * sizeof(float), MADV_HUGEPAGE);  // a wish: without it all works the same
#endif
  }
  return data;
}
Workspace::~Workspace() { ::operator delete[](data, kPage); }

namespace {

struct Job {
  Shape shape;
  std::vector<Task> tasks;
  std::vector<std::vector<uint16_t>> masks;
  float* gradient = nullptr;
  double scale = 0;
  int threads = 1;
  const Isa* isa = nullptr;
  int members = 0, per_member = 0;  // groups that a member sees
  napi_ref keep = nullptr;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  bool failed = false;
};

// Kept between calls: training runs the same shapes again and again.
std::vector<Workspace*> g_workspaces;
std::vector<Workspace*> g_gradients;
std::mutex g_mutex;

void execute(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  std::lock_guard<std::mutex> lock(g_mutex);
  try {
    const size_t n = job.shape.size;
    if (job.gradient)
      for (size_t i = 0; i < job.tasks.size(); i++) {
        while (g_gradients.size() <= i) g_gradients.push_back(new Workspace);
        job.tasks[i].gradient = g_gradients[i]->reserve(n);
      }
    while ((int)g_workspaces.size() < job.threads) g_workspaces.push_back(new Workspace);
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
    auto body = [&](int thread) {
      FlushDenormals flush;
      try {
        for (size_t i; (i = next++) < job.tasks.size();) {
          if (job.tasks[i].gradient) memset(job.tasks[i].gradient, 0, n * sizeof(float));
          job.isa->run(job.tasks[i], *g_workspaces[thread]);
        }
      } catch (...) {
        failed = true;
      }
    };
    std::vector<std::thread> pool;
    for (int t = 1; t < job.threads; t++) pool.emplace_back(body, t);
    body(0);
    for (auto& t : pool) t.join();
    job.failed = failed;
    if (job.gradient && !job.failed) {
      // Fixed order, so that the sum does not depend on the number of threads.
      std::vector<float*> gradients;
      for (const Task& t : job.tasks) gradients.push_back(t.gradient);
      job.isa->sum(gradients, n, (float)job.scale, job.gradient);
    }
  } catch (...) {
    job.failed = true;
  }
}

void complete(napi_env env, napi_status status, void* data) {
  Job* job = static_cast<Job*>(data);
  if (status != napi_ok || job->failed) {
    napi_value message, error;
    napi_create_string_utf8(env, "training step failed: out of memory", NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &error);
    napi_reject_deferred(env, job->deferred, error);
  } else {
    napi_value buffer, array;
    void* raw;
    const size_t count = (size_t)job->members * kBands;
    napi_create_arraybuffer(env, count * sizeof(double), &raw, &buffer);
    double* losses = static_cast<double*>(raw);
    std::fill(losses, losses + count, 0.0);
    for (size_t i = 0; i < job->tasks.size(); i++)
      for (int b = 0; b < kBands; b++) losses[(i / job->per_member) * kBands + b] += job->tasks[i].losses[b];
    napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array);
    napi_resolve_deferred(env, job->deferred, array);
  }
  napi_delete_reference(env, job->keep);
  napi_delete_async_work(env, job->work);
  delete job;
}

constexpr size_t kRunArguments = 11;

// run(sizes Int32Array [hidden, head, conditioning, inputs, features, members, groups, steps, threads, isa, pair groups, dense gradient],
//     offsets Float64Array, parameters, masks Uint16Array[] (members x 7, [strips][kept], any kept), examples, frames, weights,
//     state, gradient|null, scale, outputs|null)
// Pair groups 0: every member sees all groups. Else members 2i and 2i + 1 see that many groups from i * pair groups on.
napi_value run(Call& call) {
  const napi_env env = call.env;
  size_t len;
  const int32_t* s = call.array<int32_t>(0, &len);
  if (!s || len != 12) return call.fail("sizes");
  Job* job = new Job;
  auto reject = [&](const char* message) {
    delete job;
    return call.fail(message);
  };
  Shape& shape = job->shape;
  shape.hidden = s[0], shape.head = s[1], shape.conditioning = s[2], shape.inputs = s[3], shape.features = s[4];
  if (s[5] < 1 || s[6] < 1 || s[10] < 0 || (s[10] > 0 && (s[5] % 2 || s[5] / 2 * s[10] != s[6]))) return reject("members");
  const size_t members = s[5], groups = s[6], pair_groups = s[10], per_member = pair_groups ? pair_groups : groups;
  job->members = s[5], job->per_member = (int)per_member;
  const int steps = s[7];
  job->threads = std::max(1, std::min(s[8], (int)(members * per_member)));
  if (s[9] < 0 || s[9] >= (int)(sizeof(kIsas) / sizeof(kIsas[0])) || !kIsas[s[9]].supported()) return reject("isa");
  job->isa = &kIsas[s[9]];
  if (shape.hidden % kBlock || shape.head % kBlock || shape.head > 512 || shape.conditioning % kBlock || steps % kStepsPerFrame || steps <= 0 || shape.hidden > 8192 ||
      shape.conditioning * 3 > 8192)
    return reject("shape");
  const double* offsets = call.array<double>(1, &len);
  if (!offsets || len != kSegments + 1) return reject("offsets");
  for (int i = 0; i < kSegments; i++) shape.offset[i] = (int64_t)offsets[i];
  shape.size = (int64_t)offsets[kSegments];
  const size_t frames = steps / kStepsPerFrame;
  size_t n_p, n_e, n_f, n_w, n_s, n_g = 0, n_o = 0;
  const float* parameters = call.array<float>(2, &n_p);
  const float* examples = call.array<float>(4, &n_e);
  const float* features = call.array<float>(5, &n_f);
  const float* weights = call.array<float>(6, &n_w);
  float* state = call.array<float>(7, &n_s);
  float* gradient = call.array<float>(8, &n_g);
  job->scale = call.real(9);
  float* outputs = call.array<float>(10, &n_o);
  const size_t L = kLanes;
  if (!parameters || n_p != (size_t)shape.size) return reject("parameters");
  if (!examples || n_e != groups * steps * (shape.inputs + kBands) * L) return reject("examples");
  if (!features || n_f != groups * (frames + 2) * shape.features * L) return reject("frames");
  if (!weights || n_w != groups * frames * L) return reject("weights");
  if (!state || n_s != members * per_member * shape.hidden * L) return reject("state");
  if (gradient && n_g != (size_t)shape.size) return reject("gradient");
  if (outputs && (n_o != groups * steps * kBands * kHeadOutputs * L || members != 1)) return reject("outputs");
  job->gradient = gradient;
  const int rows[kMasked] = {shape.hidden, shape.hidden, shape.hidden, shape.hidden, shape.hidden, shape.hidden, kBands * shape.head};
  const int columns[kMasked] = {shape.hidden, shape.hidden, shape.hidden, shape.inputs, shape.inputs, shape.inputs, shape.hidden};
  for (size_t m = 0; m < members * kMasked; m++) {
    napi_value item;
    size_t n = 0;
    napi_get_element(env, call.args[3], (uint32_t)m, &item);
    const uint16_t* mask = call.array_of<uint16_t>(item, &n);
    const int i = m % kMasked;
    const size_t strips = (size_t)rows[i] / kBlock;
    if (!mask || n == 0 || n % strips || n / strips > (size_t)columns[i]) return reject("mask");
    for (size_t k = 0; k < n; k++)
      if (mask[k] >= columns[i]) return reject("mask column");
    job->masks.emplace_back(mask, mask + n);
  }
  for (size_t m = 0; m < members; m++)
    for (size_t j = 0; j < per_member; j++) {
      const size_t g = (pair_groups ? m / 2 * pair_groups : 0) + j;
      Task t{};
      t.shape = &job->shape;
      t.parameters = parameters;
      for (int i = 0; i < kMasked; i++) {
        const auto& mask = job->masks[m * kMasked + i];
        t.masks[i] = {mask.data(), (int)(mask.size() / (rows[i] / kBlock))};
      }
      t.dense_gradient = s[11] != 0;
      t.steps = steps;
      t.examples = examples + g * steps * (shape.inputs + kBands) * L;
      t.frames = features + g * (frames + 2) * shape.features * L;
      t.weights = weights + g * frames * L;
      t.state = state + (m * per_member + j) * shape.hidden * L;
      t.outputs = outputs ? outputs + g * steps * kBands * kHeadOutputs * L : nullptr;
      job->tasks.push_back(t);
    }
  napi_value keep, promise, name;
  napi_create_array(env, &keep);
  for (uint32_t i = 0; i < kRunArguments; i++) napi_set_element(env, keep, i, call.args[i]);
  napi_create_reference(env, keep, 1, &job->keep);
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "sparsewave.train", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

// product(sizes Int32Array [kind, strips, columns, groups, isa], weights|gradient Float32Array, mask Uint16Array [strips, kept], x, y): see net.h.
napi_value product(Call& call) {
  size_t len, n_w, n_m, n_x, n_y;
  const int32_t* s = call.array<int32_t>(0, &len);
  if (!s || len != 5 || s[0] < 0 || s[0] > kAccumulate || s[1] < 1 || s[2] < 1 || s[2] > 65536 || s[3] < 1) return call.fail("sizes");
  if (s[4] < 0 || s[4] >= (int)(sizeof(kIsas) / sizeof(kIsas[0])) || !kIsas[s[4]].supported()) return call.fail("isa");
  const size_t strips = s[1], columns = s[2], groups = s[3];
  float* w = call.array<float>(1, &n_w);
  const uint16_t* mask = call.array<uint16_t>(2, &n_m);
  float* x = call.array<float>(3, &n_x);
  float* y = call.array<float>(4, &n_y);
  if (!w || n_w != strips * columns * kBlock) return call.fail("weights");
  if (!mask || n_m == 0 || n_m % strips || n_m / strips > columns) return call.fail("mask");
  for (size_t k = 0; k < n_m; k++)
    if (mask[k] >= columns) return call.fail("mask column");
  if (!x || n_x != groups * columns * kLanes || !y || n_y != groups * strips * kBlock * kLanes) return call.fail("x or y");
  static Workspace workspace;
  try {
    kIsas[s[4]].product({(ProductKind)s[0], w, w, {mask, (int)(n_m / strips)}, (int)strips, (int)columns, (int)groups, x, y}, workspace);
  } catch (...) {
    return call.fail("out of memory");
  }
  return nullptr;
}

// adam(parameters, gradient, first, second, average, options Float64Array [rate, beta1, beta2, epsilon, clip, average, step]) -> norm
napi_value adam(Call& call) {
  size_t n[6] = {};
  float* p[5];
  for (int i = 0; i < 5; i++) {
    p[i] = call.array<float>(i, &n[i]);
    if (!p[i] || n[i] != n[0]) return call.fail("arrays of one length expected");
  }
  const double* o = call.array<double>(5, &n[5]);
  if (!o || n[5] != 7) return call.fail("options");
  static const Isa* const fastest = std::find_if(std::begin(kIsas), std::end(kIsas), [](const Isa& isa) { return isa.supported(); });
  const double norm = fastest->adam(p[0], p[1], p[2], p[3], p[4], n[0], {o[0], o[1], o[2], o[3], o[4], o[5], o[6]});
  napi_value result;
  napi_create_double(call.env, norm, &result);
  return result;
}

// Runs of a flat vector: pairs of a first element and a number of elements, ascending. Null unless they fit `flat` and hold `packed` elements.
const int32_t* runs_of(Call& call, size_t i, size_t flat, size_t packed, size_t* pairs) {
  size_t n;
  const int32_t* runs = call.array<int32_t>(i, &n);
  if (!runs || n % 2) return nullptr;
  int64_t end = 0, sum = 0;
  for (size_t k = 0; k < n; k += 2) {
    if (runs[k] < end || runs[k + 1] < 0) return nullptr;
    end = (int64_t)runs[k] + runs[k + 1];
    sum += runs[k + 1];
  }
  *pairs = n / 2;
  return end <= (int64_t)flat && sum == (int64_t)packed ? runs : nullptr;
}

// pack(flat, runs Int32Array, factor, packed): packed = factor * the runs of flat, in double precision before rounding.
napi_value pack(Call& call) {
  size_t n_f, n_p, pairs;
  const float* flat = call.array<float>(0, &n_f);
  float* packed = call.array<float>(3, &n_p);
  const int32_t* runs = flat && packed ? runs_of(call, 1, n_f, n_p, &pairs) : nullptr;
  if (!runs) return call.fail("runs");
  const double factor = call.real(2);
  for (size_t r = 0; r < pairs; r++) {
    const float* from = flat + runs[2 * r];
    for (int32_t k = 0; k < runs[2 * r + 1]; k++) packed[k] = (float)(from[k] * factor);
    packed += runs[2 * r + 1];
  }
  return nullptr;
}

// unpack(packed, runs, factor, flat): the inverse. What is in no run becomes 0.
napi_value unpack(Call& call) {
  size_t n_f, n_p, pairs;
  const float* packed = call.array<float>(0, &n_p);
  float* flat = call.array<float>(3, &n_f);
  const int32_t* runs = flat && packed ? runs_of(call, 1, n_f, n_p, &pairs) : nullptr;
  if (!runs) return call.fail("runs");
  const double factor = call.real(2);
  float* at = flat;
  for (size_t r = 0; r < pairs; r++) {
    float* from = flat + runs[2 * r];
    std::fill(at, from, 0.f);
    for (int32_t k = 0; k < runs[2 * r + 1]; k++) from[k] = (float)(packed[k] * factor);
    packed += runs[2 * r + 1];
    at = from + runs[2 * r + 1];
  }
  std::fill(at, flat + n_f, 0.f);
  return nullptr;
}

// isas() -> array of { name, supported } in the order of run's index.
napi_value isas(Call& call) {
  return list_isas(call.env, kIsas, [](napi_value, size_t) {});
}

const Function kFunctions[] = {{"run", kRunArguments, run}, {"product", 5, product}, {"adam", 6, adam}, {"pack", 4, pack}, {"unpack", 4, unpack}, {"isas", 0, isas}};

napi_value init(napi_env env, napi_value exports) {
  define(env, exports, kFunctions);
  return exports;
}

}  // namespace
}  // namespace sparsewave

NAPI_MODULE(sparsewave_train, sparsewave::init)
