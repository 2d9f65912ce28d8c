#!/usr/bin/env python3
"""Checks that misuse of the public interface is refused by the compiler with a message that helps.

A snippet is one .cpp file. Each line `// error: <regular expression>` must match the compiler's output; `// error(g++): ...` and
`// error(clang): ...` hold for one compiler. So that a snippet cannot fail for another reason than its misuse, it is compiled a second
time with -DCORRECT, under which it shows the right spelling, and must then be accepted.
"""

import argparse
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import junit


def check(snippet, compiler, includes):
    kind = "clang" if "clang" in pathlib.Path(compiler).name else "g++"
    text = snippet.read_text()
    patterns = re.findall(r"^// error(?:\(%s\))?: (.+)$" % re.escape(kind), text, re.MULTILINE)
    junit.fail_unless(patterns, f"no `// error:` line for {kind}")
    junit.fail_unless("CORRECT" in text, "the snippet has no correct spelling under CORRECT")
    command = [compiler, "-std=c++20", "-fsyntax-only", *[f"-I{d}" for d in includes], str(snippet)]

    wrong = subprocess.run(command, capture_output=True, text=True)
    junit.fail_unless(wrong.returncode != 0, "was accepted")
    for pattern in patterns:
        junit.fail_unless(re.search(pattern, wrong.stderr), f"no message matches '{pattern}' in\n{wrong.stderr}")

    right = subprocess.run(command + ["-DCORRECT"], capture_output=True, text=True)
    junit.fail_unless(right.returncode == 0, f"is refused even with -DCORRECT:\n{right.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    parser.add_argument("--compiler", action="append")
    parser.add_argument("--include", action="append")
    parser.add_argument("directory", type=pathlib.Path)
    args = parser.parse_args()
    checks = []
    for snippet in sorted(args.directory.glob("*.cpp")):
        for compiler in args.compiler:
            name = f"{snippet.stem} with {pathlib.Path(compiler).name}"
            checks.append((name, lambda s=snippet, c=compiler: check(s, c, args.include)))
    sys.exit(junit.run("compile-fail", checks, args.results))


if __name__ == "__main__":
    main()
