// Source-filter synthesis without Node: for sanitizers and for emulated CPUs. A case file (write-case.ts) holds tables, events and the definition's samples.
//
//   source-filter CASE      every instruction set of this CPU: samples near the definition's, the same one event at a time, no allocation
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "source-filter.h"
#include "kernels.h"

using namespace sparsewave::source_filter;
using sparsewave::kEnvelopePoints;

static long allocations = 0;
void* operator new[](size_t bytes) {
  allocations++;
  void* p = malloc(bytes);
  if (!p) abort();
  return p;
}
void operator delete[](void* p) noexcept { free(p); }
void operator delete[](void* p, size_t) noexcept { free(p); }

namespace {

// As write-case.ts has them.
const LevelMatching kBounds = {150, 1.18920712f, 2};

template <class T>
std::vector<T> read(FILE* f) {
  int32_t bytes = 0;
  std::vector<T> v;
  if (fread(&bytes, 4, 1, f) == 1 && bytes > 0 && bytes % sizeof(T) == 0) v.resize(bytes / sizeof(T));
  if (v.empty() || fread(v.data(), 1, bytes, f) != (size_t)bytes) {
    fprintf(stderr, "the case file is damaged\n");
    exit(1);
  }
  return v;
}

}  // namespace

int main(int argc, char** argv) {
  FILE* f = argc == 2 ? fopen(argv[1], "rb") : nullptr;
  if (!f) {
    fprintf(stderr, "usage: source-filter CASE\n");
    return 2;
  }
  const auto point = read<uint8_t>(f);
  std::vector<double> spectra[5];
  for (auto& s : spectra) s = read<double>(f);
  const auto random = read<uint32_t>(f);
  const auto start = read<double>(f), delay = read<double>(f), period = read<double>(f);
  const auto length = read<int32_t>(f);
  const auto voiced = read<uint8_t>(f);
  const auto envelope = read<float>(f), expected = read<float>(f);
  const auto target = read<float>(f), matched = read<float>(f);
  fclose(f);
  const int count = (int)start.size();
  std::vector<Event> events;
  for (int i = 0; i < count; i++) events.push_back({(int64_t)start[i], (float)delay[i], (float)period[i], length[i], voiced[i] != 0, &envelope[(size_t)i * kEnvelopePoints]});
  Tables tables;
  fill(tables, point.data(), spectra[0].data(), spectra[1].data(), spectra[2].data(), spectra[3].data(), spectra[4].data());

  const Kernel* const all[] = SW_KERNELS;
  bool good = true;
  for (const Named<Kernel>& k : supported(all)) {
    void* scratch = nullptr;
    if (posix_memalign(&scratch, 64, k.kernel->scratch_bytes)) return 1;
    std::vector<float> first;
    double worst = 0, peak = 0;
    bool same = true;
    for (int portion : {k.kernel->lanes, 1, 3}) {
      Stream stream(random[0]);
      std::vector<float> out(expected.size());
      const long before = allocations;
      for (int i = 0; i < count;) {
        // What no later event changes goes out.
        emit(stream, out.data() + stream.read, (size_t)std::fmax(0, start[i] - kLead - stream.read));
        int n = 0;
        while (i + n < count && n < portion && start[i + n] - kLead + kResponse <= stream.read + kRing) n++;
        k.kernel->add(tables, scratch, stream, &events[i], n);
        i += n;
      }
      emit(stream, out.data() + stream.read, out.size() - stream.read);
      if (allocations != before) same = false;
      if (first.empty()) first = out;
      same &= !memcmp(first.data(), out.data(), out.size() * sizeof(float));
    }
    std::vector<float> levels;
    const int frames = (int)(matched.size() - (kResponse - kLevelStep)) / kLevelStep;
    for (int portion : {k.kernel->lanes, 1, 3}) {
      portion = std::min(portion, k.kernel->lanes);
      std::vector<float> sum(matched.size());
      for (int i = 0; i < frames; i += portion) {
        const size_t at = (size_t)i * kLevelStep;
        k.kernel->match_levels(tables, kBounds, scratch, &expected[at], &target[at], &sum[at], std::min(portion, frames - i));
      }
      if (levels.empty()) levels = sum;
      same &= !memcmp(levels.data(), sum.data(), sum.size() * sizeof(float));
    }
    free(scratch);
    double off = 0, loudest = 0;
    for (size_t i = 0; i < levels.size(); i++) {
      const double d = std::fabs((double)levels[i] - matched[i]);
      off = d <= off ? off : d;
      loudest = std::fmax(loudest, std::fabs(matched[i]));
    }
    for (size_t i = 0; i < first.size(); i++) {
      const double d = std::fabs((double)first[i] - expected[i]);
      worst = d <= worst ? worst : d;
      peak = std::fmax(peak, std::fabs(expected[i]));
    }
    const bool ok = same && peak > 0 && worst < 2e-6 * peak && loudest > 0 && off < 1e-5 * loudest;
    printf("%s source-filter %s: within %.1e of the loudest sample of the definition, levels within %.1e, %s in other portions\n", ok ? "ok" : "FAILED", k.name, worst / peak, off / loudest, same ? "the same" : "NOT THE SAME");
    good &= ok;
  }
  return good ? 0 : 1;
}
