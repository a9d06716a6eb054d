# SPDX-License-Identifier: Apache-2.0
"""What a user at a terminal does, played on a pseudo-terminal with a shell that has job control."""
import ctypes, fcntl, os, pty, re, select, shutil, signal, struct, sys, tempfile, termios, time

cordon = sys.argv[1]
passed = failed = 0
root = tempfile.mkdtemp(prefix="cordon-terminal.", dir="/var/tmp")
home = os.path.join(root, "home")
os.makedirs(os.path.join(home, "project"))
environment = {"HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb", "PS1": "", "CORDON": cordon}


class Shell:
    """bash with job control on a new pseudo-terminal; its echo is off, so that what is read is what was printed."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(os.path.join(home, "project"))
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.text = ""
        self.size(24, 80)
        self.do("stty -echo; echo read''y")
        self.until("ready")

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def do(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def key(self, byte):
        os.write(self.fd, byte)

    def until(self, pattern, seconds=20):
        """Everything up to the pattern, or None."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                before, self.text = self.text[: found.end()], self.text[found.end():]
                return before
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            try:
                self.text += os.read(self.fd, 4096).decode("utf-8", "replace")
            except OSError:
                return None

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def ok(name, condition, shell=None):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAILED:", name, "" if shell is None else repr(shell.text[-300:]))


def run(name, steps):
    shell = Shell()
    try:
        ok(name, steps(shell), shell)
    finally:
        shell.close()


def control_c(s):
    s.do('"$CORDON" run --quiet -- sh -c "echo up; exec sleep 60"; echo "status $?"')
    if not s.until("up"):
        return False
    s.key(b"\x03")
    return s.until("status 130")


def control_c_is_caught(s):
    s.do("""\"$CORDON" run --quiet -- sh -c 'trap "echo caught; exit 5" INT; echo up; while :; do sleep 0.1; done'; echo "status $?\"""")
    if not s.until("up"):
        return False
    s.key(b"\x03")
    return s.until("caught") and s.until("status 5")


def control_z(s):
    # Not dash: in vfork(2) it cannot stop, and its child stopped before execve(2) would hold it there.
    s.do("""\"$CORDON" run --quiet -- bash -c 'echo up; until [ -e go ]; do sleep 0.02; done; echo finished'; echo "status $?\"""")
    if not s.until("up"):
        return False
    s.key(b"\x1a")
    if not s.until("Stopped") or not s.until("status 148"):  # 128 + SIGTSTP
        return False
    s.do("jobs; echo job''s")
    if not s.until("jobs"):
        return False
    time.sleep(0.3)
    s.do("fg; echo \"again $?\"")
    open(os.path.join(home, "project", "go"), "w").close()
    return s.until("finished") and s.until("again 0")


# A process whose timers send it SIGCONT ten times a second for a minute, and a main process that stops; the file is locked as long as
# one of them lives. Not one timer that repeats: the kernel drops its signal, and with it the timer, if a stop meets it.
GOES_ON = """
import ctypes, fcntl, os, signal, time
class Event(ctypes.Structure):
    _fields_ = [("value", ctypes.c_void_p), ("signal", ctypes.c_int), ("notify", ctypes.c_int), ("rest", ctypes.c_char * 48)]
held = open("held", "w")
fcntl.flock(held, fcntl.LOCK_EX)
up, tell = os.pipe()
if os.fork() == 0:
    signal.signal(signal.SIGCONT, lambda *_: None)
    libc = ctypes.CDLL(None)
    for i in range(1, 600):
        timer = ctypes.c_void_p()
        assert libc.timer_create(1, ctypes.byref(Event(None, signal.SIGCONT, 0)), ctypes.byref(timer)) == 0
        assert libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, 0, i // 10, i % 10 * 100000000), None) == 0
    os.write(tell, b"x")
    while True:
        time.sleep(0.01)
os.read(up, 1)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
"""


