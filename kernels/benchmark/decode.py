#!/usr/bin/env python3
"""Decode on a GPU, Kiln beside its peers, in one run: runs kiln-bench-gpu and the scripts in peers/ one after the other and prints one table.

decode.py [cells]          every peer on cells: the plain read of the same bytes, CUDA C++, Kiln, Triton, PyTorch
decode.py draws            Kiln's own choice of config against tuned Triton on random cells of four shapes, with a verdict

A peer that cannot run has a row for each cell that says why. README.md says how everything is measured.
"""

import argparse
import contextlib
import math
import pathlib
import shutil
import subprocess
import sys

import decode_results as results

HERE = pathlib.Path(__file__).resolve().parent
USUAL = ("uniform:2:60 uniform:1:512 uniform:16:256 uniform:4:2048 uniform:1:8192 uniform:1:32768 uniform:16:4096 uniform:64:1024 uniform:64:4096 "
         "ragged:64:8192 ragged:16:16384 skewed:16:65536").split()
# Of kiln-bench-gpu; they call themselves "plain read", "gathered read", "cuda-c++-13.0" and "kiln".
OWN_PEERS = ("plain_read", "gathered_read", "cuda", "kiln")
SCRIPTS = {"triton": "triton_decode.py", "torch": "torch_decode.py"}
PEERS = (*OWN_PEERS, *SCRIPTS)

DRAWN_SHAPES = (results.Shape(), results.Shape(4, 8, 128, 64), results.Shape(16, 1, 64, 1), results.Shape(4, 2, 256, 256))
MOST_DRAWN_BYTES = 600_000_000
LARGEST_RATIO = 1.15


def find_program():
    """In the archive this script lies in share/kiln/benchmark, and the program in bin."""
    beside = HERE.parents[2] / "bin" / "kiln-bench-gpu"
    return str(beside) if beside.exists() else shutil.which("kiln-bench-gpu") or "kiln-bench-gpu"


def is_of(row, peer):
    """Whether a row is one of a peer as the command line calls it."""
    return row.peer.replace(" ", "_").split("-")[0] == peer


def run_child(command, name, limit):
    """The rows that a program prints, and what it said besides, or how it ended: the reasons why there are no more rows."""
    print(f"{name}: running", file=sys.stderr)
    try:
        child = subprocess.run(command, capture_output=True, timeout=limit)
        out, err, status = child.stdout, child.stderr, child.returncode
    except subprocess.TimeoutExpired as ended:
        out, err, status = ended.stdout or b"", (ended.stderr or b"") + f"\nended after {limit} s".encode(), 1
    except OSError as error:
        return [], [f"{command[0]}: {error.strerror}"]
    out = out.decode(errors="replace")
    said = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
    for line in said:
        print(f"{name}: {line}", file=sys.stderr)
    said = said or [f"it ended with status {status} and printed no figure"]
    # A child that was ended in the middle of a line leaves a part of it.
    lines = out.splitlines()
    if status != 0 and out and not out.endswith("\n"):
        lines.pop()
    try:
        return (results.parse_rows(lines, name) if lines else []), said
    except results.ResultsError as error:
        return [], [str(error)]


def measure(cells, peers, program, limit, more=()):
    """The rows of all peers for cells of one shape, cell by cell in the order of the peers. `more` are options for kiln-bench-gpu."""
    options = cells[0].shape.options() + [f"--cell={cell.option()}" for cell in cells]
    found, reasons = [], {}
    own = [peer for peer in OWN_PEERS if peer in peers]
    if own:
        rows, said = run_child([program, "decode", *options, *(f"--peer={peer}" for peer in own), *more], "kiln-bench-gpu", limit)
        found += rows
        for peer in own:
            of_peer = [line.removeprefix(f"{peer}: ") for line in said if line.startswith(f"{peer}: ")]
            reasons[peer] = (of_peer or said)[-1]
    for peer in (p for p in SCRIPTS if p in peers):
        rows, said = run_child([sys.executable, str(HERE / "peers" / SCRIPTS[peer]), *options], peer, limit)
        found += rows
        reasons[peer] = said[-1]
    table = []
    for cell in cells:
        for peer in (p for p in PEERS if p in peers):
            of_peer = [row for row in found if row.cell == cell and is_of(row, peer)]
            table += of_peer or [results.missing(peer.replace("_", " "), cell, reasons[peer])]
    return table


