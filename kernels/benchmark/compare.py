#!/usr/bin/env python3
"""Runs `kiln-bench-gpu bandwidth` and the same in Triton, in turn and several times, and prints one table with the ratio of the medians.

usage: compare.py [--rounds N] [--csv FILE] [--program kiln-bench-gpu]

--csv keeps every row of every round. Needs torch and triton for the Triton side. Exits with 1 where Kiln reaches less than 95% of
Triton's bandwidth, or a result is wrong.
"""

import argparse
import csv
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LARGEST_ERROR = 2**-7  # relative; a bf16 result is rounded by at most 2^-9, its inputs are exact
LEAST_RATIO = 0.95


def rows_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return list(csv.DictReader(done.stdout.splitlines()))


def find_program():
    """In the archive this script lies in share/kiln/benchmark, and the program in bin."""
    beside = HERE.parents[2] / "bin" / "kiln-bench-gpu"
    return str(beside) if beside.exists() else shutil.which("kiln-bench-gpu") or "kiln-bench-gpu"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=argparse.FileType("w"))
    parser.add_argument("--program", default=find_program())
    args = parser.parse_args()
    rows = []
    for _ in range(args.rounds):
        rows += rows_of([args.program, "bandwidth"])
        rows += rows_of([sys.executable, str(HERE / "peers" / "triton_rows.py")])
    if args.csv:
        writer = csv.DictWriter(args.csv, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)

    rates = {}
    for row in rows:
        cell = (row["kernel"], int(row["cols"]))
        rates.setdefault(cell, {}).setdefault(row["peer"].split("-")[0], []).append(float(row["GBps"]))
    good = True
    for row in rows:
        if not float(row["max_err"]) <= LARGEST_ERROR:
            print(f"{row['peer']}: {row['kernel']} of {row['cols']} columns is wrong by {row['max_err']}")
            good = False
    print(f"{rows[0]['gpu']}, {rows[0]['date']}; bf16, {rows[0]['rows']} rows, GB/s, medians of {args.rounds} rounds; {rows[-1]['peer']}")
    print(f"{'kernel':12} {'columns':>8} {'Kiln':>8} {'Triton':>8} {'ratio':>7}")
    for (kernel, cols), peers in sorted(rates.items()):
        kiln, other = statistics.median(peers["kiln"]), statistics.median(peers["triton"])
        good = good and kiln >= LEAST_RATIO * other
        print(f"{kernel:12} {cols:8} {kiln:8.0f} {other:8.0f} {kiln / other:7.3f}{'' if kiln >= LEAST_RATIO * other else '  below'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
