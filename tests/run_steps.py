# SPDX-License-Identifier: BSD-3-Clause
"""The steps of scripts/test: builds, runs, counts. One line a step, the output of what failed."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Folders whose code runs without EAL. DPDK's own threads and locks are not built for TSan.
WITHOUT_EAL = ("base", "packet", "steering", "ring", "placement", "config", "capture", "generate")
# What leaves no time for a hang to hide in, in seconds.
BUILD_LIMIT, SUITE_LIMIT = 600, 600
# So many functional tests that failed beside others are run once more; more is no chance.
AGAIN_MAX = 3
FUZZ_SECONDS = int(os.environ.get("WEIR_FUZZ_SECONDS", "5"))

ENVIRONMENT = {
    "WEIR_SHARED": str(ROOT.parent / "shared"),
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leaks.supp:print_suppressions=0",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    **os.environ,
}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(command, limit_seconds, **variables):
    """Runs a command in a process group of its own; returns (exit code, output). 124: timeout."""
    process = subprocess.Popen(
        [str(word) for word in command], cwd=ROOT, env={**ENVIRONMENT, **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit_seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 124, output + f"\nstopped after {limit_seconds} s"


def show(title, output, lines=60):
    print(f"--- {title}")
    print("\n".join(output.rstrip().splitlines()[-lines:]))
    print("---", flush=True)


def introspect(directory, what):
    return json.loads(run(["meson", "introspect", directory, what], BUILD_LIMIT)[1])


def introspect_option(directory, name):
    return next(option["value"] for option in introspect(directory, "--buildoptions")
                if option["name"] == name)


def build(directory, compiler, *options, targets=()):
    """Configures once, then compiles (all, or what `targets` says). True when it built."""
    if not (ROOT / directory / "build.ninja").exists():
        code, output = run(["meson", "setup", directory, *options], BUILD_LIMIT, CC=compiler)
        if code != 0:
            show(f"meson setup {directory}", output)
            return False
    elif not introspect_option(directory, "tests"):  # scripts/quickstart builds without
        run(["meson", "configure", directory, "-Dtests=true"], BUILD_LIMIT)
    chosen = targets(directory) if targets else []
    # No names would be all there is, unnoticed.
    assert chosen or not targets, f"{directory} has none of the programs that the step is about"
    code, output = run(["ninja", "-C", directory, *chosen], BUILD_LIMIT)
    if code != 0:
        show(f"ninja -C {directory}", output)
    return code == 0


def programs(directory, wanted):
    """Paths of the targets that `wanted` says, for ninja. `wanted` gets what introspection says of
    a target, and its folder."""
    return [os.path.relpath(target["filename"][0], ROOT / directory)
            for target in introspect(directory, "--targets")
            if target["build_by_default"]
            and wanted(target, str(Path(target["defined_in"]).parent.relative_to(ROOT)))]


def all_but(*folders):
    """For build(): what is not defined under these folders."""
    return lambda directory: programs(directory, lambda _target, folder: not folder.startswith(folders))


def count_cmocka(text):
    """What a cmocka program says about itself; None when it is not one or did not get to the end."""
    found = {}
    for word in ("PASSED", "FAILED", "SKIPPED"):
        match = re.findall(r"^\[\s+" + word + r"\s+\] (\d+) test", text, re.MULTILINE)
        found[word.lower()] = sum(int(number) for number in match)
    return found if found["passed"] + found["failed"] + found["skipped"] else None


def meson_tests(directory, tally, names=(), wrapper=()):
    # Each suite may take as long as its tests' own timeouts; the limit is for a hang of meson.
    log = ROOT / directory / "meson-logs" / "testlog-plain.json"
    log.unlink(missing_ok=True)
    command = [*wrapper, "meson", "test", "-C", directory, "--setup", "plain", "--no-rebuild",
               *names]
    code, output = run(command, SUITE_LIMIT)
    if not log.exists():
        show(" ".join(command), output)
        tally.add(failed=1)
        return
    for line in log.read_text().splitlines():
        test = json.loads(line)
        text = test.get("stdout", "") + test.get("stderr", "")
        counts = count_cmocka(text) or {}
        for name in sorted(set(re.findall(r"^\[\s+SKIPPED \] ([A-Za-z_]\w*)$", text, re.MULTILINE))):
            print(f"skipped: {test['name']}: {name}")
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            tally.add(**(counts or {"passed": 1}))
        elif test["result"] == "SKIP":
            tally.add(skipped=1)
            print(f"skipped: {test['name']}: {text.strip().splitlines()[-1:]}")
        else:
            # A crash leaves no summary behind, or one without the test that crashed.
            counts["failed"] = max(1, counts.get("failed", 0))
            tally.add(**counts)
            show(f"{test['name']}: {test['result']}", text)


def failed_cases(suite):
    """What pytest takes as arguments, of those that failed."""
    return [f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"
            for case in suite.iter("testcase")
            if case.find("failure") is not None or case.find("error") is not None]


def pytest(tally, label, *arguments, again=None, **variables):
    """again: a list to which a few that failed are added, instead of being counted."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        command = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   f"--junitxml={report}", *arguments]
        code, output = run(command, SUITE_LIMIT, **variables)
        if code not in (0, 1) or not report.exists():
            show(label, output)
            tally.add(failed=1)
            return
        suite = xml.parse(report).getroot().find("testsuite")
    for case in suite.iter("testcase"):
        skip = case.find("skipped")
        if skip is not None:
            print(f"skipped: {case.get('name')}: {skip.get('message')}")
    count = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    failed = count["failures"] + count["errors"]
    if failed:
        show(label, output, lines=200)
    if again is not None and failed <= AGAIN_MAX and not count["errors"]:
        again += failed_cases(suite)
        failed -= len(again)
        count["tests"] -= len(again)
    tally.add(count["tests"] - failed - count["skipped"], failed, count["skipped"])


