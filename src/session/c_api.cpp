// SPDX-License-Identifier: Apache-2.0
// The C interface over the C++ one: opaque handles, no exception leaves.
#include <cordon/cordon.h>
#include <cordon/sandbox.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

struct cordon_error {
  cordon::Error error;
  std::string sentence;
};
struct cordon_policy {
  cordon::Policy policy;
};
struct cordon_sandbox {
  cordon::Sandbox sandbox;
};

namespace {

using cordon::Error;
using cordon::ErrorKind;
using std::chrono::milliseconds;

void put(cordon_error** out, const Error& error) {
  if (!out) return;
  cordon_error_free(*out);
  *out = new cordon_error{error, error.sentence()};
}

// Memory may be short; then the caller gets `failed` and as much of an error as can be made.
template <class T, class F>
T guarded(cordon_error** out, T failed, F f) noexcept {
  try {
    return f();
  } catch (const std::exception& e) {
    try {
      put(out, {ErrorKind::bug, std::string("an exception: ") + e.what(), "", 0, 125});
    } catch (...) {
      return failed;
    }
  }
  return failed;
}

// NULL where something is wanted is a mistake like others, and no crash.
bool missing(const void* given, const char* what, cordon_error** out) {
  if (!given) put(out, {ErrorKind::refused, std::string("the ") + what + " is NULL", "look whether the call that made it failed", EINVAL, 125});
  return !given;
}

cordon_policy* hand_over(cordon::Result<cordon::Policy> policy, cordon_error** out) {
  if (policy) return new cordon_policy{std::move(*policy)};
  put(out, policy.error());
  return nullptr;
}

char* text_of(const std::string& s) {
  char* text = static_cast<char*>(std::malloc(s.size() + 1));
  if (text) std::memcpy(text, s.c_str(), s.size() + 1);
  return text;
}

cordon::Stream stream_of(int value) {
  switch (value) {
    case CORDON_NULL: return cordon::Stream::null();
    case CORDON_INHERIT: return cordon::Stream::inherit();
    case CORDON_PIPE: return cordon::Stream::pipe();
    default: return cordon::Stream::of(value);
  }
}

}  // namespace

extern "C" {

const char* cordon_version(void) { return CORDON_VERSION; }

const char* cordon_error_sentence(const cordon_error* e) { return e ? e->sentence.c_str() : "no error"; }
cordon_error_kind cordon_error_kind_of(const cordon_error* e) { return e ? static_cast<cordon_error_kind>(e->error.kind) : CORDON_REFUSED; }
int cordon_error_errno(const cordon_error* e) { return e ? e->error.errno_value : 0; }
int cordon_error_status(const cordon_error* e) { return e ? e->error.exit_status : 0; }
void cordon_error_free(cordon_error* e) { delete e; }

cordon_policy* cordon_policy_preset(const char* name, cordon_error** error) {
  return guarded<cordon_policy*>(error, nullptr,
                                 [&] { return missing(name, "name of the preset", error) ? nullptr : hand_over(cordon::preset(name), error); });
}
cordon_policy* cordon_policy_load(const char* path, cordon_error** error) {
  return guarded<cordon_policy*>(error, nullptr,
                                 [&] { return missing(path, "path of the policy", error) ? nullptr : hand_over(cordon::load_policy(path), error); });
}
cordon_policy* cordon_policy_parse(const char* text, size_t length, const char* name, cordon_error** error) {
  return guarded<cordon_policy*>(error, nullptr, [&] {
    if (missing(text, "text of the policy", error) || missing(name, "name of the policy", error)) return static_cast<cordon_policy*>(nullptr);
    return hand_over(cordon::parse_policy({text, length}, name), error);
  });
}
cordon_policy* cordon_policy_compose(const cordon_policy* parent, const cordon_policy* child) {
  if (!parent || !child) return nullptr;
  return guarded<cordon_policy*>(nullptr, nullptr, [&] { return new cordon_policy{cordon::compose(parent->policy, child->policy)}; });
}
char* cordon_policy_json(const cordon_policy* policy) {
  if (!policy) return nullptr;
  return guarded<char*>(nullptr, nullptr, [&] { return text_of(cordon::to_json(policy->policy)); });
}
void cordon_policy_free(cordon_policy* policy) { delete policy; }

cordon_sandbox* cordon_start(const cordon_policy* policy, const cordon_request* request, cordon_error** error) {
  return guarded<cordon_sandbox*>(error, nullptr, [&]() -> cordon_sandbox* {
    if (missing(policy, "policy", error) || missing(request, "request", error)) return nullptr;
    if (request->size < sizeof *request) {
      put(error, {ErrorKind::refused, "the request's size is wrong", "fill it with CORDON_REQUEST", 0, 125});
      return nullptr;
    }
    std::vector<std::string> argv;
    for (const char* const* a = request->argv; a && *a; ++a) argv.emplace_back(*a);
    cordon::Request r = cordon::request_of(std::move(argv));
    if (request->envp) {
      r.environment.clear();
      for (const char* const* e = request->envp; *e; ++e) r.environment.emplace_back(*e);
    }
    if (request->cwd) r.cwd = request->cwd;
    if (request->project) {
      r.project = request->project;
      r.project_explicit = true;
    }
    cordon::SandboxOptions options{stream_of(request->input), stream_of(request->output), stream_of(request->error),
                                   request->program ? request->program : ""};
    auto sandbox = cordon::Sandbox::start(policy->policy, r, options);
    if (sandbox) return new cordon_sandbox{std::move(*sandbox)};
    put(error, sandbox.error());
    return nullptr;
  });
}
int cordon_wait(cordon_sandbox* sandbox, int timeout, int* status, cordon_error** error) {
  return guarded<int>(error, -1, [&] {
    if (missing(sandbox, "sandbox", error)) {
      if (status) *status = 125;
      return -1;
    }
    const auto r = sandbox->sandbox.wait_for(milliseconds(timeout));
    if (!r) {
      put(error, r.error());
      if (status) *status = r.error().exit_status;
      return -1;
    }
    if (*r && status) *status = **r;
    return *r ? 1 : 0;
  });
}
char* cordon_next_event(cordon_sandbox* sandbox, int timeout) {
  if (!sandbox) return nullptr;
  return guarded<char*>(nullptr, nullptr, [&]() -> char* {
    const auto event = sandbox->sandbox.next_event(milliseconds(timeout));
    return event ? text_of(cordon::to_json(*event)) : nullptr;
  });
}
int cordon_event_fd(const cordon_sandbox* sandbox) { return sandbox ? sandbox->sandbox.event_fd() : -1; }
uint64_t cordon_events_lost(const cordon_sandbox* sandbox) { return sandbox ? sandbox->sandbox.events_lost() : 0; }
int cordon_kill(cordon_sandbox* sandbox, int signal, cordon_error** error) {
  return guarded<int>(error, -1, [&] {
    if (missing(sandbox, "sandbox", error)) return -1;
    const auto r = sandbox->sandbox.kill(signal);
    if (!r) put(error, r.error());
    return r ? 0 : -1;
  });
}
int cordon_take(cordon_sandbox* sandbox, int stream) { return sandbox ? sandbox->sandbox.take(stream) : -1; }
void cordon_sandbox_free(cordon_sandbox* sandbox) { delete sandbox; }

void cordon_text_free(char* text) { std::free(text); }

}  // extern "C"
