#!/usr/bin/env python3
"""Checks what the repository promises about its own text: formatting, file length, and which part may include which."""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

SOURCE = {".h", ".cpp", ".c", ".cc"}
MAX_LINES = 800
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
COMPILER_HEADER = r"(?:mlir|llvm|llvm-c)/|kiln/(?:Dialect|Analysis|Conversion|Interpreter|Target)/"
# What writes assembly, and the only file of the compiler that may: it lowers the rows of the table of machine operations.
INLINE_ASSEMBLY = re.compile(r"InlineAsmOp|InlineAsm::get|InlinePtxOp|inline_ptx")
MACHINE_LOWERING = "compiler/lib/Conversion/TileGPUToLLVM/LowerMachineOps.cpp"
# What the files of a folder must not include. The compiler knows neither the language nor the driver, the runtime no MLIR.
LAYERS = {
    "runtime": COMPILER_HEADER,
    "kernels": COMPILER_HEADER,
    "examples": COMPILER_HEADER,
    "compiler": r"kiln/(?!Dialect/|Analysis/|Conversion/|Interpreter/|Layout/|Target/)",
    "dsl/include": COMPILER_HEADER,
}
# The table of environment variables, and the one file that asks for them. The compiler, which knows no runtime, asks itself, and names them.
ENVIRONMENT_TABLE = "runtime/include/kiln/runtime/environment.h"
ENVIRONMENT_READER = "runtime/lib/environment.cpp"
TABLE_ENTRY = re.compile(r'^    \{"([A-Z0-9_]+)",', re.MULTILINE)
GETENV = re.compile(r"\b(?:secure_)?getenv\(([^)]*)\)")
PYTHON_ENVIRONMENT = re.compile(r"environ\b(\.get\(|\[)?(\"[A-Z0-9_]+\")?|getenv")


def tracked_files():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        return None
    return [f for f in listing.stdout.split("\0") if f and (ROOT / f).is_file()]


def check_format(clang_format, files):
    result = subprocess.run([clang_format, "--dry-run", "--Werror", *files], cwd=ROOT, capture_output=True, text=True)
    junit.fail_unless(result.returncode == 0, f"run `make format`\n{result.stderr[:4000]}")


def check_length(files):
    for file in files:
        lines = (ROOT / file).read_text().count("\n")
        junit.fail_unless(lines <= MAX_LINES, f"{file} has {lines} lines; split it before {MAX_LINES}")


def check_layer(folder, forbidden, files):
    for file in files:
        if file.startswith(folder + "/"):
            for header in INCLUDE.findall((ROOT / file).read_text()):
                junit.fail_unless(not re.match(forbidden, header), f"{file} includes {header}")


def check_inline_assembly(files):
    for file in files:
        if file.startswith("compiler/") and file != MACHINE_LOWERING:
            found = INLINE_ASSEMBLY.search((ROOT / file).read_text())
            junit.fail_unless(not found, f"{file}: {found and found[0]}: an instruction belongs into the table of machine operations")


def check_environment(files):
    known = set(TABLE_ENTRY.findall((ROOT / ENVIRONMENT_TABLE).read_text()))
    junit.fail_unless(len(known) > 20, f"{ENVIRONMENT_TABLE} has only {sorted(known)}")
    for file in files:
        top = file.split("/")[0]
        if file == ENVIRONMENT_READER or top not in ("runtime", "dsl", "kernels", "compiler"):
            continue
        text = (ROOT / file).read_text()
        if file.endswith(".py"):
            if file.startswith("kernels/python/"):
                for found in PYTHON_ENVIRONMENT.finditer(text):
                    name = (found[2] or "").strip('"')
                    junit.fail_unless(name in known, f"{file}: {found[0]}: the table of environment variables does not have it")
            continue
        for argument in GETENV.findall(text):
            junit.fail_unless(top == "compiler", f"{file}: getenv({argument}): runtime::environment() reads the variables of the table")
            junit.fail_unless(argument.strip('"') in known, f"{file}: getenv({argument}): the table of environment variables does not have it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--clang-format", required=True)
    args = parser.parse_args()
    files = tracked_files()
    if files is None:
        print("not a git checkout: nothing to check")
        sys.exit(77)
    sources = [f for f in files if pathlib.Path(f).suffix in SOURCE]
    checks = [
        ("every source file is formatted", lambda: check_format(args.clang_format, sources)),
        ("no source file is too long", lambda: check_length(sources + [f for f in files if f.endswith((".td", ".py"))])),
    ]
    checks.append(("machine instructions come from the table alone", lambda: check_inline_assembly(sources)))
    python = [f for f in files if f.endswith(".py")]
    checks.append(("environment variables are those of the table", lambda: check_environment(sources + python)))
    for folder, forbidden in LAYERS.items():
        checks.append((f"{folder} includes only what it may", lambda d=folder, f=forbidden: check_layer(d, f, sources)))
    sys.exit(junit.run("style", checks, args.results))


if __name__ == "__main__":
    main()
