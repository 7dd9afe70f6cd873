// What the addons' Node-API bindings share: functions and their arguments, handles to native objects, their release. A binding is a list of
// Functions; arguments are counted before a function runs, and what it throws names it.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace sparsewave {

class Call;

// A function of an addon: what JavaScript calls it, how many arguments it takes, its body.
struct Function {
  const char* name;
  size_t arguments;
  napi_value (*body)(Call&);
};

// What a JavaScript external holds: a shared object of one type, which what was made of it keeps alive. Null once disposed.
struct Handle {
  const void* type;
  std::shared_ptr<void> object;
};
// Its address tells the type of a handle's object.
template <class T>
inline char kTypeOf;

template <class T>
struct ElementType;
template <> struct ElementType<float> { static constexpr napi_typedarray_type value = napi_float32_array; };
template <> struct ElementType<double> { static constexpr napi_typedarray_type value = napi_float64_array; };
template <> struct ElementType<int32_t> { static constexpr napi_typedarray_type value = napi_int32_array; };
template <> struct ElementType<int16_t> { static constexpr napi_typedarray_type value = napi_int16_array; };
template <> struct ElementType<uint16_t> { static constexpr napi_typedarray_type value = napi_uint16_array; };
template <> struct ElementType<uint8_t> { static constexpr napi_typedarray_type value = napi_uint8_array; };

// One call of a function: its arguments, and what it returns.
class Call {
 public:
  static constexpr size_t kMostArguments = 12;
  napi_env env;
  napi_value args[kMostArguments] = {};

  Call(napi_env e, napi_callback_info info) : env(e) {
    void* data = nullptr;
    count_ = kMostArguments;
    napi_get_cb_info(env, info, &count_, args, nullptr, &data);
    function_ = static_cast<const Function*>(data);
  }
  napi_value run() {
    if (count_ != function_->arguments) return fail((std::to_string(function_->arguments) + " arguments expected").c_str());
    return function_->body(*this);
  }

  // Throws a TypeError "function: why".
  napi_value fail(const char* why) {
    napi_throw_type_error(env, nullptr, (std::string(function_->name) + ": " + why).c_str());
    return nullptr;
  }

  uint32_t number(size_t i) const { return number_of(args[i]); }
  int32_t integer(size_t i) const {
    int32_t n = -1;
    napi_get_value_int32(env, args[i], &n);
    return n;
  }
  double real(size_t i) const {
    double v = 0;
    napi_get_value_double(env, args[i], &v);
    return v;
  }
  bool is_null(size_t i) const {
    napi_valuetype type;
    return napi_typeof(env, args[i], &type) == napi_ok && type == napi_null;
  }
  // A typed array's data when its elements are of type T, else null; and its length.
  template <class T>
  T* array(size_t i, size_t* length) const { return array_of<T>(args[i], length); }
  // Null too when it has fewer than `least` elements.
  template <class T>
  T* array(size_t i, size_t least) const {
    size_t length = 0;
    T* data = array<T>(i, &length);
    return length >= least ? data : nullptr;
  }

  // The same of any value.
  uint32_t number_of(napi_value value) const {
    uint32_t n = 0;
    napi_get_value_uint32(env, value, &n);
    return n;
  }
  template <class T>
  T* array_of(napi_value value, size_t* length) const {
    *length = 0;
    bool is = false;
    if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return nullptr;
    napi_typedarray_type type;
    void* data = nullptr;
    napi_get_typedarray_info(env, value, &type, length, &data, nullptr, nullptr);
    return type == ElementType<T>::value ? static_cast<T*>(data) : nullptr;
  }

  // The object of an argument's handle; null when it is disposed, of another type or no handle.
  template <class T>
  std::shared_ptr<T> object(size_t i) const { return object_of<T>(args[i]); }
  template <class T>
  std::shared_ptr<T> object_of(napi_value value) const {
    Handle* handle = handle_of(value);
    return handle && handle->type == &kTypeOf<T> ? std::static_pointer_cast<T>(handle->object) : nullptr;
  }
  Handle* handle_of(napi_value value) const {
    napi_valuetype type;
    void* data = nullptr;
    if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return nullptr;
    napi_get_value_external(env, value, &data);
    return static_cast<Handle*>(data);
  }
  // A new handle, which JavaScript's collector deletes.
  template <class T>
  napi_value wrap(std::shared_ptr<T> object) const {
    napi_value external;
    napi_create_external(env, new Handle{&kTypeOf<T>, std::move(object)}, [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr, &external);
    return external;
  }

 private:
  const Function* function_;
  size_t count_;
};

// dispose(handle): frees what no other handle keeps alive. Safe to call twice.
inline napi_value dispose(Call& call) {
  if (Handle* handle = call.handle_of(call.args[0])) handle->object.reset();
  return nullptr;
}

// Defines the functions as properties of `object`; they must outlive the addon.
template <size_t N>
void define(napi_env env, napi_value object, const Function (&functions)[N]) {
  for (const Function& function : functions) {
    const napi_property_descriptor property = {function.name, nullptr, [](napi_env e, napi_callback_info info) { return Call(e, info).run(); }, nullptr, nullptr, nullptr, napi_enumerable,
                                               const_cast<Function*>(&function)};
    napi_define_properties(env, object, 1, &property);
  }
}
// The same as an object of its own, the property `name`.
template <size_t N>
void define_part(napi_env env, napi_value exports, const char* name, const Function (&functions)[N]) {
  napi_value part;
  napi_create_object(env, &part);
  define(env, part, functions);
  napi_set_named_property(env, exports, name, part);
}

// [{ name, supported }] of instruction sets, in their order; `more` adds to an item.
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
    more(item, i);
    napi_set_element(env, list, (uint32_t)i, item);
  }
  return list;
}

}  // namespace sparsewave