def wall_of_what_goes_on(s):
    if not hasattr(ctypes.CDLL(None), "timer_create"):
        return True  # an older libc; the case is the kernel's
    with open(os.path.join(home, "project", "on.py"), "w") as f:
        f.write(GOES_ON)
    s.do(f'"$CORDON" run --quiet --limit wall=10s -- {sys.executable} on.py; echo "status $?"')
    if not s.until("Stopped"):
        return False
    held = open(os.path.join(home, "project", "held"))
    end = time.monotonic() + 60
    while time.monotonic() < end:  # nobody resumes the job: PID 1 ends it
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.1)
    else:
        return False
    s.do('fg; echo "again $?"')
    return s.until("again 124")


def wall_of_what_is_stopped(s):
    s.do("""\"$CORDON" run --quiet --limit wall=8s -- sh -c 'kill -STOP $$; echo went on'; echo "status $?\"""")
    if not s.until("Stopped"):
        return False
    time.sleep(9)
    s.do('fg; echo "again $?"')
    return s.until("went on") and s.until("again 0")


def background_reader_stops(s):
    s.do('"$CORDON" run --quiet -- cat & for i in {1..200}; do jobs -s >stopped; [ -s stopped ] && break; sleep 0.1; done; jobs; echo liste""d')
    text = s.until("listed")
    return text and "Stopped" in text


def size(s):
    s.size(33, 111)
    s.do('"$CORDON" run --quiet -- stty size')
    return s.until("33 111")


def resize(s):
    s.do("""\"$CORDON" run --quiet -- bash -c 'trap "stty size; exit" WINCH; echo up; while :; do sleep 0.1; done'""")
    if not s.until("up"):
        return False
    s.size(40, 99)
    return s.until("40 99")


def dev_tty(s):
    s.do("""\"$CORDON" run --quiet -- sh -c 'echo through >/dev/tty'""")
    return s.until("through")


def job_control_inside(s):
    s.do('"$CORDON" run --quiet -- bash --norc --noprofile -i')
    time.sleep(0.5)
    s.do("sleep 61 & jobs; echo in''side")
    text = s.until("inside")
    if not text or "Running" not in text:
        return False
    s.do("sleep 62")
    time.sleep(0.3)
    s.key(b"\x1a")
    if not s.until("Stopped"):
        return False
    s.do("exit; exit")
    time.sleep(0.2)
    s.do('echo "outer $CORDON"')
    return s.until("outer /")


def pty_inside(s):
    s.do("""\"$CORDON" run --quiet -- script -qc 'tty; echo in a pty' /dev/null""")
    return s.until("/dev/pts/") and s.until("in a pty")


def no_injection(s):
    s.do("""\"$CORDON" run --quiet -- perl -e 'print ioctl(STDIN, 0x5412, my $c = "x") ? "injected" : "refused"; print "\\n"'""")
    return s.until("refused")


def no_exclusion(s):
    s.do("""\"$CORDON" run --quiet -- perl -e 'print ioctl(STDIN, 0x540c, 0) ? "excluded" : "refused"; print "\\n"'""")
    return s.until("refused")


def no_standstill(s):  # TCXONC, TCOOFF
    s.do("""\"$CORDON" run --quiet -- perl -e '$r = ioctl(STDIN, 0x540a, 0); ioctl(STDIN, 0x540a, 1); print $r ? "stopped" : "refused"; print "\\n"'""")
    return s.until("refused")


run("Ctrl-C ends the command, with its status", control_c)
run("Ctrl-C reaches a command that catches it", control_c_is_caught)
run("Ctrl-Z stops the whole job and fg goes on with it", control_z)
run("what goes on while its job is stopped is ended by the wall time", wall_of_what_goes_on)
run("the time in which a job is stopped does not count", wall_of_what_is_stopped)
run("a command in the background that reads the terminal is stopped", background_reader_stops)
run("the size of the terminal is seen", size)
run("a change of the size is told", resize)
run("/dev/tty is the terminal", dev_tty)
run("a shell inside has job control, and the outer one its terminal back", job_control_inside)
if shutil.which("script"):
    run("a pseudo-terminal can be made inside", pty_inside)
run("nothing can be typed into the caller's terminal", no_injection)
run("the caller's terminal cannot be shut to others", no_exclusion)
run("the output of the caller's terminal cannot be stopped", no_standstill)
shutil.rmtree(root, ignore_errors=True)
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
