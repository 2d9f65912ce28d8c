#!/usr/bin/env python3
"""Gives scripts/test_summary.py small result files and compares what it says."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

PASS, FAIL, SKIP = '<testcase name="{}"/>', '<testcase name="{}"><failure/></testcase>', '<testcase name="{}"><skipped/></testcase>'


def suite(*cases):
    return "<testsuite>" + "".join(c.format(f"t{i}") for i, c in enumerate(cases)) + "</testsuite>"


def expect(files, status, last_line, *phrases):
    """`files` maps the names of result files to their text; None gives a tree without results."""
    with tempfile.TemporaryDirectory() as tree:
        results = pathlib.Path(tree) / "test-results"
        results.mkdir()
        for name, text in files.items():
            (results / f"{name}.xml").write_text(text)
        found = subprocess.run([sys.executable, ROOT / "scripts/test_summary.py", tree], capture_output=True, text=True)
    junit.fail_unless(found.stdout.splitlines()[-1] == last_line, found.stdout)
    junit.fail_unless(found.returncode == status, f"exit {found.returncode}")
    for phrase in phrases:
        junit.fail_unless(phrase in found.stdout, found.stdout)


GTEST = '<testsuites><testsuite><testcase name="a" status="run" result="completed"/><testcase name="b" status="run" result="skipped">' \
    '<skipped/></testcase><testcase name="c" status="notrun" result="suppressed"/></testsuite></testsuites>'
CHECKS = [
    ("plain entries", lambda: expect({"ctest": suite(PASS, PASS, SKIP)}, 0, "2 passed, 0 failed, 1 skipped")),
    ("a failure", lambda: expect({"ctest": suite(PASS, FAIL)}, 1, "1 passed, 1 failed, 0 skipped", ": t1")),
    ("an entry made of cases", lambda: expect({"ctest": suite(PASS, PASS), "t1": GTEST}, 0, "2 passed, 0 failed, 2 skipped")),
    ("a failed case", lambda: expect({"ctest": suite(FAIL), "t0": suite(PASS, FAIL)}, 1, "1 passed, 1 failed, 0 skipped", "t0: t1")),
    ("a crash after passing cases", lambda: expect({"ctest": suite(FAIL), "t0": suite(PASS)}, 1, "1 passed, 1 failed, 0 skipped", "crashed")),
    ("a truncated file", lambda: expect({"ctest": suite(FAIL), "t0": "<testsuite><testc"}, 1, "0 passed, 1 failed, 0 skipped")),
    ("no results", lambda: expect({}, 1, "0 passed, 1 failed, 0 skipped", "no test results")),
    ("no tests", lambda: expect({"ctest": suite()}, 1, "0 passed, 0 failed, 0 skipped")),
]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    sys.exit(junit.run("test-summary", CHECKS, parser.parse_args().results))
