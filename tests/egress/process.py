# SPDX-License-Identifier: Apache-2.0
"""The process: options, ready line, signals, limits, confinement, metrics."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import TIMEOUT, Dns, Proxy, Server, Skip, echo, equal, read_exactly, read_head, reserved_port, scratch, test, true, wait_for


def refused(*options, environment=None):
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run([harness.CORDON, "proxy", *options], capture_output=True, text=True, timeout=TIMEOUT, env={**clean, **(environment or {})})
    equal(done.stdout, "", options)
    true(done.stderr.count("\n") == 1 and done.stderr.startswith("cordon: "), done.stderr)
    return done.returncode


@test("bad options end with 125 and one sentence")
def _():
    taken = socket.create_server(("127.0.0.1", 0))
    at = "127.0.0.1:%d" % taken.getsockname()[1]
    for options in (["--listen", "nonsense"], ["--listen", "127.0.0.1"], ["--listen", "127.0.0.1:99999"], ["--listen", "::1:80"], ["--listen", at], ["--metrics", at],
                    ["--listen", "203.0.113.1:0"], ["--policy", "/nonexistent"], ["--allow-host", "a b"], ["--allow-host", "*foo.test"], ["--allow-host", ""], ["--unknown", "x"],
                    ["--events", "/nonexistent/e"], ["--resolver", "not-an-address"], ["--resolver", "127.0.0.1"], ["--resolver", "127.0.0.1:0"], ["--resolver", "127.0.0.1:99999"],
                    ["--resolver", "127.0.0.1:53,127.0.0.2:53"], ["--policy", "/"], ["--allow-host", "http://a.test"], ["--allow-host", "a.test:0"], ["--deny-host", "a.test:99999"],
                    ["--metrics", "127.0.0.1"], ["--metrics", "localhost:80"], ["--events", "/"], ["--token", ""], ["word"]):
        equal(refused(*options), 125, options)


@test("a listener that other hosts reach without a token is one warning; the token is not among the arguments that every user can read")
def _():
    for options, warnings in ((["--listen", "0.0.0.0:0"], 1), (["--listen", "0.0.0.0:0", "--token", "s3cret"], 0), (["--listen", "127.0.0.1:0"], 0)):
        p = Proxy('allow = ["a.test"]\n', *options)
        with open("/proc/%d/cmdline" % p.process.pid, "rb") as f:
            true(b"s3cret" not in f.read())
        p.process.terminate()
        said = p.process.stderr.read()
        equal((said.count("\n"), said.count("--token")), (warnings, warnings), said)


@test("upstream 'required' without a proxy ends with 125; an unusable HTTPS_PROXY is one warning")
def _():
    import tempfile
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as f:
        f.write('version = 1\n[net]\nallow = ["a.test"]\nupstream = "required"\n')
        f.flush()
        equal(refused("--policy", f.name), 125)
        equal(refused("--policy", f.name, environment={"HTTPS_PROXY": "http://user:hunter2@proxy:1"}), 125)
    p = Proxy('allow = ["a.test"]\n', environment={"HTTPS_PROXY": "http://user:hunter2@proxy:1"})
    p.process.terminate()
    warning = p.process.stderr.read()
    true("HTTPS_PROXY" in warning and "hunter2" not in warning and warning.count("\n") == 1, warning)


@test("the upstream proxy is used, NO_PROXY goes past it, its refusal is 502")
def _():
    target = Server(echo)
    asked = []

    def upstream(c):
        head = read_head(c)
        asked.append(head)
        if b"refused.test" in head:
            return c.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        c.sendall(b"HTTP/1.1 200 OK\r\n\r\nbehind")
        echo(c)
    proxy = Server(upstream)
    p = Proxy('allow = ["*.test", "127.0.0.1:%d"]\n' % target.port, environment={"HTTPS_PROXY": "http://127.0.0.1:%d" % proxy.port, "NO_PROXY": "127.0.0.1"})
    s = p.tunnel("far.test", 80)
    equal(read_exactly(s, 6), b"behind")
    s.sendall(b"x")
    equal(read_exactly(s, 1), b"x")
    equal(asked[0], b"CONNECT far.test:80 HTTP/1.1\r\nHost: far.test:80\r\nProxy-Connection: keep-alive\r\n\r\n")
    equal(p.status("CONNECT refused.test:443 HTTP/1.1\r\n\r\n"), 502)
    equal(p.status("CONNECT not-allowed.example:443 HTTP/1.1\r\n\r\n"), 403)
    p.tunnel("127.0.0.1", target.port).close()
    equal(len(asked), 2)
    s.close()
    equal(p.events(lambda e: e["host"] == "far.test")[0]["via"], "127.0.0.1:%d" % proxy.port)
    p.stop()


@test("SIGTERM lets a transfer end and exits 0; a tunnel that stays is cut after 5 s", slow=True)
def _():
    server = Server(echo)
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port)
    ends, stays = p.tunnel("127.0.0.1", server.port), p.tunnel("127.0.0.1", server.port)
    began = time.monotonic()
    p.process.send_signal(signal.SIGTERM)

    def refuses():
        try:
            p.connect().close()
        except (ConnectionRefusedError, ConnectionResetError):
            return True
    wait_for(refuses, "it accepts no more")
    ends.sendall(b"still")
    equal(read_exactly(ends, 5), b"still")
    ends.close()
    equal(p.process.wait(TIMEOUT), 0)
    true(time.monotonic() - began > 4.9)
    stays.close()


@test("SIGTERM while names are looked up and heads are awaited exits 0, too", slow=True)
def _():
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    p = Proxy('allow = ["slow.test"]\n', "--resolver", "127.0.0.1:%d" % deaf.getsockname()[1])
    waiting = [p.connect() for _ in range(10)]
    for s in waiting[:5]:
        s.sendall(b"CONNECT slow.test:443 HTTP/1.1\r\n\r\n")
    deaf.settimeout(TIMEOUT)
    deaf.recv(512)
    p.process.send_signal(signal.SIGTERM)
    equal(p.process.wait(TIMEOUT), 0)


@test("SIGHUP reads the policy again; a bad one leaves the old in force and says so")
def _():
    p = Proxy('allow = ["a.test"]\n', "--resolver", Dns({}).at)
    equal(p.status("CONNECT b.test:443 HTTP/1.1\r\n\r\n"), 403)
    p.write_policy('allow = ["b.test"]\n')
    p.process.send_signal(signal.SIGHUP)
    true("reloaded" in p.process.stderr.readline())
    equal(p.status("CONNECT b.test:443 HTTP/1.1\r\n\r\n"), 502, "allowed now")
    equal(p.status("CONNECT a.test:443 HTTP/1.1\r\n\r\n"), 403)
    p.write_policy('allow = ["*oops*"]\n')
    p.process.send_signal(signal.SIGHUP)
    true("old one stays" in p.process.stderr.readline())
    equal(p.status("CONNECT b.test:443 HTTP/1.1\r\n\r\n"), 502)
    p.stop()


@test("SIGHUP reads /etc/hosts and resolv.conf again, and asks the new server what the old one has not answered")
def _():
    # In a mount namespace of its own, where both files are ours, and are replaced as editors and network managers replace them.
    directory = scratch()
    etc = os.path.join(directory, "etc")
    os.mkdir(etc)

    def write(name, text):
        with open(os.path.join(etc, name + ".new"), "w") as f:
            f.write(text)
        os.rename(os.path.join(etc, name + ".new"), os.path.join(etc, name))
    space = ["unshare", "-mn"] if os.getuid() == 0 else ["unshare", "-Umn", "--map-current-user", "--keep-caps"]
    mount = 'ip link set lo up && mount --bind "$0" /etc && exec "$@"'
    if subprocess.run([*space, "sh", "-c", mount, etc, "true"], capture_output=True).returncode != 0:
        raise Skip("no mounts of its own here")
    write("hosts", "127.0.0.1 one.test\n")
    write("resolv.conf", "nameserver 127.0.0.2\n")
    done = subprocess.run([*space, "sh", "-c", mount, etc, sys.executable, os.path.join(os.path.dirname(__file__), "hangup.py"), harness.CORDON, etc], capture_output=True, text=True, timeout=100)
    equal((done.returncode, done.stdout), (0, "done\n"), done.stderr)


@test("SIGHUP with a policy of a relative name, and with none")
def _():
    directory = scratch()
    with open(directory + "/p.toml", "w") as f:
        f.write('version = 1\n[net]\nallow = ["a.test"]\n')
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    for options in (["--policy", "p.toml"], []):
        p = subprocess.Popen([harness.CORDON, "proxy", *options], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)
        true(p.stdout.readline().startswith("ready "))
        for _ in range(3):
            p.send_signal(signal.SIGHUP)
            equal(p.stderr.readline(), "cordon: the policy was reloaded\n")
        p.terminate()
        equal(p.wait(TIMEOUT), 0)


@test("the process that reads files ends with the proxy, however that ends")
def _():
    for how in (signal.SIGTERM, signal.SIGKILL):
        p = Proxy('allow = ["a.test"]\n')
        with open("/proc/%d/task/%d/children" % (p.process.pid, p.process.pid)) as f:
            reader = int(f.read())
        with open("/proc/%d/stat" % reader) as f:
            born = f.read().rsplit(")", 1)[1].split()[19]
        p.process.send_signal(how)
        p.process.wait(TIMEOUT)

        def gone():
            try:
                with open("/proc/%d/stat" % reader) as f:
                    now = f.read().rsplit(")", 1)[1].split()
            except OSError:
                return True
            return now[0] == "Z" or now[19] != born
        wait_for(gone, "the reader is gone")


@test("a full table of descriptors pauses accepting and goes on")
def _():
    server = Server(echo)
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port, limit_files=64)
    waiting = [p.connect() for _ in range(60)]
    for s in waiting[:50]:
        s.close()
    tunnel = p.tunnel("127.0.0.1", server.port)
    tunnel.sendall(b"on")
    equal(read_exactly(tunnel, 2), b"on")
    p.stop()


@test("the process is confined: no_new_privs, seccomp, non-dumpable, at most 60 kinds of system call")
def _():
    p = Proxy('allow = ["a.test"]\n')
    status = open("/proc/%d/status" % p.process.pid).read()
    true("NoNewPrivs:\t1" in status and "Seccomp:\t2" in status, status)
    equal(os.stat("/proc/%d/status" % p.process.pid).st_uid, 0, "the owner of a non-dumpable process's files")
    egress = os.path.join(os.path.dirname(harness.CORDON), "cordon-egress")
    calls = subprocess.run([egress, "permitted-calls"], capture_output=True, text=True).stdout.split()
    print("egress may make %d kinds of system call" % len(calls))
    true(len(set(calls)) == len(calls) <= 60, calls)
    for dangerous in ("execve", "clone", "fork", "ptrace", "mount", "unlink", "rename", "kill", "mkdir", "setns", "unshare", "bpf", "memfd_create", "openat2", "io_uring_setup"):
        true(dangerous not in calls, dangerous)
    p.stop()


@test("--metrics tells connections, decisions by rule, bytes, latencies and the upstream's health")
def _():
    server = Server(echo)
    held, port = reserved_port()
    at = "127.0.0.1:%d" % port
    p = Proxy('allow = ["127.0.0.1:%d"]\n' % server.port, "--metrics", at)
    s = p.tunnel("127.0.0.1", server.port)
    s.sendall(b"12345")
    read_exactly(s, 5)
    s.close()
    p.status("CONNECT other.test:443 HTTP/1.1\r\n\r\n")
    p.events(lambda e: e.get("ended") == "closed")
    import urllib.request
    text = urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://%s/metrics" % at, timeout=TIMEOUT).read().decode()
    for line in ("cordon_connections_total 2", 'cordon_bytes_total{direction="up"} 5', "cordon_dial_seconds_count 1", 'cordon_dial_seconds_bucket{le="+Inf"} 1'):
        true(line + "\n" in text, line + " in " + text)
    true(re.search(r'cordon_decisions_total\{decision="allowed",rule="127\.0\.0\.1:%d \(.*policy.toml:3:10\)"\} 1\n' % server.port, text), text)
    true('decision="denied"' in text and "# TYPE cordon_dial_seconds histogram" in text, text)
    held.close()
    p.stop()


@test("--metrics tells how the upstream does: that there is one, its dials and failures, whether the last one reached it")
def _():
    import urllib.request
    held, port = reserved_port()
    held_upstream, upstream_port = reserved_port()
    p = Proxy('allow = ["*.test"]\nupstream = "none"\n', "--metrics", "127.0.0.1:%d" % port, environment={"HTTPS_PROXY": "http://127.0.0.1:%d" % upstream_port})

    def metrics():
        text = urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://127.0.0.1:%d/metrics" % port, timeout=TIMEOUT).read().decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}
    true("cordon_upstream_up" not in metrics(), "there is none")
    p.write_policy('allow = ["*.test"]\n')
    p.process.send_signal(signal.SIGHUP)
    true("reloaded" in p.process.stderr.readline())
    equal(p.status("CONNECT far.test:443 HTTP/1.1\r\n\r\n"), 502, "nobody listens there")
    m = metrics()
    equal([m["cordon_upstream_" + name] for name in ("dials_total", "failures_total", "up")], [1, 1, 0])
    equal(m['cordon_dial_failures_total{kind="connect_refused"}'], 1)

    def upstream(c):
        read_head(c)
        c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        echo(c)
    Server(upstream, "127.0.0.1", upstream_port)
    p.tunnel("far.test", 443).close()
    m = metrics()
    equal([m["cordon_upstream_" + name] for name in ("dials_total", "failures_total", "up")], [2, 1, 1])
    for family in ("cordon_connections_total", "cordon_connections_open", "cordon_accept_pauses_total", "cordon_dns_questions_total", "cordon_resolve_seconds_count", "cordon_dial_seconds_sum"):
        true(family in m, (family, m))
    held.close()
    held_upstream.close()
    p.stop()


@test("the events name host, port, addresses, rule, front end, way, bytes, duration and hint")
def _():
    server = Server(echo)
    p = Proxy('allow = ["e.test:*"]\nprivate_addresses = true\n', "--resolver", Dns({"e.test": ["127.0.0.1"]}).at)
    s = p.tunnel("e.test", server.port)
    s.sendall(b"abc")
    read_exactly(s, 3)
    s.close()
    e = p.events(lambda e: e.get("ended") == "closed")[0]
    want = {"kind": "net.connect", "decision": "allowed", "object": "e.test:%d" % server.port, "host": "e.test", "port": server.port, "addresses": ["127.0.0.1"],
            "front": "http-connect", "via": "direct", "bytes_out": 3, "bytes_in": 3}
    equal({k: e.get(k) for k in want}, want)
    true(e["rule"].startswith("e.test:* (") and e["duration_ms"] >= 0 and "hint" not in e, e)
    p.stop()


@test("doctor says whether the upstream proxy can be reached, and why not")
def _():
    def said(proxy):
        clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        egress = os.path.join(os.path.dirname(harness.CORDON), "cordon-egress")
        done = subprocess.run([egress, "probe-upstream"], capture_output=True, text=True, timeout=TIMEOUT, env={**clean, **({"HTTPS_PROXY": proxy} if proxy else {})})
        told = subprocess.run([harness.CORDON, "doctor"], capture_output=True, text=True, timeout=TIMEOUT, env={**clean, **({"HTTPS_PROXY": proxy} if proxy else {})}).stdout
        line = re.sub(r"in \d+ ms", "in N ms", done.stdout.strip())
        true(line in re.sub(r"in \d+ ms", "in N ms", told), told)
        return done.returncode, line
    server = Server(echo)
    held, port = reserved_port()
    equal(said(None), (0, "direct: neither HTTPS_PROXY nor https_proxy is set"))
    equal(said("http://127.0.0.1:%d" % server.port), (0, "127.0.0.1:%d: reachable in N ms" % server.port))
    equal(said("http://localhost:%d" % server.port), (0, "localhost:%d: reachable in N ms" % server.port))
    equal(said("http://127.0.0.1:%d" % port), (1, "127.0.0.1:%d: not reachable: Connection refused" % port))
    status, line = said("http://proxy.onion:3128")
    true(status == 1 and line.startswith("proxy.onion:3128: not reachable: its name has no address: "), line)
    status, line = said("http://user:hunter2@proxy:1")
    true(status == 1 and line.startswith("not understood: ") and "hunter2" not in line, line)
    held.close()