def draw(seed, count):
    """Random cells: the shapes in turn, any mode, batches of 1 to 128 and lengths of 16 to 32768 with even logarithms, not too large for a GPU's memory."""
    cells = []
    for i in range(count):
        mode, batch, length = (results.splitmix64(results.splitmix64(seed) ^ 3 * i + k) / 2**64 for k in range(3))
        cell = results.Cell(DRAWN_SHAPES[i % len(DRAWN_SHAPES)], results.MODES[int(mode * 3)], round(2**(batch * 7)), round(2**(4 + length * 11)))
        while cell.bytes() > MOST_DRAWN_BYTES:
            cell = cell._replace(length=cell.length // 2)
        cells.append(cell)
    return cells


def verdict(cells, rows):
    """The lines about Kiln's time over Triton's, and whether all is well."""
    times = results.medians(rows)
    ratios, lines = [], []
    for cell in dict.fromkeys(cells):
        kiln = [us for name, us in times.get(cell, {}).items() if name.split()[0] == "kiln"]
        triton = [us for name, us in times.get(cell, {}).items() if name.startswith("triton")]
        if kiln and triton:
            ratios.append((min(kiln) / min(triton), cell))
    for ratio, cell in sorted(ratios, reverse=True):
        lines.append(f"{ratio:.3f}  {cell.title()}")
    above = sum(ratio > LARGEST_RATIO for ratio, _ in ratios)
    without = len(dict.fromkeys(cells)) - len(ratios)
    if ratios:
        worst, where = max(ratios)
        mean = math.exp(sum(math.log(ratio) for ratio, _ in ratios) / len(ratios))
        lines.append(f"worst {worst:.3f} ({where.title()}), mean {mean:.3f}; {above} of {len(ratios)} above {LARGEST_RATIO}" +
                     (f"; {without} without figures" if without else ""))
    else:
        lines.append(f"no figures for any of {without} cells")
    return lines, above == 0 and without == 0


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no positive number")
    return int(text)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("cells", "draws"), default="cells")
    parser.add_argument("--csv", metavar="FILE", help="where the table goes; without it, standard output")
    parser.add_argument("--program", default=find_program(), help="kiln-bench-gpu")
    parser.add_argument("--peer", action="append", choices=PEERS, help="one of those to run; without it all (draws: kiln and triton)")
    parser.add_argument("--limit", type=positive, default=600, metavar="SECONDS", help="for each program of a shape; one that takes longer is ended, its rows stay")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE[,VALUE...]", help="tiles of Kiln's to try, as kiln-bench-gpu takes them")
    parser.add_argument("--every-config", action="store_true", help="a row for each of them, and not for the fastest alone")
    parser.add_argument("--cell", action="append", metavar="MODE:BATCH:LENGTH", help="of `cells`: one to measure; without it, the usual twelve")
    for option, default in (("--kv-heads", 8), ("--group", 4), ("--head-dim", 128), ("--page", 16)):
        parser.add_argument(option, type=positive, default=default)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of `draws`")
    parser.add_argument("--count", type=positive, default=60, help="of `draws`")
    args = parser.parse_args(arguments)
    if args.what == "draws" and args.cell:
        parser.error("draws takes no --cell")
    shape = results.Shape(args.kv_heads, args.group, args.head_dim, args.page, "bf16" if args.bf16 else "fp16")
    try:
        args.cells = [results.parse_cell(text, shape) for text in args.cell or USUAL]
    except results.ResultsError as error:
        parser.error(str(error))
    return args


def main(arguments=None):
    args = parse_arguments(arguments)
    more = [f"--set={change}" for change in args.set] + (["--every-config"] if args.every_config else [])
    rows, lines, good = [], [], True
    if args.what == "draws":
        cells = draw(args.seed, args.count)
        for shape in dict.fromkeys(cell.shape for cell in cells):
            rows += measure(list(dict.fromkeys(c for c in cells if c.shape == shape)), args.peer or ("kiln", "triton"), args.program, args.limit, more)
        lines, good = verdict(cells, rows)
    else:
        rows = measure(args.cells, args.peer or PEERS, args.program, args.limit, more)
    with open(args.csv, "w") if args.csv else contextlib.nullcontext(sys.stdout) as out:
        results.write_rows(rows, out)
    for row in rows:
        if not math.isnan(row.max_err) and row.max_err >= row.cell.shape.allowed_error():
            print(f"{row.peer}: {row.cell.title()} is wrong by {row.max_err}", file=sys.stderr)
            good = False
    # Not into the table where that goes to standard output.
    for line in lines:
        print(line, file=sys.stdout if args.csv else sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
