// Node-API binding of MPI, as much of it as training needs: start() -> Promise of { rank, size, hosts }, exchange(...) -> Promise,
// finish() -> Promise, abandon(). One thread makes all calls of MPI; it sleeps between looks, so that it takes no time from training.
// Arrays stay referenced until the promise settles; the caller must not touch what is sent or received until then.
#include <mpi.h>
#include <sched.h>
#include <time.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "binding.h"

namespace sparsewave {
namespace {

struct Message {
  int peer;
  const uint8_t* send;
  size_t send_bytes;
  uint8_t* receive;
  size_t receive_bytes;
};

struct Operation {
  enum Kind { kStart, kExchange, kFinish } kind;
  std::vector<Message> messages;
  napi_deferred deferred = nullptr;
  napi_ref keep = nullptr;
  std::string error;

  explicit Operation(Kind k) : kind(k) {}
};

// What start() found.
int g_rank = 0, g_size = 0;
std::vector<std::string> g_hosts;

// Never destroyed: the thread may wait on them while the process exits.
std::mutex& g_mutex = *new std::mutex;
std::condition_variable& g_wake = *new std::condition_variable;
std::deque<Operation*>& g_queue = *new std::deque<Operation*>;
bool g_running = false, g_finished = false;
napi_threadsafe_function g_settle = nullptr;
// Operations that have not settled; of the main thread.
int g_pending = 0;
bool g_abandoned = false;

bool ok(int code, Operation& op) {
  if (code == MPI_SUCCESS) return true;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  op.error.assign(text, length);
  return false;
}

void start_mpi(Operation& op) {
  int provided = 0;
  if (!ok(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), op)) return;
  // FUNNELED: the thread that calls this makes all other calls.
  if (provided < MPI_THREAD_FUNNELED) {
    op.error = "this MPI was built without threads";
    return;
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &g_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &g_size);
  std::vector<char> own(MPI_MAX_PROCESSOR_NAME), all((size_t)MPI_MAX_PROCESSOR_NAME * g_size);
  int length = 0;
  MPI_Get_processor_name(own.data(), &length);
  if (!ok(MPI_Allgather(own.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, all.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, MPI_COMM_WORLD), op)) return;
  for (int r = 0; r < g_size; r++) g_hosts.emplace_back(all.data() + (size_t)r * MPI_MAX_PROCESSOR_NAME);
}

void exchange_messages(Operation& op) {
  std::vector<MPI_Request> requests;
  for (const Message& m : op.messages) {
    if (m.receive_bytes == 0) continue;
    requests.emplace_back();
    if (!ok(MPI_Irecv(m.receive, (int)m.receive_bytes, MPI_BYTE, m.peer, 0, MPI_COMM_WORLD, &requests.back()), op)) return;
  }
  for (const Message& m : op.messages) {
    if (m.send_bytes == 0) continue;
    requests.emplace_back();
    if (!ok(MPI_Isend(m.send, (int)m.send_bytes, MPI_BYTE, m.peer, 0, MPI_COMM_WORLD, &requests.back()), op)) return;
  }
  for (int looks = 0;; looks++) {
    int done = 0;
    if (!ok(MPI_Testall((int)requests.size(), requests.data(), &done, MPI_STATUSES_IGNORE), op) || done) return;
    // A partner at hand answers within some hundred microseconds; one that still computes takes milliseconds.
    if (looks < 300) sched_yield();
    else {
      const timespec pause = {0, 50000};
      nanosleep(&pause, nullptr);
    }
  }
}

void work() {
  for (;;) {
    Operation* op;
    {
      std::unique_lock<std::mutex> lock(g_mutex);
      g_wake.wait(lock, [] { return !g_queue.empty(); });
      op = g_queue.front();
      g_queue.pop_front();
    }
    const bool last = op->kind == Operation::kFinish;
    if (op->kind == Operation::kStart) start_mpi(*op);
    else if (op->kind == Operation::kExchange) exchange_messages(*op);
    else ok(MPI_Finalize(), *op);
    napi_call_threadsafe_function(g_settle, op, napi_tsfn_blocking);
    if (last) return;
  }
}

napi_value started(napi_env env) {
  napi_value result, value;
  napi_create_object(env, &result);
  napi_create_int32(env, g_rank, &value);
  napi_set_named_property(env, result, "rank", value);
  napi_create_int32(env, g_size, &value);
  napi_set_named_property(env, result, "size", value);
  napi_create_array(env, &value);
  for (size_t r = 0; r < g_hosts.size(); r++) {
    napi_value name;
    napi_create_string_utf8(env, g_hosts[r].c_str(), NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, value, (uint32_t)r, name);
  }
  napi_set_named_property(env, result, "hosts", value);
  return result;
}

void settle(napi_env env, napi_value, void*, void* data) {
  Operation* op = static_cast<Operation*>(data);
  if (env) {
    napi_value value;
    if (op->error.empty()) {
      if (op->kind == Operation::kStart) value = started(env);
      else napi_get_undefined(env, &value);
      napi_resolve_deferred(env, op->deferred, value);
    } else {
      napi_value message;
      napi_create_string_utf8(env, op->error.c_str(), op->error.size(), &message);
      napi_create_error(env, nullptr, message, &value);
      napi_reject_deferred(env, op->deferred, value);
    }
    if (op->keep) napi_delete_reference(env, op->keep);
    if (--g_pending == 0 && !g_abandoned) napi_unref_threadsafe_function(env, g_settle);
  }
  delete op;
}

napi_value enqueue(Call& call, Operation* op) {
  napi_value promise;
  napi_create_promise(call.env, &op->deferred, &promise);
  if (g_pending++ == 0 && !g_abandoned) napi_ref_threadsafe_function(call.env, g_settle);
  {
    std::lock_guard<std::mutex> lock(g_mutex);
    g_queue.push_back(op);
  }
  g_wake.notify_one();
  return promise;
}

napi_value start(Call& call) {
  if (g_running) return call.fail("called twice");
  napi_value name;
  napi_create_string_utf8(call.env, "sparsewave.ranks", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(call.env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settle, &g_settle);
  napi_unref_threadsafe_function(call.env, g_settle);
  g_running = true;
  std::thread(work).detach();
  return enqueue(call, new Operation(Operation::kStart));
}

// exchange(peers Int32Array, send Uint8Array[], receive Uint8Array[]): one message each way with every peer; empty ones are left out.
napi_value exchange(Call& call) {
  if (!g_running || g_finished) return call.fail("MPI is not running");
  size_t count;
  const int32_t* peers = call.array<int32_t>(0, &count);
  if (!peers) return call.fail("peers");
  Operation* op = new Operation(Operation::kExchange);
  auto reject = [&](const char* message) {
    delete op;
    return call.fail(message);
  };
  for (size_t i = 0; i < count; i++) {
    napi_value send, receive;
    napi_get_element(call.env, call.args[1], (uint32_t)i, &send);
    napi_get_element(call.env, call.args[2], (uint32_t)i, &receive);
    Message m{peers[i], nullptr, 0, nullptr, 0};
    m.send = call.array_of<uint8_t>(send, &m.send_bytes);
    m.receive = call.array_of<uint8_t>(receive, &m.receive_bytes);
    if (m.peer < 0 || m.peer >= g_size || m.peer == g_rank) return reject("peer");
    if ((!m.send && m.send_bytes) || (!m.receive && m.receive_bytes)) return reject("arrays of bytes expected");
    if (m.send_bytes > INT32_MAX || m.receive_bytes > INT32_MAX) return reject("a message is longer than 2 GiB");
    op->messages.push_back(m);
  }
  napi_value keep;
  napi_create_array(call.env, &keep);
  for (uint32_t i = 1; i < 3; i++) napi_set_element(call.env, keep, i, call.args[i]);
  napi_create_reference(call.env, keep, 1, &op->keep);
  return enqueue(call, op);
}

// finish(): waits for all ranks. Nothing can follow it.
napi_value finish(Call& call) {
  if (!g_running || g_finished) return call.fail("MPI is not running");
  g_finished = true;
  return enqueue(call, new Operation(Operation::kFinish));
}

// abandon(): what is pending no longer keeps the process alive. mpirun ends the other ranks of one that exits so.
napi_value abandon(Call& call) {
  if (g_running && g_pending > 0 && !g_abandoned) napi_unref_threadsafe_function(call.env, g_settle);
  g_abandoned = true;
  return nullptr;
}

const Function kFunctions[] = {{"start", 0, start}, {"exchange", 3, exchange}, {"finish", 0, finish}, {"abandon", 0, abandon}};

napi_value init(napi_env env, napi_value exports) {
  define(env, exports, kFunctions);
  return exports;
}

}  // namespace
}  // namespace sparsewave

NAPI_MODULE(sparsewave_ranks, sparsewave::init)