def functional_tests(tally, label, files, **variables):
    """One for each CPU at a time, for many wait; then those that want to be alone, and the few that
    failed beside another: what depends on time gets its CPUs there, what is wrong fails again."""
    again = []
    pytest(tally, label, *files, "-m", "not alone", "-n", str(os.cpu_count()), "--dist", "loadgroup",
           again=again, **variables)
    pytest(tally, f"{label}, alone", *files, "-m", "alone", **variables)
    if again:
        print("once more, alone: " + ", ".join(again), flush=True)
        pytest(tally, f"{label}, once more", *again, **variables)


def unit(tally):
    """Release build of gcc: unit and property tests."""
    if not build("build", "gcc"):
        tally.add(failed=1)
        return
    meson_tests("build", tally)


def functional(tally):
    """The program itself, on real ports, in network namespaces."""
    if not build("build", "gcc"):
        tally.add(failed=1)
        return
    functional_tests(tally, "functional", ["tests/functional"], WEIR=str(ROOT / "build/app/weir"))


def sanitize(tally):
    """ASan and UBSan: unit and property tests, and every capture through the program."""
    # Not optimised: it compiles in a quarter of the time, and nothing is optimised away unseen.
    if not build("build-asan", "gcc", "-Db_sanitize=address,undefined", "-Dbuildtype=debug",
                 targets=all_but("tests/bench", "tests/functional")):
        tally.add(failed=1)
        return
    meson_tests("build-asan", tally)
    files = [f"tests/functional/test_{name}.py" for name in ("replay", "cli", "explain")]
    functional_tests(tally, "functional, address sanitizer", files,
                     WEIR=str(ROOT / "build-asan/app/weir"), WEIR_SLOWER="10")


def tests_without_eal(directory):
    return [test for test in introspect(directory, "--tests")
            if test["name"].split()[0] == "unit" and test["name"].split()[1] in WITHOUT_EAL]


def threads(tally):
    """TSan: what runs without EAL."""
    def chosen(directory):
        wanted = {target for test in tests_without_eal(directory) for target in test["depends"]}
        return programs(directory, lambda target, _folder: target["id"] in wanted)

    if not build("build-tsan", "gcc", "-Db_sanitize=thread", "-Dbuildtype=debugoptimized",
                 targets=chosen):
        tally.add(failed=1)
        return
    names = [test["name"] for test in tests_without_eal("build-tsan")]
    # TSan of gcc 12 knows fewer bits of address space randomisation than new kernels use.
    fixed, _ = run(["setarch", "-R", "true"], 10)
    meson_tests("build-tsan", tally, names, ["setarch", "-R"] if fixed == 0 else [])


def fuzz_once(source):
    """Runs one target from its corpus; returns (exit code, output)."""
    target = ROOT / "build-fuzz/tests/fuzz" / source.stem
    seeds = ROOT / "tests/fuzz/corpus" / source.stem.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as found:
        command = [target, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-verbosity=0",
                   "-rss_limit_mb=2048", f"-artifact_prefix={target}-", found]
        return run(command + ([seeds] if seeds.is_dir() else []), FUZZ_SECONDS + 60)


def fuzz(tally):
    """The product built by clang; each fuzz target for some seconds from its corpus."""
    # That clang has no complaint about the other tests either is scripts/lint's to say.
    if not build("build-fuzz", "clang-14", "-Dfuzz=true", "-Db_lundef=false",
                 "-Db_sanitize=address,undefined", "-Dc_args=-fsanitize=fuzzer-no-link",
                 targets=all_but("tests/unit", "tests/property", "tests/bench", "tests/functional")):
        tally.add(failed=1)
        return
    sources = sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))
    with ThreadPoolExecutor(os.cpu_count()) as at_once:
        for source, (code, output) in zip(sources, at_once.map(fuzz_once, sources), strict=True):
            tally.add(passed=int(code == 0), failed=int(code != 0))
            if code != 0:
                show(source.stem, output)


STEPS = {step.__name__: step for step in (unit, functional, sanitize, threads, fuzz)}


def main(names):
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"no step named {unknown[0]}; the steps are:", file=sys.stderr)
        for name, step in STEPS.items():
            print(f"  {name:12} {step.__doc__}", file=sys.stderr)
        return 2
    total = Tally()
    for name in names or STEPS:
        tally, start = Tally(), time.monotonic()
        print(f"{name}: {STEPS[name].__doc__}", flush=True)
        STEPS[name](tally)
        print(f"{name}: {tally} ({time.monotonic() - start:.0f} s)", flush=True)
        total.add(tally.passed, tally.failed, tally.skipped)
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
