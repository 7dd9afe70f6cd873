// The addon that speaks: { vocoder, sourceFilter, layers } and what they share. Each part's binding.cpp lists its functions.
#include "cpu.h"
#include "parts.h"

namespace sparsewave {
namespace {

// isas() -> [{ name, supported, int8, lanes }], fastest first; functions take an instruction set by its place in this list. int8: whether
// it multiplies 8-bit integers. lanes: events of the source-filter engine that are shaped at a time.
napi_value isas(Call& call) {
  return list_isas(call.env, kIsas, [&](napi_value item, size_t i) {
    napi_value int8, lanes;
    napi_get_boolean(call.env, vocoder_supports_int8((int)i), &int8);
    napi_set_named_property(call.env, item, "int8", int8);
    napi_create_int32(call.env, source_filter_lanes((int)i), &lanes);
    napi_set_named_property(call.env, item, "lanes", lanes);
  });
}

// features() -> names of the vector extensions that the CPU has and the system allows
napi_value features(Call& call) {
  napi_value list;
  napi_create_array(call.env, &list);
  [[maybe_unused]] uint32_t count = 0;
  [[maybe_unused]] auto add = [&](const char* name, bool has) {
    if (!has) return;
    napi_value text;
    napi_create_string_utf8(call.env, name, NAPI_AUTO_LENGTH, &text);
    napi_set_element(call.env, list, count++, text);
  };
#if defined(__x86_64__)
#define SW_FEATURE(name) add(name, __builtin_cpu_supports(name))
  SW_FEATURE("sse4.2");
  SW_FEATURE("avx");
  SW_FEATURE("avx2");
  SW_FEATURE("fma");
  SW_FEATURE("avx512f");
  SW_FEATURE("avx512bw");
  SW_FEATURE("avx512dq");
  SW_FEATURE("avx512vl");
  SW_FEATURE("avx512vbmi");
  SW_FEATURE("avx512vnni");
#undef SW_FEATURE
#elif defined(__aarch64__)
  add("neon", true);
#endif
  return list;
}

const Function kFunctions[] = {{"isas", 0, isas}, {"features", 0, features}, {"dispose", 1, dispose}};

napi_value init(napi_env env, napi_value exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  define(env, exports, kFunctions);
  define_vocoder(env, exports);
  define_source_filter(env, exports);
  define_layers(env, exports);
  return exports;
}

}  // namespace
}  // namespace sparsewave

NAPI_MODULE(sparsewave_serve, sparsewave::init)
