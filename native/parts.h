// The parts of the addon, each defined in its folder's binding.cpp. An instruction set is its place in kIsas.
#pragma once
#include "binding.h"
#include "isas.h"

namespace sparsewave {

void define_vocoder(napi_env env, napi_value exports);
void define_source_filter(napi_env env, napi_value exports);
void define_layers(napi_env env, napi_value exports);

bool vocoder_supports_int8(int isa);
int source_filter_lanes(int isa);

// Whether a number that JavaScript gave is the place of an instruction set that this CPU has.
inline bool can_run(int isa) { return isa >= 0 && isa < kIsaCount && kIsas[isa].supported(); }

}  // namespace sparsewave
