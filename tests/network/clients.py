# SPDX-License-Identifier: Apache-2.0
"""curl, wget, git, npm, pip, cargo, node, python, java and apt inside `cordon run`, as a user would call them. Each also asks a host
that serves the same and that no rule names: it fails, and the event names the host."""
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import Skip, equal, test, true
from servers import CHILDREN, FILE, LONG, OTHER, ROOT, certificates, need, serve, squid, HOSTS

HOME = ROOT + "/home"
POLICY = ROOT + "/policy.toml"


class Failed(Exception):
    pass


class Way:
    """A way out: `direct`, or through `squid`; `landlock`: direct, from the tier without namespaces."""
    made = {}

    def __init__(self, name):
        self.via, self.prefix, self.options = "direct", [], []
        self.environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"HOME": HOME}
        if name == "squid":
            port = squid()
            self.via = "127.0.0.1:%d" % port
            self.environment["HTTPS_PROXY"] = "http://" + self.via
        if name == "landlock":
            self.prefix = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c",
                           'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all "$0" "$@"']
            self.options = ["--require", "any"]

    @classmethod
    def named(cls, name):
        if name not in cls.made:
            cls.made[name] = cls(name)
        return cls.made[name]

    def run(self, words, project=None):
        """What the client prints. `events` are those of this run."""
        project = project or tempfile.mkdtemp(dir=HOME)
        log = project + ".events"
        done = subprocess.run([*self.prefix, harness.CORDON, "run", "--quiet", "--policy", POLICY, "--events", log, *self.options, "--", *words],
                              capture_output=True, cwd=project, env=self.environment, timeout=LONG, stdin=subprocess.DEVNULL)
        with open(log) as f:
            self.events = [json.loads(line) for line in f]
        if done.returncode != 0:
            said = (done.stdout[-500:] + done.stderr[-1500:]).decode(errors="replace")
            raise (Failed if any(e["kind"] == "start" for e in self.events) else AssertionError)("%s: status %d\n%s" % (words[0], done.returncode, said))
        return done.stdout

    def connects(self, decision):
        return [e for e in self.events if e["kind"] == "net.connect" and e["decision"] == decision]


def client(sentence, program, host, ways=("direct", "squid")):
    """Registers a client for each way out; the function gets way and host, and says whether it has what it asked for."""
    def register(function):
        def allowed(way):
            need(program)
            w = Way.named(way)
            true(function(w, host), "the answer is another")
            told = w.connects("allowed")
            true(told and all(e["host"] == host and e["via"] == w.via for e in told), told)

        def refused():
            need(program)
            w = Way.named("direct")
            try:
                function(w, OTHER)
                raise AssertionError("it did not fail")
            except Failed:
                told = w.connects("denied")
            true(told and all(e["host"] == OTHER and e["hint"].startswith("--allow-host " + OTHER) for e in told), told)
        for way in ways:
            test("%s, %s" % (sentence, way))(lambda way=way: allowed(way))
        test("%s: no rule, no answer" % sentence)(refused)
        return function
    return register


def both(host):
    return ["%s://%s/file" % (scheme, host) for scheme in ("http", "https")]


@test("control: on this host the other one is reached, and inside nothing is past the proxy")
def _():
    need("curl")
    outside = subprocess.run(["curl", "-sSf", "--noproxy", "*", "http://%s/file" % OTHER], capture_output=True, timeout=LONG)
    true(outside.stdout == FILE, outside.stderr)
    try:
        Way.named("direct").run(["curl", "-sS", "--noproxy", "*", "http://web.test/file"])
        raise AssertionError("it is reached")
    except Failed:
        pass


@client("curl: HTTP and HTTPS", "curl", "web.test", ("direct", "squid", "landlock"))
def _(w, host):
    return w.run(["curl", "-sSf", *both(host)]) == FILE * 2


@client("curl: SOCKS5", "curl", "web.test", ("direct", "squid", "landlock"))
def _(w, host):
    return w.run(["sh", "-c", 'for url; do curl -sSf -x "$ALL_PROXY" "$url" || exit; done', "-", *both(host)]) == FILE * 2


@client("wget: HTTP and HTTPS", "wget", "web.test")
def _(w, host):
    return w.run(["sh", "-c", 'for url; do wget -q -t 1 --ca-certificate "$SSL_CERT_FILE" -O - "$url" || exit; done', "-", *both(host)]) == FILE * 2


@client("python: urllib", sys.executable, "web.test")
def _(w, host):
    code = "import urllib.request, sys\nfor u in sys.argv[1:]: sys.stdout.buffer.write(urllib.request.urlopen(u).read())"
    return w.run([sys.executable, "-c", code, *both(host)]) == FILE * 2


@client("python: requests", sys.executable, "web.test")
def _(w, host):
    if subprocess.run([sys.executable, "-c", "import requests"], capture_output=True).returncode != 0:
        raise Skip("python has no requests")
    code = "import requests, sys\ns = requests.Session()\nfor u in sys.argv[1:] * 2: sys.stdout.buffer.write(s.get(u).content)"
    return w.run([sys.executable, "-c", code, *both(host)]) == FILE * 4


@client("node: fetch", "node", "web.test", ("direct", "squid", "landlock"))
def _(w, host):
    code = "for (const u of process.argv.slice(1)) process.stdout.write(Buffer.from(await (await fetch(u)).arrayBuffer()))"
    return w.run(["node", "--input-type=module", "-e", code, *both(host)]) == FILE * 2


