// The check of a model's memory image that stands before every kernel; the binding and the fuzz target share it.
#pragma once
#include <initializer_list>

#include "model.h"

namespace sparsewave::vocoder {

// The image comes from this package's own packer; a wrong one must still not read outside itself.
SW_INLINE bool valid(const Header& h, size_t values, size_t columns, const uint16_t* c, size_t integers) {
  const int64_t H = h.hidden, K = h.head_hidden, D = h.inputs;
  if (H <= 0 || H % kBlock || H > kMaxHidden || K <= 0 || K % kBlock || K > kMaxHeadHidden || D != kStepInputs) return false;
  const int64_t strips = H / kBlock, head_strips = kBands * K / kBlock;
  const bool int8 = h.integer == 2;
  const int64_t state_blocks = (int64_t)h.reset_blocks + h.update_blocks + h.recurrent_blocks;
  const int64_t strip = state_blocks + (int8 ? 3 : 1) * (int64_t)h.input_blocks;
  if (h.reset_blocks <= 0 || h.update_blocks <= 0 || h.recurrent_blocks <= 0 || h.input_blocks <= 0 || h.head_blocks <= 0) return false;
  if (h.integer < 0 || h.integer > 2) return false;
  // Blocks that lie together, and values that take the place of one.
  const int group = int8 ? 4 : h.integer ? 2 : 1, packed = int8 ? 2 : 1;
  if (int8 && (state_blocks > 3 * H + 12 || h.input_blocks > kPaddedStepInputs || h.head_blocks > H + 3)) return false;
  for (const int32_t blocks : {h.reset_blocks, h.update_blocks, h.recurrent_blocks, h.input_blocks, h.head_blocks})
    if (blocks % group) return false;
  if ((size_t)h.total_integers != integers || (!h.integer && integers != 0)) return false;
  if ((size_t)h.total_values != values || (size_t)h.total_columns != columns) return false;
  if (h.head_columns != strips * strip || h.total_columns != h.head_columns + head_strips * h.head_blocks) return false;
  const struct {
    int32_t at;
    int64_t size;
  } blocks[] = {{h.gate_values, strips * strip * kBlock / packed}, {h.head_values, head_strips * h.head_blocks * kBlock / packed}, {h.step_values, h.integer ? kBands * K * ((D + group - 1) / group * group) / packed : 0}},
    segments[] = {{h.head_bias, kBands * K},
                  {h.head_step, K * (4 * D + 6)},
                  {h.head_skip, (D + kBands) * kBands},
                  {h.output_weight, kBands * K * kBlock},
                  {h.output_bias, kBands * kBlock},
                  {h.filters, kPqmfTaps * kBands},
                  {h.table, (kExcitationPoints + 1) * kBands},
                  {h.temperature, 2 * kBands},
                  {h.scales, int8 ? 2 * (6 * H + 2 * kBands * K) : h.integer ? 4 * H + 2 * kBands * K : 0},
                  {h.input_steps, h.integer ? 2 * kPaddedStepInputs : 0}};
  for (const auto& s : blocks)
    if (s.at < 0 || s.at % 16 || s.at + s.size > (h.integer ? h.total_integers : h.total_values)) return false;
  for (const auto& s : segments)
    if (s.at < 0 || s.at % 16 || s.at + s.size > h.total_values) return false;
  for (int64_t i = 0; i < h.total_columns; i++) {
    if (c[i] >= (i < h.head_columns ? H + D : H)) return false;
    // In int8 a list is of h or of x.
    if (int8 && i < h.head_columns && (c[i] >= H) != (i % strip >= state_blocks)) return false;
  }
  return true;
}

}  // namespace sparsewave::vocoder
