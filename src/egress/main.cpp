// SPDX-License-Identifier: Apache-2.0
// cordon-egress: the process that reads hostile bytes. Started by `cordon run` with a channel on descriptor 3, or by `cordon proxy`.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "egress/call_filter.hpp"
#include "egress/run.hpp"

namespace {

int proxy(int argc, char** argv) {
  cordon::egress::ProxyOptions o;
  for (int i = 2; i + 1 < argc; i += 2) {  // `cordon proxy` checked them, and wrote each as NAME VALUE
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--token") std::memset(argv[i + 1], '*', value.size());  // every user of the host can read the arguments of a process
    if (name == "--listen") o.listen = value;
    else if (name == "--policy") o.policy = value;
    else if (name == "--token") o.token = value;
    else if (name == "--metrics") o.metrics = value;
    else if (name == "--events") o.events = value;
    else if (name == "--resolver") o.resolver = value;
    else if (name == "--allow-host") o.allow_host.push_back(value);
    else if (name == "--deny-host") o.deny_host.push_back(value);
    else return std::fprintf(stderr, "cordon-egress: unknown option %s\n", argv[i]), 125;
  }
  return cordon::egress::run_proxy(o);
}

}  // namespace

int main(int argc, char** argv) {
  setenv("TZ", "UTC0", 1);  // else each event's time would try to open /etc/localtime
  if (argc == 1) return cordon::egress::run_supervised(3);
  if (std::strcmp(argv[1], "proxy") == 0 && argc % 2 == 0) return proxy(argc, argv);
  if (std::strcmp(argv[1], "probe-upstream") == 0) return cordon::egress::probe_upstream();
  if (std::strcmp(argv[1], "permitted-calls") == 0) {
    for (const std::string& name : cordon::egress::permitted_calls()) std::puts(name.c_str());
    return 0;
  }
  std::fputs("cordon-egress: started by `cordon run` and `cordon proxy`; not for use by hand\n", stderr);
  return 125;
}