@client("git: clone, push and fetch over smart HTTP, with and without TLS", "git", "git.test")
def _(w, host):
    project = tempfile.mkdtemp(dir=HOME)
    bare = "%s/git/%s.git" % (ROOT, os.path.basename(project))
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    subprocess.run(["git", "-C", bare, "config", "http.receivepack", "true"], check=True)
    w.run(["sh", "-ec", """git clone -q "http://$0" a 2>&1; cd a; head -c 3000000 /dev/urandom >big; git add big
      git -c user.name=t -c user.email=t@example.com commit -qm one; git push -q origin HEAD:main; cd ..
      git clone -q "https://$0" b; cmp a/big b/big; git -C b fetch -q""", "%s/git/%s.git" % (host, os.path.basename(project))], project)
    return os.path.getsize(project + "/b/big") == 3000000


@client("npm: install, with and without TLS", "npm", "npm.test")
def _(w, host):
    project = tempfile.mkdtemp(dir=HOME)
    with open(project + "/package.json", "w") as f:
        f.write('{"name":"x","version":"1.0.0"}')
    w.run(["sh", "-ec", """for scheme in http https; do
      rm -rf node_modules package-lock.json; npm install --no-audit --no-fund --fetch-retries=0 --prefer-online --registry "$scheme://$0/npm/" parcel; done""", host], project)
    with open(project + "/node_modules/parcel/index.js") as f:
        return f.read() == "module.exports = 42\n"


@client("pip: install, with and without TLS", sys.executable, "pypi.test")
def _(w, host):
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        raise Skip("python has no pip")
    project = tempfile.mkdtemp(dir=HOME)
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "0"]
    w.run([*pip, "--trusted-host", host, "--index-url", "http://%s/pypi/" % host, "--target", "a", "parcel"], project)
    w.run([*pip, "--index-url", "https://%s/pypi/" % host, "--target", "b", "parcel"], project)
    return os.path.exists(project + "/a/parcel.py") and os.path.exists(project + "/b/parcel.py")


@client("cargo: fetch from a sparse registry with TLS", "cargo", "crates.test")
def _(w, host):
    rustup = os.path.expanduser("~%s/.rustup" % pwd.getpwuid(os.getuid()).pw_name)
    if os.path.isdir(rustup):  # there `cargo` is a link to rustup, which looks in HOME
        w.environment["RUSTUP_HOME"] = rustup
    if subprocess.run(["cargo", "--version"], capture_output=True, env=w.environment).returncode != 0:
        raise Skip("cargo does not run here")
    project = tempfile.mkdtemp(dir=HOME)
    os.makedirs(project + "/.cargo")
    os.makedirs(project + "/src")
    open(project + "/src/lib.rs", "w").close()
    with open(project + "/Cargo.toml", "w") as f:
        f.write('[package]\nname = "x"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\nparcel = "1"\n')
    with open(project + "/.cargo/config.toml", "w") as f:
        f.write('[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "sparse+https://%s/crates/"\n[net]\nretry = 0\n' % host)
    w.run(["cargo", "fetch"], project)
    return os.path.exists(project + "/Cargo.lock")


@client("java: URLConnection", "java", "web.test")
def _(w, host):
    project = tempfile.mkdtemp(dir=HOME)
    with open(project + "/Get.java", "w") as f:
        f.write("class Get { public static void main(String[] a) throws Exception { new java.net.URL(a[0]).openStream().transferTo(System.out); System.out.flush(); } }\n")
    if subprocess.run(["java", "--list-modules"], capture_output=True, text=True).stdout.find("jdk.compiler") < 0:
        raise Skip("java has no compiler")
    return w.run(["java", "Get.java", both(host)[0]], project) == FILE


@client("apt: update and download", "apt-get", "deb.test")
def _(w, host):
    project = tempfile.mkdtemp(dir=HOME)
    for d in ("lists/partial", "archives/partial"):
        os.makedirs(project + "/" + d)
    open(project + "/status", "w").close()
    with open(project + "/sources.list", "w") as f:
        f.write("deb [trusted=yes] http://%s/deb/ ./\n" % host)
    options = ["Dir::Etc::sourcelist=%s/sources.list" % project, "Dir::Etc::sourceparts=-", "Dir::State::lists=%s/lists" % project, "Dir::State::status=%s/status" % project,
               "Dir::Cache=" + project, "Dir::Cache::archives=%s/archives" % project, "APT::Sandbox::User=", "Acquire::Languages=none", "Debug::NoLocking=true", "Acquire::Retries=0",
               "APT::Update::Error-Mode=any"]
    apt = ["apt-get", "-q", *(word for o in options for word in ("-o", o))]
    w.run([*apt, "update"], project)
    w.run([*apt, "download", "parcel"], project)
    equal([f for f in os.listdir(project) if f.endswith(".deb")], ["parcel_1.0_all.deb"])
    return True


@test("what is not allowed stays out of reach, and curl shows why")
def _():
    need("curl")
    said = Way.named("direct").run(["curl", "-sS", "http://%s/" % OTHER])
    true(b"--allow-host " + OTHER.encode() in said, said)


if __name__ == "__main__":
    os.makedirs(HOME)
    os.chmod(ROOT, 0o755)
    with open(POLICY, "w") as f:
        f.write('version = 1\nextends = "safe"\n[net]\nallow = [%s]\nprivate_addresses = true\nca_bundle = "%s/ca.pem"\n' % (", ".join('"%s"' % h for h in HOSTS), ROOT))
    serve("127.0.0.1", 80)
    serve("127.0.0.1", 443, certificates())
    end = os._exit

    def leave(status):  # the harness ends without ceremony; children and files are ours to remove
        for child in CHILDREN:
            child.terminate()
            child.wait()
        shutil.rmtree(ROOT, ignore_errors=True)
        end(status)
    os._exit = leave
    harness.run(sys.argv[1])
