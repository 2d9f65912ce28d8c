#!/usr/bin/env python3
"""Checks that the release libraries export namespace kiln and the C API and nothing else, and need no LLVM at run time."""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

C_API = ROOT / "kernels/include/kiln/c_api.h"
PYTHON = ROOT / "kernels/capi/python.cpp"  # what only the Python package calls is in no header


def c_api():
    """The functions that the header declares, and those of the Python package; those of each kernel come from a macro."""
    text = C_API.read_text() + PYTHON.read_text()
    kernels = re.findall(r"^KILN_DECLARE_KERNEL\((\w+)\)", text, re.MULTILINE)
    found = set()
    for name in re.findall(r"KILN_API [^(;]*?\b(kiln_[\w#]+)\(", text):
        found |= {name.replace("##X##", kernel).replace("##X", kernel) for kernel in kernels}
    return found


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check_exports(nm, library):
    mangled = run(nm, "-D", "--defined-only", "--format=just-symbols", library).split()
    junit.fail_unless(mangled, "exports nothing")
    own = c_api() if pathlib.Path(library).name.startswith("libkiln.so") else set()
    stray = [s for s in mangled if not re.match(r"_Z(?:T[ISV])?NK?4kiln", s) and s not in own]
    junit.fail_unless(not stray, f"exports {stray[:10]}")
    junit.fail_unless(own <= set(mangled), f"does not export {sorted(own - set(mangled))[:10]}")


def check_no_llvm(nm, library):
    found = re.findall(r".*\b(?:llvm|mlir)::.*|.*\bLLVM[A-Z]\w+.*", run(nm, "-DC", library))
    junit.fail_unless(not found, f"has the dynamic symbols {found[:10]}")


def check_needed(readelf, library):
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", run(readelf, "-d", library))
    wrong = [n for n in needed if re.search(r"LLVM|MLIR|libz|zstd|xml2|edit|z3", n)]
    junit.fail_unless(not wrong, f"needs {wrong}")
    return ", ".join(needed)


def check_debug_free(readelf, library):
    junit.fail_unless(".debug_" not in run(readelf, "-S", library), "carries debug information")
    return f"{pathlib.Path(library).stat().st_size / 1e6:.1f} MB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--nm")
    parser.add_argument("--readelf")
    parser.add_argument("library", nargs="+")
    args = parser.parse_args()
    checks = []
    for path in args.library:
        name = pathlib.Path(path).name
        checks += [
            (f"{name} exports only kiln:: and the C API", lambda p=path: check_exports(args.nm, p)),
            (f"{name} shows no LLVM", lambda p=path: check_no_llvm(args.nm, p)),
            (f"{name} needs no LLVM", lambda p=path: check_needed(args.readelf, p)),
            (f"{name} has no debug information", lambda p=path: check_debug_free(args.readelf, p)),
        ]
    sys.exit(junit.run("symbols", checks, args.results))


if __name__ == "__main__":
    main()
