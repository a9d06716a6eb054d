#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a running command pays: run.py CORDON. The same work inside and outside, interleaved; ratios of medians."""
import ctypes, os, platform, statistics, subprocess, sys, tempfile, time

cordon = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
rounds = int(os.environ.get("ROUNDS", "7"))
work = tempfile.TemporaryDirectory(dir="/var/tmp", prefix="cordon-bench.")
home, project = work.name + "/home", work.name + "/home/project"
os.makedirs(project)
os.environ["HOME"] = home
os.chdir(project)
inside = [cordon, "run", "--quiet", "--"]
subprocess.run(["c++", "-O2", "-std=c++23", here + "/work.cpp", "-o", "work"], check=True)

def own_time(command):
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

def wall(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start

def compare(title, measure, command, aim):
    measure(command), measure(inside + command)
    bare, held = [], []
    for i in range(rounds):
        for which in ((bare, command), (held, inside + command))[:: 1 if i % 2 else -1]:
            which[0].append(measure(which[1]))
    b, h = statistics.median(bare), statistics.median(held)
    print(f"{title:38} bare {b * 1e3:8.1f} ms   inside {h * 1e3:8.1f} ms   ratio {h / b:.3f} (aim {aim})", flush=True)

compare("arithmetic", own_time, ["./work", "cpu"], 1.01)
compare("500 times spawn and wait", own_time, ["./work", "spawn"], 1.08)
compare("open, fstat, read, stat, close 100,000x", own_time, ["./work", "files"], 1.35)
compare("getppid 5,000,000x", own_time, ["./work", "syscall"], 1.3)

os.mkdir("c")
with open("c/CMakeLists.txt", "w") as f:
    f.write("cmake_minimum_required(VERSION 3.20)\nproject(p C)\nfile(GLOB s *.c)\nadd_executable(p ${s})\n")
for i in range(40):
    with open(f"c/f{i}.c", "w") as f:
        f.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" + "".join(
            f"int f{i}_{k}(int n) {{ char b[64]; snprintf(b, sizeof b, \"%d\", n + {k}); return atoi(b) * {k}; }}\n" for k in range(60)))
with open("c/main.c", "w") as f:
    f.write("int main(void) { return 0; }\n")
rounds = min(rounds, 5)
compare("cmake and ninja, 41 C files", wall, ["sh", "-c", "rm -rf b && cmake -S c -B b -G Ninja >/dev/null && ninja -C b >/dev/null"], 1.03)

libc, kcmp = ctypes.CDLL(None), {"x86_64": 312, "aarch64": 272}[platform.machine()]

def same_memory(a, b):  # the janitor shares the supervisor's: counted once
    return libc.syscall(kcmp, a, b, 1, 0, 0) == 0

# The PSS of everything of ours while a command sleeps.
def memory(name, run, aim):
    p = subprocess.Popen(run + ["sh", "-c", "echo; sleep 30"], stdout=subprocess.PIPE)
    p.stdout.readline()
    time.sleep(0.5)  # what only the start needs is unmapped after a tenth of a second
    total, names, seen = 0, [], []
    family = [p.pid]
    while family:
        pid = family.pop()
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            family += [int(c) for c in f.read().split()]
        try:
            exe = os.readlink(f"/proc/{pid}/exe")
            with open(f"/proc/{pid}/smaps_rollup") as f:
                pss = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError as e:  # a supervisor that is not dumpable shows itself to root only
            names.append(f"{pid} not readable: {e.strerror}")
            continue
        if os.path.basename(exe).startswith("cordon") and not any(same_memory(pid, other) for other in seen):
            seen.append(pid)
            total += pss
            names.append(f"{os.path.basename(exe)} {pss} KiB")
    p.kill()
    p.wait()
    print(f"memory of Cordon's processes (PSS), {name}: {total / 1024:.2f} MiB{aim}: {', '.join(names)}")

without = inside[:inside.index("run") + 1] + ["--net", "none"] + inside[inside.index("run") + 1:]
memory("--net none", without, " (aim 2)")
memory("with egress", inside, "")
