#!/usr/bin/env python3
"""Checks the public headers: each compiles alone, with g++ and clang, drags in no LLVM, MLIR or CUDA header, and kiln.h is cheap."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

INCLUDES = [ROOT / part / "include" for part in ("runtime", "dsl", "kernels")]
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror", *[f"-I{d}" for d in INCLUDES]]
FORBIDDEN = re.compile(r"/(?:llvm|llvm-c|mlir|mlir-c|clang-c|cuda)/|/cuda[^/]*\.h$|/nvrtc\.h$|/nvJitLink\.h$")
# Seconds of processor time that kiln.h may cost with g++ 12, the standard headers included.
KILN_H_LIMIT = 1.5


def compile_text(compiler, header, *flags):
    source = f'#include "{header}"\n'
    return subprocess.run([compiler, *FLAGS, *flags, "-x", "c++", "-"], input=source, capture_output=True, text=True)


def check_alone(compiler, header):
    """Compiles the header and looks at the list of files that it includes, which -MD writes."""
    with tempfile.NamedTemporaryFile() as listing:
        result = compile_text(compiler, header, "-fsyntax-only", "-MD", "-MF", listing.name)
        junit.fail_unless(result.returncode == 0, result.stderr)
        included = pathlib.Path(listing.name).read_text().replace("\\\n", " ").split()
    junit.fail_unless(any(f.endswith(header) for f in included), f"the list of included files lacks it: {included}")
    heavy = [f for f in included if FORBIDDEN.search(f) and "/include/kiln/" not in f]
    junit.fail_unless(not heavy, f"includes {heavy}")


def check_cost(compiler):
    """The best of five, in processor time, so that a busy machine does not fail the check."""
    best = float("inf")
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as source:
        source.write('#include "kiln/kiln.h"\n')
        source.flush()
        for _ in range(5):
            child = subprocess.Popen([compiler, *FLAGS, "-fsyntax-only", source.name])
            _, status, usage = os.wait4(child.pid, 0)  # of this child and of those it waited for
            child.returncode = os.waitstatus_to_exitcode(status)
            junit.fail_unless(child.returncode == 0, "kiln.h does not compile")
            best = min(best, usage.ru_utime + usage.ru_stime)
    junit.fail_unless(best < KILN_H_LIMIT, f"{best:.2f} s, more than {KILN_H_LIMIT} s")
    return f"{best:.2f} s of processor time"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--compiler", action="append")
    parser.add_argument("--cost-only", action="store_true", help="only measure what kiln.h costs")
    args = parser.parse_args()
    headers = sorted(str(h.relative_to(d)) for d in INCLUDES for h in d.rglob("*.h"))
    checks = [("kiln/kiln.h costs with g++", lambda: check_cost("g++"))]
    for header in headers if not args.cost_only else []:
        for compiler in args.compiler:
            name = f"{header} alone with {pathlib.Path(compiler).name}"
            checks.append((name, lambda h=header, c=compiler: check_alone(c, h)))
    sys.exit(junit.run("headers", checks, args.results))


if __name__ == "__main__":
    main()
