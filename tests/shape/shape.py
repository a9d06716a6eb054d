# SPDX-License-Identifier: Apache-2.0
"""The shape of the code, the built programs and the documents: shape.py CORDON (in a build folder)."""
import json, os, re, subprocess, sys
from pathlib import Path

cordon = Path(sys.argv[1]).resolve()
build = cordon.parent
top = Path(__file__).resolve().parents[2]
passed = failed = skipped = 0

def check(promise, wrong):
    global passed, failed
    wrong = list(wrong)
    if wrong:
        failed += 1
        print("FAILED:", promise, *(f"  {w}" for w in wrong[:20]), sep="\n")
    else:
        passed += 1

def skip(promise, why):
    global skipped
    skipped += 1
    print(f"SKIP {promise}: {why}")

def out(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace").stdout

def tracked():
    listed = out("git", "-C", top, "ls-files").split("\n")[:-1]
    if listed:
        return [top / f for f in listed if (top / f).is_file()]
    return [p for p in top.rglob("*") if p.is_file() and "build" not in p.relative_to(top).parts]

files = tracked()
text_of = {}
for f in files:
    try:
        text_of[f] = f.read_text()
    except UnicodeDecodeError:
        pass  # a corpus

# --- layers: an include points down ---------------------------------------------------------------------------------
below = {
    "base": [], "event": ["base"], "policy": ["event"], "plan": ["policy"], "stage": ["base"], "launch": ["plan", "stage"],
    "egress": ["policy"], "audit": ["event"], "prove": ["base"], "session": ["launch", "egress", "audit"],
    "cli": ["session", "prove"],
}
def reach(layer):
    return {layer}.union(*(reach(l) for l in below[layer]))
wrong = []
for f, text in text_of.items():
    part = f.relative_to(top).parts
    if part[0] != "src" or f.suffix not in (".cpp", ".hpp") or f.name.endswith("_test.cpp"):
        continue
    if part[1] not in below:
        wrong.append(f"src/{part[1]} is no layer of this test")
        continue
    for include in re.findall(r'#include "([a-z_]+)/', text):
        if include in below and include not in reach(part[1]):
            wrong.append(f"{f.relative_to(top)} includes {include}/")
check("an include points down", wrong)
# What a program of somebody else's could not do by the public headers, and why: docs/architecture.md, "Where it differs".
inside = {"base/fd.hpp", "base/outlet.hpp", "egress/authority.hpp", "egress/filter.hpp", "egress/upstream_config.hpp", "launch/egress_program.hpp", "plan/host_view.hpp",
          "prove/runner.hpp", "session/control.hpp", "session/run.hpp"}
check("the command line uses the public headers, and of what lies behind them no more than is listed",
      (f"{f.name}: {i}" for f, t in text_of.items() if f.parent == top / "src/cli" for i in re.findall(r'#include "([^"]+)"', t)
       if not i.startswith("cli/") and i not in inside))
check("the stage includes nothing of the public interface",
      (f"{f.name}: {i}" for f, t in text_of.items() if f.parent == top / "src/stage" for i in re.findall(r"#include <cordon/.*>", t)))
check("each public header opens its namespace for the library's users",
      (f.name for f, t in text_of.items() if f.parent == top / "include/cordon" and f.suffix == ".hpp"
       and 'namespace cordon [[gnu::visibility("default")]] {' not in t))
check("a source file begins with its licence",
      (f.relative_to(top) for f, t in text_of.items() if f.suffix in (".cpp", ".hpp", ".c", ".h", ".sh", ".py", ".cmake")
       and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(t.split("\n")[:2])))

# --- the stage ------------------------------------------------------------------------------------------------------
stage = [f for f in text_of if f.parent == top / "src/stage" and not f.name.endswith("_test.cpp")]
lines = sum(text_of[f].count("\n") for f in stage)
calls = sorted({c for f in stage for c in re.findall(r"\bSYS_(\w+)", text_of[f])})
print(f"stage: {lines} lines (at most 800), {len(calls)} kinds of system call (at most 30): {' '.join(calls)}")
check("the stage has at most 800 lines", [] if lines <= 800 else [lines])
check("the stage makes at most 30 kinds of system call", [] if len(calls) <= 30 else [f"{len(calls)}: {' '.join(calls)}"])
gate = re.search(r"CORDON_SANITIZE:\w+=(\S+)", (build / "CMakeCache.txt").read_text())
sanitizers = ("__asan_", "__ubsan_", "__tsan_") if gate else ()
archive = build / "libcordon_stage.a"
allowed = {"__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "strlen", "memset", "memcpy", "memcmp", "memmove"}
if archive.exists():
    symbols = {l.split()[-1] for l in out("nm", "-u", archive).split("\n") if " U " in l}
    check("the stage links no heap, stdio, threads or exceptions",
          sorted(s for s in symbols if s not in allowed and not s.startswith(("_ZN6cordon5stage", "_ZN6cordon3sys") + sanitizers)))

# --- the built programs ---------------------------------------------------------------------------------------------
programs = [p for p in (cordon, build / "cordon-egress", build / "cordon-probe", build / "libcordon.so") if p.exists()]
release = "CMAKE_BUILD_TYPE:STRING=Release" in (build / "CMakeCache.txt").read_text()
for p in programs:
    head, segments, dynamic, symbols = out("readelf", "-hW", p), out("readelf", "-lW", p), out("readelf", "-dW", p), out("nm", p) + out("nm", "-D", p)
    check(f"{p.name} is position independent", [] if "DYN (" in head else [head])
    check(f"{p.name} has full RELRO", [] if "GNU_RELRO" in segments and re.search(r"BIND_NOW|Flags:.*NOW", dynamic) else [dynamic])
    check(f"{p.name} has no executable stack", [] if re.search(r"GNU_STACK.*\bRW +0x", segments) else [segments])
    check(f"{p.name} has no segment that is writable and executable", re.findall(r"LOAD.* RWE .*", segments))
    check(f"{p.name} has no set-id bit", [oct(p.stat().st_mode)] if p.stat().st_mode & 0o6000 else [])
    check(f"{p.name} has the stack protector", [] if "__stack_chk_fail" in symbols else ["__stack_chk_fail is not linked"])
    if release and not gate:
        check(f"{p.name} has _FORTIFY_SOURCE", [] if re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")) else ["no _chk function"])
        if p.name != "cordon-probe":
            check(f"{p.name} has _GLIBCXX_ASSERTIONS", [] if "glibcxx_assert_fail" in symbols else ["no __glibcxx_assert_fail"])
if os.uname().machine == "x86_64":
    ours = [a for a in build.glob("libcordon_*.a")]
    bare = []
    for a in ours:
        notes = out("readelf", "-nW", a)
        members = notes.count("File: ")
        if notes.count("IBT, SHSTK") < members:
            bare.append(f"{a.name}: {notes.count('IBT, SHSTK')} of {members} objects")
    check("every object of ours is made for CET (IBT and SHSTK)", bare)
    without = [p.name for p in programs if "SHSTK" not in out("readelf", "-nW", p)]
    if without:
        skip("the programs are marked for CET as a whole", f"the distribution's static libraries in {', '.join(without)} are not")
commands = (build / "compile_commands.json").read_text() if (build / "compile_commands.json").exists() else ""
for flag in ("-fstack-clash-protection", "-fstack-protector-strong", "-fcf-protection=full"):
    if flag.endswith("full") and os.uname().machine != "x86_64":
        continue
    check(f"everything of ours is compiled with {flag}",
          (c["file"] for c in json.loads(commands or "[]") if not gate and "/src/" in c["file"] and flag not in c["command"]))

# --- the tree -------------------------------------------------------------------------------------------------------
foreign = ["registry" + ".npmjs", "pypi" + ".org", "crates" + ".io", "rubygems" + ".org", "files.python" + "hosted"]
policy_words = {"src/policy/presets"}  # an allow-list names what it allows
check("no file names a package registry",
      (f"{f.relative_to(top)}: {w}" for f, t in text_of.items() for w in foreign
       if w in t and not any(str(f.relative_to(top)).startswith(p) for p in policy_words)))
check("no file names a machine's own folder",
      (f"{f.relative_to(top)}: {m}" for f, t in text_of.items()
       for m in re.findall(r"(?<![\w.$}])(/home/(?!user|project|\$|me\b|tester|you|x|u\b)[a-z]\w+/\S+)", t)))

# --- the documents --------------------------------------------------------------------------------------------------
def help_of(*sub):
    return out(cordon, *sub, "--help")
names = re.findall(r"^  (\w+) {2,}", help_of().partition("ubcommands:")[2], re.M)
options = {s: set(re.findall(r"(--[a-z][a-z-]+)", help_of(s))) for s in names}
options["policy"] |= set(re.findall(r"(--[a-z][a-z-]+)", help_of("policy", "show")))
every = set().union(*options.values()) | {"--version", "--help"}
man = (top / "docs/cordon.1").read_text().replace("\\-", "-").replace("\\fR", "").replace("\\fP", "")
check("the manual page names every command", (n for n in names if not re.search(rf"cordon {n}|^\.B {n}", man, re.M)))
check("the manual page names every option", sorted(o for o in every - {"--help", "--version"} if o not in man))
check("the manual page names no option that is not there", sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", man)) - every))
for shell in ("cordon.bash", "_cordon", "cordon.fish"):
    words = (top / "completions" / shell).read_text()
    check(f"{shell} completes every command", (n for n in names if not re.search(rf"\b{n}\b", words)))
    check(f"{shell} completes every option", sorted(o for o in every if not re.search(rf"(--|-l ){o[2:]}\b", words)))
foreign_programs = {"cmake", "bwrap", "git", "sysctl", "systemd-run", "setpriv", "curl", "npm", "ninja", "apparmor_parser"}
def invocations(text):
    for line in re.findall(r"^ {0,6}(?:\$ )?(?:\./dev|cordon) .*$", "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text, re.S)), re.M):
        yield line.strip().removeprefix("$ ")
verbs = set(re.findall(r"^  (\w+)", (top / "dev").read_text().split('usage="')[1].split('"')[0], re.M))
wrong = []
for f in [top / "README.md", *sorted((top / "docs").glob("*.md"))]:
    if f not in text_of:
        continue
    for line in invocations(text_of[f]):
        words = line.split()
        own = line.split(" -- ")[0]
        if words[0] == "./dev":
            if words[1] not in verbs:
                wrong.append(f"{f.name}: {line}")
            if words[1] != "run":
                continue
            sub = "run"
        else:
            sub = words[1]
            if sub not in names and sub not in ("--version", "--help"):
                wrong.append(f"{f.name}: {line}")
                continue
        for o in re.findall(r"(?<![\w-])--[a-z][a-z-]+", own):
            if o not in options.get(sub, every) | {"--help"}:
                wrong.append(f"{f.name}: {o} in: {line}")
    for target in re.findall(r"\]\((?!http|#|mailto)([^)#]+)", text_of[f]):
        if not (f.parent / target).exists():
            wrong.append(f"{f.name}: links to {target}, which is not there")
check("every command line of the documents exists, every link leads somewhere", wrong)

# --- what it is made of ---------------------------------------------------------------------------------------------
sbom = json.loads((top / "packaging/sbom.spdx.json").read_text())
check("the list of dependencies is SPDX 2.3",
      (k for k in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages", "relationships") if k not in sbom))
listed = {p["name"] for p in sbom["packages"]}
build_text = "\n".join(t for f, t in text_of.items() if f.name == "CMakeLists.txt" and "examples" not in f.parts)
known = {"libseccomp": "libseccomp", "GTest": "googletest", "libidn2": "libidn2", "libunistring": "libunistring", "libcares": "c-ares",
         "Boost": "boost", "OpenSSL": "openssl", "PkgConfig": None}
uses = set(re.findall(r"find_package\((\w+)", build_text)) | set(re.findall(r"-l:(lib\w+)\.a", build_text)) | set(re.findall(r"pkg_check_modules\(\w+ REQUIRED (\w+)", build_text))
includes = {"toml++": "tomlplusplus", "CLI": "cli11", "nlohmann": "nlohmann-json", "boost": "boost", "openssl": "openssl"}
wanted = {known.get(u, u) for u in uses} | {includes[i] for t in text_of.values() for i in re.findall(r"#include <(toml\+\+|CLI|nlohmann|boost|openssl)/", t)}
check("the list of dependencies names all that is used", sorted(w for w in wanted if w and w not in listed))

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
