// The vocoder's kernels without Node: for sanitizers, for emulated CPUs and for counting instructions. A case file holds a model's
// image, frames, and a teacher-forced run with the reference kernel's outputs (write-case.ts).
//
//   vocoder [--quick] CASE...                every kernel of this CPU that has the case's precision: outputs near the reference's, panels bitwise the lone streams, no allocation while generating
//   vocoder --run KERNEL STREAMS FRAMES CASE generates and prints the sum, for callgrind
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "image-check.h"
#include "vocoder-kernels.h"

using namespace sparsewave;
using namespace sparsewave::vocoder;

// Every allocation of the program is counted: generating must make none.
static long allocations = 0;
static void* counted(size_t bytes, size_t alignment) {
  allocations++;
  void* p = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) abort();
  return p;
}
void* operator new(size_t bytes) { return counted(bytes, 16); }
void* operator new[](size_t bytes) { return counted(bytes, 16); }
void* operator new[](size_t bytes, std::align_val_t alignment) { return counted(bytes, (size_t)alignment); }
void operator delete(void* p) noexcept { free(p); }
void operator delete[](void* p) noexcept { free(p); }
void operator delete(void* p, size_t) noexcept { free(p); }
void operator delete[](void* p, size_t) noexcept { free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { free(p); }

namespace {

[[noreturn]] void die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  exit(1);
}

// Arrays in the file: an int32 with the number of bytes, then the bytes.
template <class T>
std::vector<T> read(FILE* f) {
  int32_t bytes = 0;
  if (fread(&bytes, 4, 1, f) != 1 || bytes < 0 || bytes % sizeof(T)) die("the case file is damaged");
  std::vector<T> v(bytes / sizeof(T));
  if (bytes > 0 && fread(v.data(), 1, bytes, f) != (size_t)bytes) die("the case file is damaged");
  return v;
}

struct Case {
  std::unique_ptr<Model> model;
  std::vector<float> gate_terms, lpc, gain, level;
  std::vector<int32_t> lag;
  std::vector<double> increment;
  std::vector<float> x, forced_gate_terms, e, expected;

  explicit Case(const char* path) {
    FILE* f = fopen(path, "rb");
    if (!f) die(std::string(path) + " cannot be opened");
    const auto header = read<int32_t>(f);
    const auto values = read<float>(f);
    const auto columns = read<uint16_t>(f);
    const auto integers = read<int16_t>(f);
    Header h;
    if (header.size() * 4 != sizeof h) die("the header has another size");
    memcpy(&h, header.data(), sizeof h);
    if (!valid(h, values.size(), columns.size(), columns.data(), integers.size())) die("the image is not valid");
    model.reset(new Model(h));
    memcpy(model->values.get(), values.data(), values.size() * 4);
    memcpy(model->columns.get(), columns.data(), columns.size() * 2);
    if (!integers.empty()) memcpy(model->integers.get(), integers.data(), integers.size() * 2);
    model->index();
    gate_terms = read<float>(f), lpc = read<float>(f), gain = read<float>(f), level = read<float>(f);
    lag = read<int32_t>(f), increment = read<double>(f);
    x = read<float>(f), forced_gate_terms = read<float>(f), e = read<float>(f), expected = read<float>(f);
    fclose(f);
  }

  // Frame j of stream i: every stream is at another place of the frames.
  Frame frame(int i, int j) const {
    const size_t k = ((size_t)i * 5 + j) % lag.size();
    return {&gate_terms[k * 3 * model->header.hidden], &lpc[k * kBands * kLpcOrder], &gain[k * kBands], &level[k * kBands], lag[k], increment[k]};
  }
};

double worst_output(const Kernel& kernel, const Case& c) {
  Stream s(*c.model, 0);
  const size_t steps = c.e.size() / kBands, D = c.model->header.inputs, H3 = 3 * (size_t)c.model->header.hidden;
  double worst = 0;
  for (size_t t = 0; t < steps; t++) {
    float out[kBands * kHeadOutputs];
    kernel.outputs(s, &c.forced_gate_terms[t / kStepsPerFrame * H3], &c.x[t * D], &c.e[t * kBands], out);
    for (int i = 0; i < kBands * kHeadOutputs; i++) {
      const double d = std::fabs((double)out[i] - c.expected[t * kBands * kHeadOutputs + i]);
      worst = d <= worst ? worst : d;
      if (std::isnan(d)) return d;
    }
  }
  return worst;
}

// Samples of streams first .. first + n - 1, `count` frames a call.
std::vector<float> generate(const Kernel& kernel, const Case& c, int first, int n, int frames, int count) {
  std::vector<std::unique_ptr<Stream>> own;
  std::vector<float> out((size_t)n * frames * kHop);
  for (int i = 0; i < n; i++) own.emplace_back(new Stream(*c.model, fmix32(first + i)));
  for (int j = 0; j < frames; j += count) {
    const int now = count < frames - j ? count : frames - j;
    std::vector<Frame> at;
    Stream* streams[kPanel];
    float* outs[kPanel];
    for (int i = 0; i < n; i++) {
      streams[i] = own[i].get();
      outs[i] = &out[((size_t)i * frames + j) * kHop];
      for (int k = 0; k < now; k++) at.push_back(c.frame(first + i, j + k));
    }
    const long before = allocations;
    kernel.generate(streams, n, at.data(), now, outs);
    if (allocations != before) die("generating has allocated memory");
  }
  return out;
}

bool check(const VocoderKernel& k, const Case& c, const char* path, bool quick) {
  const int frames = quick ? 2 : 6;
  std::vector<float> alone;
  for (int i = 0; i < kPanel; i++) {
    const auto one = generate(*k.kernel, c, i, 1, frames, 1);
    alone.insert(alone.end(), one.begin(), one.end());
  }
  const double worst = worst_output(*k.kernel, c);
  int different = 0, panels = 0;
  for (int n = 1; n <= kPanel; n += quick ? 5 : 1)
    for (int count : {1, 4, frames}) panels++, different += memcmp(generate(*k.kernel, c, 0, n, frames, count).data(), alone.data(), (size_t)n * frames * kHop * 4) != 0;
  double energy = 0;
  for (float v : alone) energy += (double)v * v;
  // In int8 an h whose last bits differ may be quantized a step higher.
  const bool good = worst < (c.model->int8() ? 5e-3 : 2e-5) && different == 0 && energy > 0 && std::isfinite(energy);
  printf("%s %s: H %d, outputs within %.1e of the reference, %d of %d panels differ from lone streams%s\n", good ? "ok" : "FAILED", k.name, c.model->header.hidden, worst, different, panels,
         good ? "" : (std::string(", ") + path).c_str());
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<VocoderKernel> all = vocoder_kernels();
  if (argc == 6 && !strcmp(argv[1], "--run")) {
    const Case c(argv[5]);
    const int n = atoi(argv[3]), frames = atoi(argv[4]);
    if (n < 1 || n > kPanel || frames < 1) die("1 to 16 streams, at least one frame");
    for (const VocoderKernel& k : all) {
      if (strcmp(k.name, argv[2]) || k.int8 != c.model->int8()) continue;
      double sum = 0;
      for (float v : generate(*k.kernel, c, 0, n, frames, 8)) sum += v;
      printf("%g\n", sum);
      return 0;
    }
    die("this CPU has no such kernel");
  }
  if (argc < 2) die("usage: vocoder CASE... | vocoder --run KERNEL STREAMS FRAMES CASE");
  const bool quick = !strcmp(argv[1], "--quick");
  bool good = true;
  for (int a = quick ? 2 : 1; a < argc; a++) {
    const Case c(argv[a]);
    for (const VocoderKernel& k : all)
      if (k.int8 == c.model->int8()) good &= check(k, c, argv[a], quick);
  }
  return good ? 0 : 1;
}
