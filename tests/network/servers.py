# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback that play hosts: files, git over smart HTTP, registries of npm, PyPI, cargo and Debian, with and without TLS; and squid."""
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
import tarfile
import tempfile
import threading
import zipfile

from harness import Skip, reserved_port, wait_for

ROOT = tempfile.mkdtemp(prefix="cordon-network.", dir="/var/tmp")
HOSTS = ("web.test", "git.test", "npm.test", "pypi.test", "crates.test", "deb.test")
OTHER = "other.test"  # serves the same; no policy names it
FILE = os.urandom(3 << 20)
SQUID = "cordon%d" % os.getpid()  # its shared memory is named after it, and no two may share that
CHILDREN = []  # to be ended
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
CRATE = gzip_tar({"parcel-1.0.0/Cargo.toml": b'[package]\nname = "parcel"\nversion = "1.0.0"\nedition = "2021"\n', "parcel-1.0.0/src/lib.rs": b""})
CRATE_INDEX = json.dumps({"name": "parcel", "vers": "1.0.0", "deps": [], "cksum": hashlib.sha256(CRATE).hexdigest(), "features": {}, "yanked": False}).encode()
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
        self.path = self.path.replace("/./", "/")
        if self.path.startswith("/git/"):
            return self.git()
        if self.path == "/file":
            return self.send(FILE)
        here = "%s://%s" % ("https" if isinstance(self.connection, ssl.SSLSocket) else "http", self.headers["Host"])
        if self.path == "/npm/parcel":
            version = {"name": "parcel", "version": "1.0.0", "dist": {"tarball": here + "/npm/parcel.tgz", "integrity": "sha512-" + base64.b64encode(hashlib.sha512(NPM).digest()).decode()}}
            return self.send(json.dumps({"name": "parcel", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode(), "application/json")
        if self.path == "/crates/config.json":
            return self.send(json.dumps({"dl": here + "/crates/dl"}).encode(), "application/json")
        plain = {"/npm/parcel.tgz": NPM, "/pypi/parcel/": b'<a href="/parcel-1.0-py3-none-any.whl">parcel-1.0-py3-none-any.whl</a>', "/parcel-1.0-py3-none-any.whl": WHEEL,
                 "/crates/pa/rc/parcel": CRATE_INDEX, "/crates/dl/parcel/1.0.0/download": CRATE, "/deb/Packages": PACKAGES, "/deb/parcel.deb": b"deb"}
        if self.path in plain:
            return self.send(plain[self.path], "text/html" if self.path.endswith("/") else "application/octet-stream")
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
        environment = {**os.environ, "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
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
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=web.test", "-keyout", "key.pem", "-out", "request.pem")
    with open(ROOT + "/san", "w") as f:
        f.write("subjectAltName=%s\n" % ",".join("DNS:" + h for h in (*HOSTS, OTHER)))
    run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "cert.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ROOT + "/cert.pem", ROOT + "/key.pem")
    return context


def need(program):
    if not shutil.which(program):
        raise Skip(program + " is not installed")


def squid():
    need("squid")
    held, port = reserved_port()
    os.makedirs(ROOT + "/squid", exist_ok=True)
    os.chmod(ROOT, 0o755)
    os.chmod(ROOT + "/squid", 0o777)
    with open(ROOT + "/squid.conf", "w") as f:
        f.write("http_port 127.0.0.1:%d\nhttp_access allow all\nhosts_file /etc/hosts\ncache deny all\naccess_log none\ncache_log /dev/null\npid_filename none\ncache_mem 8 MB\n"
                "coredump_dir %s/squid\nshutdown_lifetime 0 seconds\nmax_filedescriptors 1024\n" % (port, ROOT))
    process = subprocess.Popen(["squid", "-N", "-n", SQUID, "-f", ROOT + "/squid.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def up():
        if process.poll() is not None:
            raise Skip("squid does not start here")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(up, "squid accepts")
    held.close()
    CHILDREN.append(process)
    return port
