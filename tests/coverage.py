# SPDX-License-Identifier: Apache-2.0
"""The lines that the tests reach: coverage.py BUILD [SUITE...] (a build of the preset `coverage`; all suites that run our own code).

Counts the unit tests, and the suites through the real programs with all their processes, as root and as nobody. Every file must reach
90 % of its lines, those that decide or confine 100 %. What stays below stands in coverage.tsv: file, lines missed at most, why.
"""
import json, os, re, shutil, subprocess, sys
from pathlib import Path

build = Path(sys.argv[1]).resolve()
here = Path(__file__).resolve().parent
suites = sys.argv[2:] or ("unit sandbox layouts limits leftovers network filtered egress traps terminal sockets seccomp start reality "
                          "explain_host words attack torture").split()
raw = Path(re.search(r"CORDON_COVERAGE_DIR:\w+=(.+)", (build / "CMakeCache.txt").read_text())[1])
whole = re.compile(r"src/(stage/.*|egress/(filter|upstream)|policy/compose|plan/paths)\.[ch]pp")
ignored = r"_test\.cpp|/usr/|/tests/|/generated/|/prove/probe/|test_table\.hpp|launch/filters/"

shutil.rmtree(raw, ignore_errors=True)
raw.mkdir(mode=0o1777)
raw.chmod(0o1777)
programs = [build / "cordon", build / "cordon-egress", *sorted(build.glob("*_test"))]
# Who comes first makes a program's file, and all must be able to write it.
for program in programs[:2]:
    subprocess.run([program, "--version"], umask=0, capture_output=True)
with subprocess.Popen(["bash", here / "all.sh", build, *suites], stdout=subprocess.PIPE, text=True, errors="replace") as tests:
    for line in tests.stdout:  # a failure is the business of `./dev test`, where nothing is slowed down by counting
        if line.startswith(("ok ", "FAILED ")) or os.environ.get("COVERAGE_VERBOSE"):
            print(line, end="", flush=True)
counted = sorted(raw.glob("*.profraw"))
profile = build / "coverage.profdata"
subprocess.run(["llvm-profdata-19", "merge", "-sparse", *counted, "-o", profile], check=True)
objects = [w for p in programs[1:] for w in ("-object", p)]
export = subprocess.run(["llvm-cov-19", "export", programs[0], *objects, "-instr-profile", profile, "-skip-branches", f"--ignore-filename-regex={ignored}"],
                        capture_output=True, text=True, check=True).stdout
shutil.rmtree(raw)


def missed(segments):
    """The numbers of lines of code that no execution reached, and how many lines of code there are."""
    lines, seen = {}, {}
    for i, (line, _, count, has_count, is_entry, is_gap) in enumerate(segments[:-1]):
        if not has_count or is_gap:
            continue
        for n in range(line, segments[i + 1][0] + (segments[i + 1][1] > 1)):
            lines[n] = max(lines.get(n, 0), count)
    return sorted(n for n, count in lines.items() if count == 0), len(lines)


excused = {}
for line in (here / "coverage.tsv").read_text().splitlines():
    if line and not line.startswith("#"):
        name, most, why = line.split("\t")
        excused[name] = int(most)
total = reached = 0
failed = []
print(f"{'file':44} lines   reached")
for f in sorted(json.loads(export)["data"][0]["files"], key=lambda f: f["filename"]):
    name = re.search(r"(src|include)/.*", f["filename"].removeprefix(str(here.parent)))[0]
    summary = f["summary"]["lines"]
    count, covered = summary["count"], summary["covered"]
    total, reached = total + count, reached + covered
    most = excused.pop(name, 0 if whole.fullmatch(name) else count // 10)
    bad = count - covered > most
    print(f"{name:44} {count:5} {100 * covered / max(count, 1):7.1f} %{'  FAILED' if bad else ''}")
    if bad:
        failed.append(f"{name}: {count - covered} lines are not reached, at most {most} may be: {missed(f['segments'])[0]}")
failed += [f"coverage.tsv names {name}, which has no lines" for name in excused]
if total and 100 * reached / total < 90:
    failed.append("less than 90 % in total")
print(f"{reached} of {total} lines reached, {100 * reached / max(total, 1):.1f} %")
for line in failed:
    print("FAILED:", line)
sys.exit(bool(failed))
