#!/usr/bin/env python3
"""Runs the fuzz targets that were built with -DKILN_FUZZERS=ON, each for some minutes, and says how many inputs each tried.

What a target ends with - a fault, a leak, an input that takes long - is kept in the output folder, and makes the status 1. New inputs stay there;
--merge adds to the committed corpus those that reach more of the code, the smallest first.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
# As for the tests: LLVM is not instrumented. Most inputs are refused by an exception, and each makes ASan look through all frames that it
# keeps for the sake of uses after return; without these, and with less kept of what was freed, up to nine times as many inputs are tried.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=1:allocator_may_return_null=1:"
                    "detect_stack_use_after_return=0:malloc_context_size=8:quarantine_size_mb=32",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def run(target, args):
    """Fuzzes one target; its name, executions, and how it ended."""
    folder = args.output / target
    (folder / "inputs").mkdir(parents=True, exist_ok=True)
    program = args.build / "bin" / f"{target}-fuzzer"
    command = ["nice", "-n", "19", program, f"-max_total_time={round(60 * args.minutes)}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=4096",
               "-print_final_stats=1", f"-artifact_prefix={folder}/", folder / "inputs", CORPUS / target]
    with open(folder / "log", "w") as log:
        status = subprocess.run([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT, cwd=folder,
                                env={**os.environ, **ENVIRONMENT}).returncode
    text = (folder / "log").read_text(errors="replace")
    found = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    if status == 0 and args.merge:
        merge = [program, "-merge=1", "-max_len=512", CORPUS / target, folder / "inputs"]
        subprocess.run([str(c) for c in merge], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}, check=True)
    return target, int(found[1]) if found else 0, coverage[-1] if coverage else "0", status


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the build tree")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="where logs, inputs and findings go")
    parser.add_argument("--minutes", type=float, default=10, help="for each target (default: 10)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at a time (default: one for each processor)")
    parser.add_argument("--only", default="", help="only targets with this in their names")
    parser.add_argument("--merge", action="store_true", help="add what reaches more of the code to the corpus")
    args = parser.parse_args()
    args.build, args.output = args.build.resolve(), args.output.resolve()
    targets = sorted(f.name for f in CORPUS.iterdir() if f.is_dir() and args.only in f.name)
    failed = False
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for target, executions, coverage, status in pool.map(lambda target: run(target, args), targets):
            failed = failed or status != 0
            print(f"{target}: {executions} executions, {coverage} edges, {'nothing found' if status == 0 else f'FOUND, see {args.output / target}'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
