# SPDX-License-Identifier: Apache-2.0
"""curl, wget, git, npm, pip, node, python and apt fetch from hosts that exist only here: a name server gives their names
loopback addresses, and only egress asks it. So what a client gets, it got through egress."""
import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile

import harness
from harness import Dns, Proxy, Skip, equal, reserved_port, test, true, wait_for

ROOT = tempfile.mkdtemp(prefix="cordon-network.")
HOSTS = ("web.test", "git.test", "npm.test", "pypi.test", "deb.test", "secure.test")
FILE = os.urandom(3 << 20)
SQUID = "cordon%d" % os.getpid()  # its shared memory is named after it, and no two may share that
LONG = 300  # seconds: npm, git and apt on a machine that is busy


def gzip_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def wheel():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("parcel.py", "VALUE = 42\n")
        z.writestr("parcel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
        z.writestr("parcel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("parcel-1.0.dist-info/RECORD", "parcel.py,,\nparcel-1.0.dist-info/METADATA,,\nparcel-1.0.dist-info/WHEEL,,\nparcel-1.0.dist-info/RECORD,,\n")
    return out.getvalue()


WHEEL = wheel()
NPM = gzip_tar({"package/package.json": b'{"name":"parcel","version":"1.0.0"}', "package/index.js": b"module.exports = 42\n"})
PACKAGES = b"Package: parcel\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@example.com>\nFilename: parcel.deb\nSize: 3\nSHA256: " + hashlib.sha256(b"deb").hexdigest().encode() + b"\nDescription: test\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, body, kind="application/octet-stream", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        host, self.path = self.headers["Host"].split(":")[0], self.path.replace("/./", "/")
        if host == "git.test":
            return self.git()
        if self.path == "/file":
            return self.send(FILE)
        if host == "npm.test" and self.path == "/parcel":
            version = {"name": "parcel", "version": "1.0.0", "dist": {"tarball": "http://%s/parcel.tgz" % self.headers["Host"], "integrity": "sha512-" + base64.b64encode(hashlib.sha512(NPM).digest()).decode()}}
            return self.send(json.dumps({"name": "parcel", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode(), "application/json")
        if host == "npm.test" and self.path == "/parcel.tgz":
            return self.send(NPM)
        if host == "pypi.test" and self.path == "/simple/parcel/":
            return self.send(b'<a href="/parcel-1.0-py3-none-any.whl">parcel-1.0-py3-none-any.whl</a>', "text/html")
        if host == "pypi.test" and self.path.startswith("/parcel-1.0"):
            return self.send(WHEEL)
        if host == "deb.test" and self.path == "/Packages":
            return self.send(PACKAGES)
        if host == "deb.test" and self.path == "/parcel.deb":
            return self.send(b"deb")
        self.send(b"none", status=404)

    do_HEAD = do_GET

    def do_POST(self):
        self.git()

    def git(self):
        """git's own CGI program, as any smart HTTP server runs it."""
        path, _, query = self.path.partition("?")
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {**os.environ, "GIT_PROJECT_ROOT": ROOT + "/git", "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                       "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_USER": "t", "REMOTE_ADDR": "127.0.0.1",
                       "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", "")}
        out = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        self.send_response(int(dict(fields).get("Status", "200").split(" ")[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)


def serve(address, port=0, context=None):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def certificates():
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=ROOT)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=secure.test", "-keyout", "key.pem", "-out", "request.pem")
    with open(ROOT + "/san", "w") as f:
        f.write("subjectAltName=DNS:secure.test\n")
    run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "cert.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ROOT + "/cert.pem", ROOT + "/key.pem")
    return context


def git(*words, cwd=ROOT, environment=None):
    done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", *words], cwd=cwd, capture_output=True, text=True,
                          env={**clean(), **(environment or {})}, timeout=LONG)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def clean():
    keep = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    return {**keep, "HOME": ROOT + "/home", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def run_client(words, environment, cwd=None):
    done = subprocess.run(words, capture_output=True, cwd=cwd or ROOT, env={**clean(), **environment}, timeout=LONG)
    if done.returncode != 0:
        raise AssertionError("%s: status %d\n%s%s" % (words[0], done.returncode, done.stdout[-500:].decode(errors="replace"), done.stderr[-1500:].decode(errors="replace")))
    return done.stdout


def need(program):
    if not shutil.which(program):
        raise Skip(program + " is not installed")


def squid():
    need("squid")
    held, port = reserved_port()
    with open(ROOT + "/hosts", "w") as f:
        f.writelines("127.0.0.1 %s\n" % h for h in HOSTS)
    os.makedirs(ROOT + "/squid", exist_ok=True)
    os.chmod(ROOT, 0o755)
    os.chmod(ROOT + "/squid", 0o777)
    with open(ROOT + "/squid.conf", "w") as f:
        f.write("http_port 127.0.0.1:%d\nhttp_access allow all\nhosts_file %s/hosts\ncache deny all\naccess_log none\ncache_log /dev/null\npid_filename none\ncache_mem 8 MB\n"
                "coredump_dir %s/squid\nshutdown_lifetime 0 seconds\nmax_filedescriptors 1024\n" % (port, ROOT, ROOT))
    process = subprocess.Popen(["squid", "-N", "-n", SQUID, "-f", ROOT + "/squid.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def up():
        if process.poll() is not None:
            raise Skip("squid does not start here")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(up, "squid accepts")
    held.close()
    return process, port


WAYS = {}


def way(name):
    """Environment for clients, by the way out; the proxies are started once."""
    if name not in WAYS:
        net = "allow = [%s]\nprivate_addresses = true\n" % ", ".join('"%s:*"' % h for h in HOSTS)
        environment = {}
        if name == "squid":
            process, port = squid()
            CHILDREN.append(process)
            environment = {"HTTPS_PROXY": "http://127.0.0.1:%d" % port}
        p = Proxy(net, "--resolver", DNS.at, environment=environment)
        CHILDREN.append(p.process)
        http_proxy = "http://127.0.0.1:%d" % p.port
        WAYS[name] = p, {"HTTP_PROXY": http_proxy, "http_proxy": http_proxy, "HTTPS_PROXY": http_proxy, "https_proxy": http_proxy, "NO_PROXY": "", "no_proxy": "",
                         "SSL_CERT_FILE": ROOT + "/ca.pem", "REQUESTS_CA_BUNDLE": ROOT + "/ca.pem", "CURL_CA_BUNDLE": ROOT + "/ca.pem", "NODE_EXTRA_CA_CERTS": ROOT + "/ca.pem",
                         "NODE_USE_ENV_PROXY": "1"}
    return WAYS[name]


CHILDREN = []
PORT = serve("127.0.0.1")
TLS_PORT = serve("127.0.0.1", context=certificates())
DNS = Dns({h: ["127.0.0.1"] for h in HOSTS})
URL, TLS_URL = "http://web.test:%d/file" % PORT, "https://secure.test:%d/file" % TLS_PORT
os.makedirs(ROOT + "/home", exist_ok=True)


def both_ways(sentence):
    def register(function):
        for name in ("direct", "squid"):
            test("%s, %s" % (sentence, "direct" if name == "direct" else "behind squid"))(lambda name=name: function(*way(name)))
        return function
    return register


@test("control: without egress nobody knows these names")
def _():
    need("curl")
    done = subprocess.run(["curl", "-sS", "-m", "20", URL], capture_output=True, env=clean())
    true(done.returncode in (6, 28), "curl: could not resolve, or no name server answers")


@both_ways("curl: HTTP, HTTPS, SOCKS5")
def _(p, environment):
    need("curl")
    for words in ([URL], [TLS_URL], ["-x", "socks5h://127.0.0.1:%d" % p.port, URL], ["-x", "socks5h://127.0.0.1:%d" % p.port, TLS_URL], ["-p", URL]):
        true(run_client(["curl", "-sSf", "-m", str(LONG), *words], environment) == FILE, words)


@both_ways("wget: HTTP and HTTPS")
def _(p, environment):
    need("wget")
    for url in (URL, TLS_URL):
        true(run_client(["wget", "-q", "-T", str(LONG), "-t", "1", "--ca-certificate", ROOT + "/ca.pem", "-O", "-", url], environment) == FILE, url)


@both_ways("python: urllib and requests")
def _(p, environment):
    code = "import urllib.request, sys\nfor u in sys.argv[1:]: sys.stdout.buffer.write(urllib.request.urlopen(u, timeout=300).read())"
    true(run_client([sys.executable, "-c", code, URL, TLS_URL], environment) == FILE * 2)
    try:
        import requests  # noqa: F401
    except ImportError:
        raise Skip("python has no requests")
    code = "import requests, sys\ns = requests.Session()\nfor u in sys.argv[1:] * 2: sys.stdout.buffer.write(s.get(u, timeout=300).content)"
    true(run_client([sys.executable, "-c", code, URL, TLS_URL], environment) == FILE * 4)


@both_ways("node: fetch")
def _(p, environment):
    need("node")
    version = [int(n) for n in subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True).stdout.split(".")[:2]]
    if not (version >= [24, 0] or [22, 21] <= version < [23, 0]):
        raise Skip("fetch of node %d.%d reads no proxy variables (22.21 and 24 do)" % tuple(version))
    code = "for (const u of process.argv.slice(1)) process.stdout.write(Buffer.from(await (await fetch(u)).arrayBuffer()))"
    true(run_client(["node", "--input-type=module", "-e", code, URL, TLS_URL], environment) == FILE * 2)


@both_ways("git: clone, push and fetch over smart HTTP")
def _(p, environment):
    need("git")
    work = tempfile.mkdtemp(dir=ROOT)
    name = os.path.basename(work)
    git("init", "-q", "--bare", ROOT + "/git/%s.git" % name)
    git("config", "http.receivepack", "true", cwd=ROOT + "/git/%s.git" % name)
    url = "http://git.test:%d/%s.git" % (PORT, name)
    git("clone", "-q", url, work + "/a", environment=environment)
    with open(work + "/a/big", "wb") as f:
        f.write(FILE)
    git("add", "big", cwd=work + "/a")
    git("commit", "-qm", "one", cwd=work + "/a")
    git("push", "-q", "origin", "HEAD:main", cwd=work + "/a", environment=environment)
    git("clone", "-q", "-b", "main", url, work + "/b", environment=environment)
    with open(work + "/b/big", "rb") as f:
        true(f.read() == FILE)
    git("fetch", "-q", cwd=work + "/b", environment=environment)


@both_ways("npm: install")
def _(p, environment):
    need("npm")
    work = tempfile.mkdtemp(dir=ROOT)
    with open(work + "/package.json", "w") as f:
        f.write('{"name":"x","version":"1.0.0"}')
    run_client(["npm", "install", "--no-audit", "--no-fund", "--registry", "http://npm.test:%d/" % PORT, "--cache", work + "/cache", "--fetch-retries=0", "parcel"], environment, work)
    with open(work + "/node_modules/parcel/index.js") as f:
        equal(f.read(), "module.exports = 42\n")


@both_ways("pip: install")
def _(p, environment):
    work = tempfile.mkdtemp(dir=ROOT)
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        raise Skip("python has no pip")
    run_client([sys.executable, "-m", "pip", "install", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "0", "--trusted-host", "pypi.test",
                "--index-url", "http://pypi.test:%d/simple/" % PORT, "--target", work, "--proxy", environment["HTTP_PROXY"], "parcel"], environment)
    true(os.path.exists(work + "/parcel.py"))


@both_ways("apt: update and download")
def _(p, environment):
    need("apt-get")
    work = tempfile.mkdtemp(dir=ROOT)
    for d in ("lists/partial", "archives/partial", "etc"):
        os.makedirs(work + "/" + d)
    open(work + "/status", "w").close()
    with open(work + "/sources.list", "w") as f:
        f.write("deb [trusted=yes] http://deb.test:%d/ ./\n" % PORT)
    options = ["-o", "Dir::Etc::sourcelist=%s/sources.list" % work, "-o", "Dir::Etc::sourceparts=-", "-o", "Dir::State::lists=%s/lists" % work, "-o", "Dir::State::status=%s/status" % work,
               "-o", "Dir::Cache=%s" % work, "-o", "Dir::Cache::archives=%s/archives" % work, "-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none", "-o", "Debug::NoLocking=true", "-o", "Acquire::Retries=0"]
    run_client(["apt-get", "-q", *options, "update"], environment, work)
    run_client(["apt-get", "-q", *options, "download", "parcel"], environment, work)
    found = [f for f in os.listdir(work) if f.startswith("parcel")]
    equal(len(found), 1, os.listdir(work))


@both_ways("what is not allowed stays out of reach, and curl shows why")
def _(p, environment):
    need("curl")
    done = subprocess.run(["curl", "-sS", "-m", str(LONG), "http://other.test/"], capture_output=True, env={**clean(), **environment}, text=True)
    true("--allow-host other.test" in done.stdout, done.stdout)


if __name__ == "__main__":
    end = os._exit

    def leave(status):  # the harness ends without ceremony; children and files are ours to remove
        for child in CHILDREN:
            child.terminate()
            child.wait()
        shutil.rmtree(ROOT, ignore_errors=True)
        end(status)
    os._exit = leave
    harness.run(sys.argv[1])
