// The check of a model's memory image that stands before every kernel; the binding and the fuzz target share it.
#pragma once
#include "model.h"

namespace sparsewave {

// The image comes from this package's own packer; a wrong one must still not read outside itself.
SW_INLINE bool valid(const Header& h, size_t values, size_t columns, const uint16_t* c) {
  const int64_t H = h.hidden, K = h.head_hidden, D = h.inputs;
  if (H <= 0 || H % kBlock || H > 4096 || K <= 0 || K % kBlock || K > 512 || D != 50) return false;
  const int64_t strips = H / kBlock, head_strips = kBands * K / kBlock;
  const int64_t strip = (int64_t)h.reset_blocks + h.update_blocks + h.recurrent_blocks + h.input_blocks;
  if (h.reset_blocks <= 0 || h.update_blocks <= 0 || h.recurrent_blocks <= 0 || h.input_blocks <= 0 || h.head_blocks <= 0) return false;
  if ((size_t)h.total_values != values || (size_t)h.total_columns != columns) return false;
  if (h.head_columns != strips * strip || h.total_columns != h.head_columns + head_strips * h.head_blocks) return false;
  const struct {
    int32_t at;
    int64_t size;
  } segments[] = {{h.gate_values, strips * strip * kBlock},
                  {h.head_values, head_strips * h.head_blocks * kBlock},
                  {h.head_bias, kBands * K},
                  {h.head_step, K * (4 * D + 6)},
                  {h.head_skip, (D + kBands) * kBands},
                  {h.output_weight, kBands * K * kBlock},
                  {h.output_bias, kBands * kBlock},
                  {h.filters, 64 * kBands},
                  {h.table, (kTablePoints + 1) * kBands},
                  {h.temperature, 2 * kBands}};
  for (const auto& s : segments)
    if (s.at < 0 || s.at % 16 || s.at + s.size > h.total_values) return false;
  for (int64_t i = 0; i < h.total_columns; i++)
    if (c[i] >= (i < h.head_columns ? H + D : H)) return false;
  return true;
}

}  // namespace sparsewave
