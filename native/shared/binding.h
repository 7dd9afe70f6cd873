// What the addons' Node-API bindings have in common: arguments, typed arrays, externals, the list of instruction sets. Each addon includes it once.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "cpu.h"

namespace sparsewave {
namespace {

inline napi_value fail(napi_env env, const char* message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

template <size_t N>
bool arguments(napi_env env, napi_callback_info info, napi_value (&a)[N]) {
  size_t argc = N;
  napi_get_cb_info(env, info, &argc, a, nullptr, nullptr);
  return argc == N;
}

inline uint32_t number(napi_env env, napi_value value) {
  uint32_t n = 0;
  napi_get_value_uint32(env, value, &n);
  return n;
}

// An array's data when it is of that type, and its length.
template <class T>
T* typed(napi_env env, napi_value value, napi_typedarray_type want, size_t* length) {
  *length = 0;
  bool is = false;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return nullptr;
  napi_typedarray_type type;
  void* data = nullptr;
  napi_get_typedarray_info(env, value, &type, length, &data, nullptr, nullptr);
  return type == want ? static_cast<T*>(data) : nullptr;
}
// When it has at least `least` elements, too.
template <class T>
T* typed(napi_env env, napi_value value, napi_typedarray_type want, size_t least) {
  size_t length = 0;
  T* data = typed<T>(env, value, want, &length);
  return length >= least ? data : nullptr;
}
inline float* floats(napi_env env, napi_value value, size_t* length) { return typed<float>(env, value, napi_float32_array, length); }
inline float* floats(napi_env env, napi_value value, size_t least) { return typed<float>(env, value, napi_float32_array, least); }

// An addon makes externals of one type only, its Handle.
template <class Handle>
Handle* unwrap(napi_env env, napi_value value) {
  napi_valuetype type;
  void* data = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return nullptr;
  napi_get_value_external(env, value, &data);
  return static_cast<Handle*>(data);
}
// JavaScript's collector deletes it.
template <class Handle>
napi_value wrap(napi_env env, Handle* h) {
  napi_value external;
  napi_create_external(env, h, [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr, &external);
  return external;
}

// [{ name, supported }] of what has both, in the order of `all`; `more` adds to an item.
template <class Isa, size_t N, class More>
napi_value list_isas(napi_env env, const Isa (&all)[N], const More& more) {
  napi_value list;
  napi_create_array(env, &list);
  for (size_t i = 0; i < N; i++) {
    napi_value item, name, supported;
    napi_create_object(env, &item);
    napi_create_string_utf8(env, all[i].name, NAPI_AUTO_LENGTH, &name);
    napi_get_boolean(env, all[i].supported(), &supported);
    napi_set_named_property(env, item, "name", name);
    napi_set_named_property(env, item, "supported", supported);
    more(item, all[i]);
    napi_set_element(env, list, (uint32_t)i, item);
  }
  return list;
}
template <class Isa, size_t N>
napi_value list_isas(napi_env env, const Isa (&all)[N]) {
  return list_isas(env, all, [](napi_value, const Isa&) {});
}

}  // namespace
}  // namespace sparsewave
