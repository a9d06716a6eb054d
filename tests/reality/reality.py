# SPDX-License-Identifier: Apache-2.0
"""Plan against reality: trees with symlinks, missing paths, denials and holes, made from a seed; for each path what
`cordon explain` says of reading and writing is compared with what a process inside experiences.

Counted are pairs of a path and an operation. A pair says something only if the host's own permissions would let the user do it."""
import errno, json, os, random, re, shutil, subprocess, sys, tempfile

CORDON = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "big")
WANTED = 2000
random.seed(SEED)
print("seed", SEED)

# Runs inside: for each path "r" and "w" with the errno, 0 for success. What is created is removed again.
INSIDE = r"""
import os, sys, json
def attempt(call):
    try: call(); return 0
    except OSError as e: return e.errno
def read(path):
    if os.path.isdir(path): os.listdir(path)
    else:
        f = os.open(path, os.O_RDONLY | os.O_NONBLOCK); os.close(f)
def write(path):
    if os.path.isdir(path):
        name = os.path.join(path, ".probe-cordon"); f = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY); os.close(f); os.unlink(name)
    elif os.path.lexists(path):
        f = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK); os.close(f)
    else:
        f = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY); os.close(f); os.unlink(path)
if sys.argv[1:] == ["race"]:
    print("ready", flush=True); sys.stdin.readline()
paths = json.load(open(os.environ["PAIRS"]))
print(json.dumps([[attempt(lambda: read(p)), attempt(lambda: write(p))] for p in paths]))
"""

