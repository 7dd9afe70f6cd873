// One stream on two threads: what one step's products would gain if half of the strips were another thread's work. Both spin on a
// counter, the cheapest meeting there is; the helper idles while heads are sampled, since that is one chain.
//
//   two-threads CASE [seconds of audio]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <functional>
#include <thread>
#include <vector>

#include "../../native/vocoder/kernel.avx2.cpp"

namespace sparsewave::vocoder {
namespace {

// Both threads come to each meeting; the last one lets all go on.
class Meeting {
 public:
  void come() {
    const int mine = at_.load(std::memory_order_acquire) / 2;
    at_.fetch_add(1, std::memory_order_acq_rel);
    while (at_.load(std::memory_order_acquire) / 2 == mine) __builtin_ia32_pause();
  }

 private:
  alignas(64) std::atomic<int> at_{0};
};

// Strips [half of them] of the integer products of a step, as advance_with makes them for one stream.
void gates(Stream& s, int which, int of) {
  const Model& m = s.model;
  const Header& h = m.header;
  const int counts[4] = {h.reset_blocks, h.update_blocks, h.recurrent_blocks, h.input_blocks};
  const size_t stride = (size_t)counts[0] + counts[1] + counts[2] + counts[3];
  const int strips = h.hidden / kBlock, from = strips * which / of, to = strips * (which + 1) / of;
  Stream* const streams[1] = {&s};
  float* const outs[1] = {s.sums};
  int32_t values = h.gate_values;
  const uint16_t* c = m.columns.get();
  for (int g = 0; g < 4; g++) {
    integer_products<false>(to - from, m.integers.get() + values + from * stride * kBlock, c + from * stride, counts[g], stride, 0, streams, outs, (size_t)g * h.hidden + from * kBlock, 1);
    values += counts[g] * kBlock;
    c += counts[g];
  }
}

void heads(Stream& s, int which, int of) {
  const Model& m = s.model;
  const Header& h = m.header;
  const int strips = kBands * h.head_hidden / kBlock, from = strips * which / of, to = strips * (which + 1) / of;
  Stream* const streams[1] = {&s};
  float* const outs[1] = {s.head};
  integer_products<false>(to - from, m.integers.get() + h.head_values + (size_t)from * h.head_blocks * kBlock, m.columns.get() + h.head_columns + from * h.head_blocks, h.head_blocks, h.head_blocks, 0, streams, outs, (size_t)from * kBlock, 1);
  float* const sums[1] = {s.sums};
  integer_products<true>(to - from, m.integers.get() + h.step_values + (size_t)from * h.inputs * kBlock, nullptr, h.inputs, h.inputs, h.hidden, streams, sums, (size_t)from * kBlock, 1);
}

// The model of a case file (test/native/write-case.ts): arrays, each after its number of bytes.
std::unique_ptr<Model> read_case(const char* path) {
  FILE* f = fopen(path, "rb");
  std::vector<char> arrays[4];
  for (auto& array : arrays) {
    int32_t bytes = 0;
    if (!f || fread(&bytes, 4, 1, f) != 1) exit((fprintf(stderr, "%s cannot be read\n", path), 1));
    array.resize(bytes);
    if (fread(array.data(), 1, bytes, f) != (size_t)bytes) exit((fprintf(stderr, "%s is too short\n", path), 1));
  }
  fclose(f);
  Header h;
  memcpy(&h, arrays[0].data(), sizeof h);
  auto m = std::make_unique<Model>(h);
  memcpy(m->values.get(), arrays[1].data(), arrays[1].size());
  memcpy(m->columns.get(), arrays[2].data(), arrays[2].size());
  memcpy(m->integers.get(), arrays[3].data(), arrays[3].size());
  return m;
}

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace
}  // namespace sparsewave::vocoder

using namespace sparsewave;
using namespace sparsewave::vocoder;

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: two-threads CASE [seconds]\n");
    return 2;
  }
  const int steps = (int)(6000 * (argc > 2 ? atof(argv[2]) : 5));
  const auto c = read_case(argv[1]);
  Stream s(*c, 1);
  Stream* const streams[1] = {&s};
  assign_slots(streams, 1);
  gather(streams, 1);
  std::vector<float> zeros(3 * c->header.hidden + 64);
  const Frame frame = {zeros.data(), zeros.data(), zeros.data(), zeros.data(), 100, 0.02};
  const Frame* const frames[1] = {&frame};
  float samples[kHop];
  float* const outs[1] = {samples};

  std::atomic<bool> end{false};
  Meeting start, half, done;
  std::thread helper([&] {
    for (;;) {
      start.come();
      if (end) return;
      gates(s, 1, 2);
      half.come();
      heads(s, 1, 2);
      done.come();
    }
  });
  double whole = 1e9, one = 1e9, two = 1e9;
  // The best of interleaved rounds: the machine is others' too.
  for (int round = 0; round < 7; round++) {
    whole = std::min(whole, seconds_of([&] { for (int i = 0; i < steps / kStepsPerFrame; i++) generate_frame(streams, 1, frames, outs); }));
    one = std::min(one, seconds_of([&] { for (int i = 0; i < steps; i++) gates(s, 0, 1), heads(s, 0, 1); }));
    two = std::min(two, seconds_of([&] {
      for (int i = 0; i < steps; i++) {
        start.come();
        gates(s, 0, 2);
        half.come();
        heads(s, 0, 2);
        done.come();
      }
    }));
  }
  end = true;
  start.come();
  helper.join();
  const double us = 1e6 / steps;
  printf("H %d, microseconds a step: whole %.2f, of it products %.2f; products on two threads %.2f, so the whole %.2f (%.2fx)\n", c->header.hidden, whole * us, one * us, two * us, (whole - one + two) * us, whole / (whole - one + two));
  return 0;
}
