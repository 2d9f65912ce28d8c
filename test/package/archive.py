#!/usr/bin/env python3
"""Unpacks the archive that `make package` makes, moves it, and uses it: what it needs of a system, its own tests, a program built on it."""

import argparse
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

# Debian 12: glibc 2.36, and the libstdc++ and libgcc of GCC 12.
NEWEST = {"GLIBC": (2, 36), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}
SYSTEM = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}
OWN = {"libkiln.so.0.1", "libkiln_runtime.so.0.1"}


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    junit.fail_unless(result.returncode == 0, f"{command[0]} exited with {result.returncode}:\n{result.stdout[-6000:]}")
    return result.stdout


class Archive:
    def __init__(self, args):
        self.args = args
        if not args.archive.exists():
            raise SystemExit(f"{args.archive} is not there; build the target `archive` first")
        shutil.rmtree(args.scratch, ignore_errors=True)
        with tarfile.open(args.archive) as tar:
            self.members = tar.getmembers()
            tar.extractall(args.scratch / "unpacked")
        # Once moved, nothing may look where it was unpacked or built.
        self.root = args.scratch / "moved" / "kiln of a user"
        self.root.parent.mkdir()
        next((args.scratch / "unpacked").iterdir()).rename(self.root)
        self.files = [p for p in self.root.rglob("*") if p.is_file() and not p.is_symlink()]
        self.elf = [p for p in self.files if p.read_bytes()[:4] == b"\x7fELF"]

    def one_directory(self):
        name = self.args.archive.name.removesuffix(".tar.xz")
        stray = [m.name for m in self.members if m.name.split("/")[0] != name]
        junit.fail_unless(not stray, f"{stray[:5]} lie outside {name}/")
        junit.fail_unless(all(m.uid == 0 and not m.uname for m in self.members), "members name a user of the build machine")

    def symbol_versions(self):
        if tuple(map(int, platform.libc_ver()[1].split("."))) > NEWEST["GLIBC"]:
            raise junit.Skip(f"built with glibc {platform.libc_ver()[1]}; an archive for others is built with 2.36")
        found = {}
        for path in self.elf:
            for family, version in re.findall(r"Name: (GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)", run(self.args.readelf, "-VW", path)):
                version = tuple(map(int, version.split(".")))
                junit.fail_unless(version <= NEWEST[family], f"{path.name} needs {family} {version}, newer than {NEWEST[family]}")
                found[family] = max(version, found.get(family, version))
        junit.fail_unless(set(found) == set(NEWEST), f"read only {found}")
        return ", ".join(f"{family} {'.'.join(map(str, version))}" for family, version in sorted(found.items()))

    def needed(self):
        for path in self.elf:
            dynamic = run(self.args.readelf, "-dW", path)
            wrong = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) - SYSTEM - OWN
            junit.fail_unless(not wrong, f"{path.name} needs {wrong}")
            for entry in re.findall(r"\(R(?:UN)?PATH\).*\[(.*)\]", dynamic):
                junit.fail_unless(entry.startswith("$ORIGIN") and ":" not in entry, f"{path.name} looks for libraries in {entry}")

    def stripped(self):
        for path in self.elf:
            sections = run(self.args.readelf, "-SW", path)
            junit.fail_unless(not re.search(r"\.debug_|\.symtab", sections), f"{path.name} is not stripped")

    def no_paths(self):
        for path in self.files:
            data = path.read_bytes()
            for build in (str(ROOT), os.path.expanduser("~/")):
                if len(build) > 3:
                    junit.fail_unless(build.encode() not in data, f"{path.relative_to(self.root)} names {build}")

    def selftest(self):
        # A fresh environment, as on a machine that never saw the build.
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.args.scratch)}
        said = run(self.root / "bin/kiln-selftest", "--programs", "100", env=environment)
        passed, failed, _ = map(int, re.match(r"(\d+) passed, (\d+) failed, (\d+) skipped", said.splitlines()[-1]).groups())
        junit.fail_unless(passed > 300 and failed == 0, said[-3000:])
        junit.fail_unless(said.startswith("assembler "), f"does not say what assembles:\n{said[:300]}")
        return said.splitlines()[-1]

    def profile(self):
        """The kernels' source comes with the archive, so that it stands beside the numbers wherever the program is called."""
        said = run(self.root / "bin/kiln-profile", "vector_add_f32", cwd=self.args.scratch)
        junit.fail_unless("Tile a = load(x + start + i" in said, f"shows no source:\n{said}")

    def python(self):
        """The Python package finds the library beside it, and needs no other package."""
        program = """if True:
            import ctypes, kiln
            y = kiln.softmax(kiln.zeros((4, 64), "f32", "cpu"))
            print(kiln.version(), list((ctypes.c_float * 256).from_address(y.data_ptr())) == [1 / 64] * 256)
        """
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.root / "share/kiln/python"), "PYTHONDONTWRITEBYTECODE": "1"}
        said = run(sys.executable, "-c", program, env=environment)
        junit.fail_unless(said.split()[1:] == ["True"], said)

    def only(self):
        said = run(self.root / "bin/kiln-selftest", "--only", "VectorAdd", "--isolate", "--jobs", "2")
        cases = run(self.root / "tests/kiln_numeric_tests", "--gtest_list_tests", "--gtest_filter=*VectorAdd*").count("\n  ")
        passed, _, skipped = map(int, re.findall(r"\d+", said.splitlines()[-1]))
        junit.fail_unless(passed + skipped == cases, f"ran {passed + skipped} of {cases} cases:\n{said}")

    def crash(self):
        """A test program that crashes costs one case, and the count says so: the other case, five targets of the fuzzer and three devices under stress
        pass. What a skipped case says is its reason, and not the trace below it."""
        broken = self.args.scratch / "broken"
        (broken / "bin").mkdir(parents=True)
        (broken / "tests").mkdir()
        (broken / "examples").mkdir()
        shutil.copy(ROOT / "scripts/selftest.py", broken / "bin/kiln-selftest")
        fake = broken / "tests/crashes"
        fake.write_text(f"""#!{sys.executable}
import os, signal, sys
if "--gtest_list_tests" in sys.argv: sys.exit(print("Suite.\\n  Good\\n  Skips\\n  Bad\\n  DISABLED_Off"))
cases = sys.argv[2].split("=")[1].split(":")
if "Suite.Bad" in cases: os.kill(os.getpid(), signal.SIGSEGV)
inside = {{"Skips": '<skipped message="a.cpp:7&#x0A;not today&#x0A;Google Test trace:&#x0A;a.cpp:3: repeat with SEED=1&#x0A;"/>'}}
text = "".join(f'<testcase classname="Suite" name="{{c[6:]}}">{{inside.get(c[6:], "")}}</testcase>' for c in cases)
open(sys.argv[3].split("xml:")[1], "w").write(f"<t>{{text}}</t>")
""")
        for tool, text in (("kiln-compile", "exit 0"), ("kiln-demo", "echo no such device; exit 77"), ("kiln-fuzz", "exit 0"), ("kiln-stress", "exit 0")):
            (broken / "bin" / tool).write_text(f"#!/bin/sh\n{text}\n")
        for path in [fake, *(broken / "bin").iterdir()]:
            path.chmod(0o755)
        done = subprocess.run([broken / "bin/kiln-selftest", "--jobs", "1"], stdout=subprocess.PIPE, text=True)
        junit.fail_unless(done.returncode == 1, "a crash passed")
        for text in ("FAILED crashes: Suite.Bad", "status -11", "skipped 1: no such device", "skipped 1: not today", "9 passed, 1 failed, 2 skipped"):
            junit.fail_unless(text in done.stdout, f"did not say '{text}':\n{done.stdout}")

    def consumer(self):
        build = self.args.scratch / "consumer"
        run(self.args.cmake, "-S", HERE / "consumer", "-B", build, "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_PREFIX_PATH={self.root}")
        run(self.args.cmake, "--build", build)
        junit.fail_unless("works" in run(build / "consumer"), "said nothing")
        lesson = self.args.scratch / "lesson"
        run("g++", "-std=c++20", f"-I{self.root}/include", self.root / "examples/02_softmax.cpp", f"-L{self.root}/lib", "-lkiln",
            f"-Wl,-rpath,{self.root}/lib", "-o", lesson)
        run(lesson)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--cmake")
    parser.add_argument("--readelf")
    parser.add_argument("--archive", type=pathlib.Path)
    parser.add_argument("--scratch", type=pathlib.Path)
    archive = Archive(parser.parse_args())
    checks = [
        ("everything lies in one directory", archive.one_directory),
        ("runs with glibc 2.36 and GCC 12's libraries", archive.symbol_versions),
        ("needs the C and C++ libraries alone", archive.needed),
        ("stripped", archive.stripped),
        ("names no path of the build", archive.no_paths),
        ("its own tests", archive.selftest),
        ("kiln-profile finds the kernels' source", archive.profile),
        ("the Python package", archive.python),
        ("a part of its tests", archive.only),
        ("a crash among its tests", archive.crash),
        ("programs built on it with g++", archive.consumer),
    ]
    sys.exit(junit.run("archive", checks, archive.args.results, jobs=1))


if __name__ == "__main__":
    main()
