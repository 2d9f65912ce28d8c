#!/usr/bin/env python3
"""Builds programs against Kiln the ways users do: installed with find_package, installed with pkg-config, and as a subproject.

The users compile with g++. Each way gets a fresh directory below --scratch; the subproject's build of Kiln stays for the next run.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

# What a user's shell would not have set either.
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("CMAKE_", "CXX", "CC", "LD_"))} | {
    k: v for k, v in os.environ.items() if k.startswith("CCACHE_")
}


def run(*command, expect=0, skipped=None, **options):
    """What the command says. `skipped` is the status by which it says that it cannot run here."""
    result = subprocess.run([str(c) for c in command], env=ENVIRONMENT, capture_output=True, text=True, **options)
    output = result.stdout + result.stderr
    if skipped is not None and result.returncode == skipped:
        raise junit.Skip(output.strip())
    junit.fail_unless((result.returncode == 0) == (expect == 0), f"{command[0]} exited with {result.returncode}:\n{output[-6000:]}")
    return output


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


class Package:
    def __init__(self, cmake, kiln_build, scratch):
        self.cmake, self.kiln_build, self.scratch = cmake, kiln_build, scratch
        self.prefix = scratch / "prefix"

    def install(self):
        run(self.cmake, "--install", self.kiln_build, "--prefix", fresh(self.prefix))

    def find_package(self):
        build = fresh(self.scratch / "consumer")
        run(self.cmake, "-S", HERE / "consumer", "-B", build, "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run(self.cmake, "--build", build)
        junit.fail_unless("works" in run(build / "consumer"), "said nothing")

    def ir_tests(self):
        """A user's project that tests the IR of its kernels; where FileCheck is missing, the test is skipped with the reason."""
        build = fresh(self.scratch / "ir-test")
        ctest = pathlib.Path(self.cmake).with_name("ctest")
        configure = [self.cmake, "-S", ROOT / "examples/ir_test", "-B", build, "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_PREFIX_PATH={self.prefix}"]
        run(*configure)
        run(self.cmake, "--build", build)
        said = run(ctest, "--test-dir", build, "--output-on-failure")
        junit.fail_unless("100% tests passed" in said and "Skipped" not in said, f"the test did not pass:\n{said}")
        reason = "FileCheck (KILN_FILECHECK) was not found"
        said = run(*configure, "-DKILN_FILECHECK=OFF")
        junit.fail_unless(f"kiln_add_ir_test(ir_test): skipped, because {reason}" in said, f"no word of FileCheck:\n{said}")
        said = run(ctest, "--test-dir", build, "--verbose")
        junit.fail_unless("Skipped" in said and reason in said, f"not skipped:\n{said}")

    def relocated(self):
        """An installed tree may be moved."""
        moved = self.scratch / "moved"
        shutil.rmtree(moved, ignore_errors=True)
        shutil.copytree(self.prefix, moved, symlinks=True)
        build = fresh(self.scratch / "consumer-moved")
        run(self.cmake, "-S", HERE / "consumer", "-B", build, "-DCMAKE_CXX_COMPILER=g++", f"-DCMAKE_PREFIX_PATH={moved}")
        text = "".join(p.read_text() for p in moved.rglob("*.cmake")) + "".join(p.read_text() for p in moved.rglob("*.pc"))
        for path in (self.prefix, ROOT, self.kiln_build):
            junit.fail_unless(str(path) not in text, f"the installed package names {path}")

    def pkg_config(self):
        if not shutil.which("pkg-config"):
            raise junit.Skip("there is no pkg-config")
        directory = next(self.prefix.rglob("kiln.pc")).parent
        flags = run("env", f"PKG_CONFIG_PATH={directory}", "pkg-config", "--cflags", "--libs", "kiln").split()
        program = fresh(self.scratch / "pkg-config") / "consumer"
        run("g++", HERE / "consumer/main.cpp", *flags, "-o", program)
        junit.fail_unless("works" in run(program), "said nothing")

    def pkg_config_of_the_runtime(self):
        """A program that launches packs needs no compiler."""
        if not shutil.which("pkg-config"):
            raise junit.Skip("there is no pkg-config")
        directory = next(self.prefix.rglob("kiln-runtime.pc")).parent
        flags = run("env", f"PKG_CONFIG_PATH={directory}", "pkg-config", "--cflags", "--libs", "kiln-runtime").split()
        scratch = fresh(self.scratch / "pkg-config-runtime")
        source, program = scratch / "program.cpp", scratch / "program"
        source.write_text('#include "kiln/error.h"\n#include "kiln/pack.h"\n#include <cstdio>\n'
                          'int main() { try { kiln::Pack("none.kpack"); } catch (const kiln::PackError &) { std::puts("works"); } }\n')
        run("g++", source, *flags, "-o", program)
        junit.fail_unless("works" in run(program), "said nothing")
        junit.fail_unless("libkiln.so" not in run("readelf", "-d", program), "it needs the compiler")

    def c(self):
        """A program in C, by whatever C compiler the system has."""
        library = next(self.prefix.rglob("libkiln.so")).parent
        program = fresh(self.scratch / "c") / "program"
        run("gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic-errors", "-Werror", f"-I{self.prefix}/include", ROOT / "test/unit/interop/c_api_test.c",
            f"-L{library}", "-lkiln", "-lm", f"-Wl,-rpath,{library}", "-o", program)
        junit.fail_unless("works" in run(program), "said nothing")

    def python(self):
        """The Python package finds the library beside it."""
        package = self.prefix / "share/kiln/python"
        run(sys.executable, ROOT / "test/unit/interop/python_package.py", f"--package={package}", skipped=77)

    def one_library(self):
        """A program names libkiln alone, also where it calls into the runtime library that comes with it."""
        library = next(self.prefix.rglob("libkiln.so")).parent
        for linker in ("bfd", "gold"):
            if not shutil.which(f"ld.{linker}"):
                continue
            program = fresh(self.scratch / f"one-library-{linker}") / "lesson"
            run("g++", "-std=c++20", f"-fuse-ld={linker}", f"-I{self.prefix}/include", ROOT / "examples/05_tuning.cpp",
                f"-L{library}", "-lkiln", f"-Wl,-rpath,{library}", "-o", program)
            needed = run("readelf", "-d", program)
            junit.fail_unless("libkiln_runtime.so" in needed, "the lesson no longer calls into the runtime library")
            run(program)

    def subproject(self):
        build = self.scratch / "subproject"
        run(self.cmake, "-S", HERE / "subproject", "-B", build, "-G", "Ninja", "-DCMAKE_CXX_COMPILER=g++", f"-DKILN_SOURCE_DIR={ROOT}")
        run(self.cmake, "--build", build)
        junit.fail_unless("works" in run(build / "subproject"), "said nothing")

    def wrong_compiler(self):
        said = run(self.cmake, "-S", ROOT, "-B", fresh(self.scratch / "wrong"), "-DCMAKE_CXX_COMPILER=g++", expect=1)
        wanted = "Kiln itself must be built with clang 22 (found GNU"
        junit.fail_unless(wanted in " ".join(said.split()), f"did not say '{wanted}':\n{said}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--cmake")
    parser.add_argument("--kiln-build", type=pathlib.Path)
    parser.add_argument("--scratch", type=pathlib.Path)
    args = parser.parse_args()
    package = Package(args.cmake, args.kiln_build, args.scratch)
    checks = [
        ("install", package.install),
        ("find_package", package.find_package),
        ("tests of a user's IR", package.ir_tests),
        ("an installed tree can be moved", package.relocated),
        ("pkg-config", package.pkg_config),
        ("pkg-config of the runtime", package.pkg_config_of_the_runtime),
        ("libkiln alone", package.one_library),
        ("a program in C", package.c),
        ("the Python package", package.python),
        ("subproject", package.subproject),
        ("Kiln itself with g++", package.wrong_compiler),
    ]
    sys.exit(junit.run("package", checks, args.results, jobs=1))


if __name__ == "__main__":
    main()
