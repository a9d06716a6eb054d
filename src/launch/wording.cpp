// SPDX-License-Identifier: Apache-2.0
#include "launch/wording.hpp"

#include <cordon/events.hpp>

#include <cerrno>

namespace cordon::launch {

Error worded(const stage::Failure& f, const Plan& plan) {
  using stage::Step;
  const auto at = [&](const auto& list) { return f.index < list.size() ? &list[f.index] : nullptr; };
  Error e{ErrorKind::impossible, "", "see `cordon doctor`", f.error, 125};
  switch (f.step) {
    case Step::id_maps: e.what = "cannot map the user into a user namespace"; break;
    case Step::host_name: e.what = "cannot set the host name of the sandbox"; break;
    case Step::loopback: e.what = "cannot bring up the loopback device"; break;
    case Step::old_root:
    case Step::clone_root:
    case Step::attach_root: e.what = "cannot clone the mount tree"; break;
    case Step::mount:
      if (const Mount* m = at(plan.mounts)) e.what = "cannot mount " + printable(m->target) + (m->why.empty() ? "" : " (" + m->why + ")");
      else e.what = "cannot make the masks";
      e.remedy = "was it moved while the sandbox was built? else see `cordon doctor`";
      break;
    case Step::listeners: e.what = "cannot listen for the proxy inside the sandbox"; break;
    case Step::pivot:
    case Step::detach_old_root: e.what = "cannot change the root"; break;
    case Step::keyring: e.what = "cannot make a session keyring"; break;
    case Step::session: e.what = "cannot make a new session"; break;
    case Step::rlimit: {
      const Rlimit* r = at(plan.rlimits);
      e.what = "cannot set the limit " + (r ? r->name : std::string("?"));
      break;
    }
    case Step::capabilities: e.what = "cannot drop the capabilities"; break;
    case Step::no_new_privs: e.what = "cannot set no_new_privs"; break;
    case Step::landlock_rule:
    case Step::landlock: e.what = "cannot apply Landlock"; break;
    case Step::working_directory:
      e.what = "cannot enter the working directory " + printable(plan.cwd);
      e.remedy = "start in a directory that the policy lets the command read";
      break;
    case Step::seccomp: e.what = "cannot load the seccomp filter"; break;
    case Step::exec:
      e.kind = ErrorKind::refused;
      e.what = "cannot execute " + printable(plan.executable);
      e.remedy = f.error == ENOEXEC ? "name an interpreter: `sh " + printable(plan.executable) + "`"
                 : f.error == EACCES || f.error == EPERM
                     ? "check its mode and mount; what interprets or loads it must be allowed, too (`cordon explain --exec`)"
                 : f.error == ENOENT ? "its interpreter or loader is missing"
                 : f.error == EAGAIN ? "no process is free: end some, or raise `ulimit -u` or --limit processes"
                                     : "are the limits of memory, processes and open files too small for it?";
      e.exit_status = f.error == ENOENT ? 127 : f.error == EAGAIN ? 125 : 126;
      break;
    default:
      e.kind = ErrorKind::bug;
      e.what = "the sandbox is not what the plan says (step " + std::to_string(static_cast<int>(f.step)) + ", check " + std::to_string(f.index) + ")";
  }
  if (e.kind == ErrorKind::impossible) return impossible(e.what, e.errno_value, e.remedy).error();
  return e;
}

}  // namespace cordon::launch
