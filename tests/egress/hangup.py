# SPDX-License-Identifier: Apache-2.0
"""Inside a mount and network namespace where /etc is a directory of ours: hangup.py CORDON ETC. Prints "done"."""
import os
import signal
import socket
import sys

import harness
from harness import TIMEOUT, Dns, Proxy, Server, echo, equal, true

harness.CORDON, ETC = sys.argv[1:]


def write(name, text):
    with open(os.path.join(ETC, name + ".new"), "w") as f:
        f.write(text)
    os.rename(os.path.join(ETC, name + ".new"), os.path.join(ETC, name))


def name_server(address, names):
    """A Dns of the harness on port 53 of an address of its own."""
    dns = Dns.__new__(Dns)
    dns.names, dns.ttl, dns.asked = names, 300, []
    dns.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.socket.bind((address, 53))
    harness.threading.Thread(target=dns.run, daemon=True).start()
    return dns


def reload(proxy):
    proxy.process.send_signal(signal.SIGHUP)
    equal(proxy.process.stderr.readline(), "cordon: the policy was reloaded\n")


with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as low:
    low.write("0")
server = Server(echo)
first, second = name_server("127.0.0.2", {"asked.test": ["127.0.0.1"]}), name_server("127.0.0.3", {"asked.test": ["127.0.0.1"], "new.test": ["127.0.0.1"], "late.test": ["127.0.0.1"]})
deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.bind(("127.0.0.4", 53))
deaf.settimeout(TIMEOUT)
p = Proxy('allow = ["*.test:*"]\nprivate_addresses = true\n')
connect = "CONNECT %%s:%d HTTP/1.1\r\n\r\n" % server.port

p.tunnel("one.test", server.port).close()
equal(p.status(connect % "two.test"), 502, "not in the hosts file yet")
p.tunnel("asked.test", server.port).close()
equal(p.status(connect % "new.test"), 502, "the first server does not know it")

write("hosts", "127.0.0.1 two.test\n")
equal(p.status(connect % "two.test"), 502, "without SIGHUP")
write("resolv.conf", "nameserver 127.0.0.3\n")
reload(p)
p.tunnel("two.test", server.port).close()
equal(p.status(connect % "one.test"), 502, "no longer in the hosts file")
p.tunnel("new.test", server.port).close()
true("new.test" in second.asked)
had = len(first.asked)
p.tunnel("asked.test", server.port).close()
true("asked.test" in second.asked, "what the first server said is forgotten")
equal(len(first.asked), had)

write("resolv.conf", "nameserver 127.0.0.4\n")
reload(p)
waiting = p.connect()
waiting.sendall((connect % "late.test").encode())
deaf.recv(512)  # asked, and never answered
write("resolv.conf", "nameserver 127.0.0.3\n")
reload(p)
true(harness.read_head(waiting).startswith(b"HTTP/1.1 200 "), "asked anew")
waiting.close()
p.stop()
os.write(1, b"done\n")
os._exit(0)