def text(path, content="x\n"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(content)

class Layout:
    """A home with a project, a few trees of random names, and a policy over them."""
    def __init__(self, base):
        self.home = tempfile.mkdtemp(prefix="home.", dir=base)
        self.project = os.path.join(self.home, random.choice(["project", "work/project", "a/b/project"]))
        self.paths = set()
        os.makedirs(self.project)
        for top in (self.home, self.project):
            for _ in range(random.randint(4, 9)):
                self.grow(top)
        for name in (".ssh/id", ".aws/credentials", ".netrc"):
            if random.random() < 0.6:
                text(os.path.join(self.home, name)); self.paths.add(os.path.join(self.home, name))
        if random.random() < 0.7:
            text(os.path.join(self.project, ".git/config"), "[core]\n"); os.makedirs(os.path.join(self.project, ".git/hooks"))
            text(os.path.join(self.project, ".git/HEAD"), "ref: refs/heads/main\n")
            self.paths |= {os.path.join(self.project, ".git", n) for n in ("config", "hooks", "hooks/pre-commit", "index", "HEAD")}
        self.links()
        self.policy()
        self.paths |= {self.home, self.project, "/etc/hostname", "/etc/passwd", "/usr/lib/os-release", "/tmp", "/tmp/new", "/dev/null", "/etc/new",
                       os.path.join(self.home, "new"), os.path.join(self.project, "new"), os.path.join(self.home, ".ssh"),
                       os.path.join(self.home, ".ssh/new"), os.path.join(self.project, ".vscode"), os.path.join(self.project, ".envrc"),
                       os.path.join(self.project, ".vscode/tasks.json")}

    def grow(self, top):
        path = top
        for _ in range(random.randint(1, 4)):
            path = os.path.join(path, random.choice("abcdefg") + random.choice(["", "1", ".env", ".txt"]))
            self.paths.add(path)
        if not os.path.lexists(path) and random.random() < 0.85:
            try: (text(path) if random.random() < 0.7 else os.makedirs(path))
            except OSError: pass

    def links(self):
        known = sorted(self.paths)
        for _ in range(4):
            at = os.path.join(random.choice([self.home, self.project]), "link" + str(random.randint(0, 99)))
            to = random.choice(known + ["/nowhere/x", "missing", os.path.join(self.home, ".ssh")])
            if not os.path.lexists(at):
                os.symlink(to, at); self.paths |= {at, os.path.join(at, "below")}

    def policy(self):
        def some(n, *extra): return random.sample(sorted(self.paths) + list(extra), n)
        self.options = ["--project", self.project]
        for option, n in (("--deny-read", 3), ("--deny-write", 3), ("--allow-read", 2), ("--allow-write", 1)):
            for path in some(random.randint(0, n)):
                self.options += [option, path]

    def environment(self): return dict(os.environ, HOME=self.home)

def explain(layout, path):
    r = subprocess.run([CORDON, "explain", "--json", *layout.options, "--path", path], cwd=layout.project, env=layout.environment(),
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return json.loads(r.stdout) if r.returncode in (0, 1) else r.stderr  # 1: denied

def start(layout, pairs, *words, **streams):
    options = [*layout.options, "--env", "PAIRS=" + pairs]
    return subprocess.Popen([CORDON, "run", "--quiet", *options, "--", sys.executable, "-c", INSIDE, *words], cwd=layout.project,
                            env=layout.environment(), text=True, stdout=subprocess.PIPE, **streams)

def host_says(path):
    """What the user may do without a sandbox: None where nothing is learnt."""
    exists = os.path.lexists(path)
    parent = os.path.dirname(path)
    read = True if os.path.exists(path) and os.access(path, os.R_OK) else None
    if os.path.exists(path): write = True if os.access(path, os.W_OK) else None
    elif exists: write = None  # a dangling link: O_EXCL fails on it
    else: write = True if os.path.isdir(parent) and os.access(parent, os.W_OK) else None
    return read, write

DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
HIDDEN = DENIED | {errno.ENOENT, errno.ENOTDIR}

passed = failed = 0
def check(layout, path, operation, said, got, race=""):
    global passed, failed
    allowed = said["allowed"]
    # What is not shown at all is denied, too. What is the sandbox's own need not exist there.
    if said.get("inside"):
        good = got == 0 or got in (errno.ENOENT, errno.ENOTDIR) if allowed else got in HIDDEN
    else:
        good = got == 0 if allowed else got in HIDDEN
    if good: passed += 1; return
    failed += 1
    if failed <= 20:
        print(f"FAILED{race}: {operation} {path}: explain says {said}, the process got {errno.errorcode.get(got, got)}; {' '.join(layout.options)}")

def one(base, race):
    layout = Layout(base)
    try:
        paths = sorted(layout.paths)
        pairs = os.path.join(layout.home, "pairs.json")
        text(pairs, json.dumps(paths))
        hosts = [host_says(p) for p in paths]
        said = [explain(layout, p) for p in paths]
        if race:
            child = start(layout, pairs, "race", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            if child.stdout.readline() == "ready\n":
                for name in (".ssh", ".aws", ".netrc"):
                    at = os.path.join(layout.home, name)
                    if os.path.lexists(at):
                        os.rename(at, at + ".old")
                        (shutil.copytree if os.path.isdir(at + ".old") else shutil.copy)(at + ".old", at)
            out, err = child.communicate("go\n", timeout=60)
        else:
            child = start(layout, pairs, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            out, err = child.communicate(timeout=60)
        if child.returncode != 0 or not out.strip():
            # A policy that denies the project itself does not start, nor one that opens what lies behind a link that a command could have laid.
            laid = re.match("cordon: the link (.*) lies where the command may write", err)
            return ("the project" in err or "may not be" in err) or bool(laid and os.path.islink(laid[1])) or err
        for path, host, verdict, (r, w) in zip(paths, hosts, said, json.loads(out.strip().splitlines()[-1])):
            if isinstance(verdict, str):
                return verdict
            if path == pairs: continue
            secret = path.startswith(tuple(os.path.join(layout.home, n) for n in (".ssh", ".aws", ".netrc")))
            # Landlock cannot take a directory's names away again once an ancestor may be listed: what lies in it stays unreadable.
            if race and os.path.isdir(path): continue
            if host[0] and (not race or secret): check(layout, path, "read", verdict["read"], r, " in a race" if race else "")
            if host[1] and not race: check(layout, path, "write", verdict["write"], w)
        return True
    finally:
        subprocess.run(["chmod", "-R", "u+rwx", layout.home], stderr=subprocess.DEVNULL)
        shutil.rmtree(layout.home, ignore_errors=True)

bases = [tempfile.mkdtemp(prefix="cordon-reality.", dir="/var/tmp")]
if os.getuid() == 0:
    bases.append(tempfile.mkdtemp(prefix="cordon-reality.", dir="/srv"))
started = layouts = 0
try:
    while passed + failed < WANTED and layouts < 300:
        result = one(random.choice(bases), race=layouts % 8 == 7)
        layouts += 1
        if result is True: started += 1
        else:
            failed += 1
            print("FAILED: did not start:", result)
finally:
    for base in bases:
        shutil.rmtree(base, ignore_errors=True)
print(f"{layouts} layouts, {passed + failed} pairs")
if passed + failed < WANTED:
    failed += 1
    print("FAILED: fewer pairs than wanted")
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
