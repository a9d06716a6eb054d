# SPDX-License-Identifier: Apache-2.0
"""Names that would set the title, clear the screen, forge a line or turn the text around, in everything that Cordon prints."""
import json, os, re, shutil, socket, subprocess, sys, tempfile

cordon = sys.argv[1]
cases = os.path.dirname(os.path.abspath(__file__)) + "/../attack/cases"
passed = failed = 0
root = tempfile.mkdtemp(prefix="cordon-words.", dir="/var/tmp")
home, project = root + "/home", root + "/home/project"
os.makedirs(project)
os.chdir(project)
# OSC 0, CR, a forged line, RIGHT-TO-LEFT OVERRIDE, C1 CSI, DEL, LINE SEPARATOR, a byte that is not UTF-8.
name = b"a\x1b]0;t\x07\r\ncordon: forged \xe2\x80\xae\xc2\x9b31m\x7f\xe2\x80\xa8\xffb"
soft = b"a\xe2\x80\xae\xe2\x81\xa6b"  # what a rule may name: marks of direction, no control character
environment = {"HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin"}
hostile = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]")


def wrong_with(output):
    """What of these bytes would reach the terminal."""
    text = output.decode("utf-8", "replace")
    found = hostile.search(text)
    if found:
        return "drives the terminal: %r" % text[max(0, found.start() - 60):found.end() + 20]
    if re.search("^cordon: forged", text, re.M):
        return "a line is forged"
    return "" if re.search(r"\\x1b|\\u001b|\\xe2\\x80\\xae|\\u202e", text) else "the name is not told: %r" % text[:300]


def ok(what, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print("FAILED: %s: %s" % (what, wrong))
    else:
        passed += 1


def says(what, *words, setting=None, directory=project, stream=None):
    r = subprocess.run([cordon.encode(), *(w if isinstance(w, bytes) else w.encode() for w in words)], env={**environment, **(setting or {})},
                       cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    ok(what, wrong_with(r.stdout + r.stderr if stream is None else getattr(r, stream)))
    return r


ok("control: the name itself drives a terminal", "" if "drives" in wrong_with(name) else "nothing was noticed")
ok("control: a program that prints it is noticed", "" if "drives" in wrong_with(subprocess.run(["ls", "-N", b"./" + name], capture_output=True).stderr) else "nothing was noticed")

says("a command that is not found", "run", "--", b"./" + name)
says("a project that is not there", "run", "--project", name.replace(b"\n", b""), "--", "true")
says("a policy that is not there", "run", "--policy", name, "--", "true")
says("an unknown option", "run", b"--" + name, "--", "true")
says("an unknown command", name)
for option in ("--limit", "--net", "--require", "--mode", "--env", "--allow-host", "--deny-host"):
    says("a wrong " + option, "run", option, name, "--", "true")
says("a wrong value of a limit", "run", "--limit", b"wall=" + name, "--", "true")
says("events that cannot be written", "run", "--events", b"/proc/" + name, "--", "true")
says("a path explained", "explain", "--path", name)
says("a path explained as JSON", "explain", "--json", "--path", name)
says("a program explained", "explain", "--exec", b"./" + name)
says("a host explained", "explain", "--host", name)
says("a host explained as JSON", "explain", "--json", "--host", name)
says("a rule that is refused", "run", "--allow-write", name, "--", "true")
says("a plan", "explain", "--deny-read", soft, "--", "true")
says("a plan as JSON", "explain", "--json", "--deny-read", soft, "--", "true")
says("the effective policy", "policy", "show", "--allow-write", soft)
says("the effective policy as JSON", "policy", "show", "--json", "--allow-write", soft)
says("a policy that is validated and not there", "policy", "validate", name)
says("policies composed that are not there", "policy", "compose", name, name)
plain = name.replace(b"\xff", b"")  # what is not UTF-8 is neither TOML nor JSON
for end, text in ((".toml", b'version = 1\n[fs]\n"%s" = 1\n' % plain.decode().encode("unicode_escape").replace(b"\\x", b"\\u00")),
                  (".json", json.dumps({"version": 1, "fs": {plain.decode(): 1}}).encode())):
    with open(b"wrong" + end.encode(), "wb") as f:
        f.write(text)
    says("an unknown key of a policy in " + end, "policy", "validate", "wrong" + end)
    with open(b"bad" + name + end.encode(), "wb") as f:
        f.write(b"[[[")
    says("a policy with that name and no sense in it, " + end, "policy", "validate", b"bad" + name + end.encode())
says("attacks that are not there", "prove", "--cases", name)
says("an attack's name", "prove", "--cases", cases, "--only", name)
says("a proxy's address", "proxy", "--listen", name)
says("a proxy's policy", "proxy", "--policy", name)
says("a proxy's host", "proxy", "--allow-host", name)
says("an upstream proxy", "doctor", setting={"HTTPS_PROXY": name})

# Denials, which the command chooses.
program = b"./" + soft
shutil.copy("/bin/true", program)
says("a program that is denied", "run", "--deny-exec", program, "--", program)
listener = socket.socket(socket.AF_UNIX)
listener.bind(name + b".sock")
listener.listen()
connect = ["/usr/bin/python3", "-c", "import socket; s = socket.socket(socket.AF_UNIX)\ntry: s.connect(%r)\nexcept OSError: pass" % (name + b".sock")]
says("the summary of denials", "run", "--", *connect)
r = says("the events", "run", "--quiet", "--events", "-", "--", *connect)
lines = [json.loads(line) for line in r.stderr.splitlines()]
ok("the event names the very bytes of the socket", "" if any(
    name in e["object"].encode("utf-8", "surrogateescape") for e in lines if e["decision"] == "denied") else "%r" % lines)
r = says("a repository with a trap in a directory of that name", "run", "--",
         "sh", "-c", 'mkdir "$1" && cd "$1" && git init -q && printf "#!/bin/sh\\n" >.git/hooks/post-checkout && chmod +x .git/hooks/post-checkout', "sh", b"r" + name)

shutil.rmtree(root)
print("%d passed, %d failed, 0 skipped" % (passed, failed))
sys.exit(failed != 0)
