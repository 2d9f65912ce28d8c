#!/usr/bin/env python3
"""Adds up the tests of one or more build trees and prints `N passed, N failed, N skipped` as its last line.

usage: test_summary.py <build directory>...

Each tree has test-results/ctest.xml (ctest --output-junit) and, for ctest entries that consist of many cases (GoogleTest programs, lit,
scripts), test-results/<entry>.xml. Such an entry counts as its cases; if it failed without a failed case (a crash, a timeout), as one
failure more. Exits with 1 if anything failed, a tree has no results, or nothing ran at all.
"""

import pathlib
import sys
import xml.etree.ElementTree as ET


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled") or case.get("result") in ("skipped", "suppressed"):
        return "skipped"
    return "passed"


def name_of(case):
    return f"{case.get('classname')}.{case.get('name')}" if case.get("classname") else case.get("name")


def count(tree, totals, failures):
    results = tree / "test-results"
    try:
        entries = ET.parse(results / "ctest.xml").getroot().findall(".//testcase")
    except (OSError, ET.ParseError):
        totals["failed"] += 1
        failures.append(f"{tree}: no test results")
        return
    for entry in entries:
        name, result = entry.get("name"), outcome(entry)
        cases = results / f"{name}.xml"
        try:
            found = ET.parse(cases).getroot().findall(".//testcase") if cases.exists() else []
        except ET.ParseError:
            found = []
        if not found:
            totals[result] += 1
            if result == "failed":
                failures.append(f"{tree}: {name}")
            continue
        failed_before = totals["failed"]
        for case in found:
            totals[outcome(case)] += 1
            if outcome(case) == "failed":
                failures.append(f"{tree}: {name}: {name_of(case)}")
        if result == "failed" and totals["failed"] == failed_before:
            totals["failed"] += 1
            failures.append(f"{tree}: {name} (no case of it failed: it crashed or ran out of time)")


def main(trees):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    for tree in trees:
        before = dict(totals)
        count(pathlib.Path(tree), totals, failures)
        print(f"{tree}: " + ", ".join(f"{totals[k] - before[k]} {k}" for k in totals))
    for failure in failures:
        print(f"FAILED {failure}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 0 if totals["failed"] == 0 and totals["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
