"""Runs named checks, prints those that fail and writes a JUnit file, for tests that are neither GoogleTest nor lit."""

import concurrent.futures
import os
import sys
import xml.etree.ElementTree as ET


class Failure(Exception):
    """A check did not hold; the text says what was found and what was wanted."""


class Skip(Exception):
    """A check cannot run here; the text says why."""


def run(suite, checks, results, jobs=os.cpu_count()):
    """Runs `checks`, pairs of a name and a function without arguments. Returns the process's exit status."""
    root = ET.Element("testsuite", name=suite)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [(name, pool.submit(check)) for name, check in checks]
        for name, future in futures:
            case = ET.SubElement(root, "testcase", classname=suite, name=name)
            try:
                note = future.result()
                if note:
                    print(f"{name}: {note}")
            except Skip as skip:
                print(f"SKIP {name}: {skip}")
                ET.SubElement(case, "skipped", message=str(skip))
            except Failure as failure:
                print(f"FAIL {name}: {failure}")
                ET.SubElement(case, "failure", message=str(failure))
                failed += 1
    print(f"{suite}: {len(root)} checks, {failed} failed")
    if results:
        os.makedirs(os.path.dirname(results), exist_ok=True)
        ET.ElementTree(root).write(results)
    return 1 if failed or not len(root) else 0


def fail_unless(condition, message):
    if not condition:
        raise Failure(message)


if __name__ == "__main__":
    sys.exit("junit.py is a module")
