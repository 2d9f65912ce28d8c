#!/usr/bin/env python3
"""Runs the scripts of the decode benchmark on tables made up here and on a stand-in for kiln-bench-gpu, and compares what they say. Takes no GPU."""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "kernels/benchmark")]
import decode
import decode_results as results
import junit
import plot

HEADING = ",".join(results.COLUMNS) + "\n"
FLOOR = "plain read,fp16,16,32,8,128,2,uniform,60,2.00,262,0.0e+00,block=2048 num_warps=4 programs=64\n"
KILN = "kiln,fp16,16,32,8,128,2,uniform,60,{},160,3.0e-04,block_n=64{}\n"
TRITON = "triton-3.6.0,fp16,16,32,8,128,2,uniform,60,4.00,131,3.0e-04,BLOCK=64\n"


def expect_equal(found, wanted):
    junit.fail_unless(found == wanted, f"found {found!r}, wanted {wanted!r}")


def expect_in(phrase, text):
    junit.fail_unless(phrase in text, f"no {phrase!r} in {text!r}")


def run(script, *arguments, files=None):
    """The status, standard output, standard error and directory's files of a script, run where `files` lie."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (files or {}).items():
            path = pathlib.Path(directory) / name
            path.write_text(text)
            path.chmod(0o755)
        done = subprocess.run([sys.executable, ROOT / "kernels/benchmark" / script, *arguments], capture_output=True, text=True, cwd=directory)
        left = {path.name: path.read_text() for path in pathlib.Path(directory).iterdir()}
    return done.returncode, done.stdout, done.stderr, left


def refused(text, message):
    try:
        results.parse_rows(text.splitlines(keepends=True), "t.csv")
    except results.ResultsError as error:
        return expect_equal(str(error), message)
    raise junit.Failure(f"no error where there should be '{message}'")


# ---- tables

def check_round_trip():
    text = HEADING + FLOOR + KILN.format("3.00", "") + "torch,fp16,16,32,8,128,2,uniform,60,nan,nan,nan,\"missing: no torch, no GPU\"\n"
    with tempfile.TemporaryFile("w+") as file:
        results.write_rows(results.parse_rows(text.splitlines(keepends=True), "t.csv"), file)
        file.seek(0)
        expect_equal(file.read(), text)


def check_refusals():
    refused("# nothing\n", "t.csv: the table is empty")
    refused("# a comment\npeer,us\n", f"t.csv:2: the columns are not {HEADING.strip()}")
    refused(HEADING + "kiln,fp16\n", "t.csv:2: 2 fields where there are 13 columns")
    refused(HEADING + FLOOR + KILN.format("fast", ""), "t.csv:3: could not convert string to float: 'fast'")
    refused(HEADING + FLOOR.replace("uniform", "even"), "t.csv:2: the mode is 'even', must be uniform, ragged or skewed")


def check_cells():
    cell = results.parse_cell("skewed:3:100")
    expect_equal(results.lengths(cell), [100, 6, 6])
    expect_equal(cell.title(), "3 skewed to 100")
    expect_equal(results.parse_cell("uniform:2:60", results.Shape(4, 2, 64, 1, "bf16")).title(), "2 x 60, bf16 8/4 heads of 64, pages of 1")
    # As kiln-bench-gpu counts them: 120 tokens of 8 K/V heads, q and out, 8 entries, 2 lengths.
    expect_equal(results.parse_cell("uniform:2:60").bytes(), 120 * 8 * 2 * 128 * 2 + 2 * 2 * 32 * 128 * 2 + 4 * 8 + 4 * 2)
    # The ragged lengths of the protocol.
    expect_equal(results.lengths(results.parse_cell("ragged:3:1000")), [1 + results.splitmix64(i) % 1000 for i in range(3)])
    expect_equal(results.splitmix64(0), 0xE220A8397B1DCDAF)


def check_medians():
    text = HEADING + FLOOR + "".join(KILN.format(us, "") for us in ("3.00", "9.00", "3.20")) + KILN.format("2.50", " overlap=1") + TRITON.replace("3.0e-04", "0.1")
    rows = results.parse_rows(text.splitlines(keepends=True), "t.csv")
    # The wrong result does not count, and a launch with programmatic dependent launch is a series of its own.
    expect_equal(list(results.medians(rows).values()), [{"plain read": 2.0, "kiln": 3.2, "kiln pdl": 2.5}])


# ---- plot.py

def check_markdown():
    files = {"a.csv": HEADING + FLOOR + TRITON + KILN.format("3.00", ""), "q.csv": "# from elsewhere\n" + HEADING + TRITON.replace("triton-3.6.0", "other")}
    status, out, _, _ = run("plot.py", "a.csv", "--quoted", "q.csv", files=files)
    expect_equal(status, 0)
    expect_equal(out.splitlines()[:3], ["| cell | MB | roof, us | roof, GB/s | kiln | triton-3.6.0 | other (quoted) |", "|---|---:|---:|---:|---:|---:|---:|",
                                        "| 2 x 60 | 0.5 | 2.0 | 262 | 3.0 (67 %) | 4.0 (50 %) | 4.0 (50 %) |"])
    expect_in("marked as quoted were not measured", out)


def check_svg():
    slow = TRITON.replace("triton-3.6.0", "torch <pages>").replace("4.00", "400")
    status, out, _, left = run("plot.py", "a.csv", "--svg", "a.svg", files={"a.csv": HEADING + FLOOR + TRITON + slow + KILN.format("3.00", "")})
    expect_equal((status, out), (0, ""))
    root = ET.fromstring(left["a.svg"])
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    # Kiln's is drawn last, on top.
    expect_equal(titles, ["torch <pages>: 400.00 us, 200.00 of the floor", "triton-3.6.0: 4.00 us, 2.00 of the floor", "kiln: 3.00 us, 1.50 of the floor"])
    expect_in("another scale beyond the dashed line", left["a.svg"])


def check_axis():
    for ratios in ([1.1, 2.0], [1.01, 300.0], [0.97, 1.5], []):
        axis = plot.Axis(ratios)
        places = [axis.place(r) for r in sorted([*ratios, *axis.ticks()])]
        junit.fail_unless(places == sorted(places) and places[0] >= 0 and places[-1] <= 1, f"{ratios}: {places}")
    junit.fail_unless(plot.Axis([300.0]).broken and not plot.Axis([2.0]).broken, "the axis is broken where it should not be, or the other way round")


def check_plot_errors():
    status, _, err, _ = run("plot.py", "none.csv")
    expect_equal((status, err), (2, "error: none.csv: No such file or directory\n"))
    status, _, err, left = run("plot.py", "a.csv", "--svg", "a.svg", files={"a.csv": HEADING + TRITON})
    expect_equal((status, err, "a.svg" in left),
                 (2, "left out: 2 x 60: there is no plain read\nerror: no cell has a plain read, which is the floor\n", False))


# ---- decode.py

def stand_in(text, status=0, says=""):
    """A program that prints a table, whatever it is told."""
    return f"#!{sys.executable}\nimport sys\nsys.stdout.write({text!r})\nsys.stderr.write({says!r})\nsys.exit({status})\n"


def run_decode(program, *arguments):
    return run("decode.py", "--program=./fake", *arguments, files={"fake": program})


def check_missing_peers():
    program = stand_in(HEADING + FLOOR + KILN.format("3.00", ""), says="cuda: no NVRTC\n")
    status, out, err, _ = run_decode(program, "--cell=uniform:2:60", "--peer=plain_read", "--peer=cuda", "--peer=kiln")
    expect_equal(out, HEADING + FLOOR + "cuda,fp16,16,32,8,128,2,uniform,60,nan,nan,nan,missing: no NVRTC\n" + KILN.format("3.00", ""))
    expect_in("kiln-bench-gpu: cuda: no NVRTC", err)
    expect_equal(status, 0)


def check_child_that_dies():
    # The last line is not whole.
    program = stand_in(HEADING + FLOOR + "kiln,fp16,16,32", status=1, says="error: the GPU is gone\n")
    _, out, _, _ = run_decode(program, "--cell=uniform:2:60", "--peer=kiln", "--peer=plain_read")
    expect_equal(out, HEADING + FLOOR + "kiln,fp16,16,32,8,128,2,uniform,60,nan,nan,nan,missing: error: the GPU is gone\n")
    _, out, _, _ = run("decode.py", "--program=./none", "--cell=uniform:2:60", "--peer=kiln")
    expect_in("missing: ./none: No such file or directory", out)


def check_child_that_hangs():
    program = f"#!{sys.executable}\nimport sys, time\nsys.stdout.write({HEADING + FLOOR!r})\nsys.stdout.flush()\ntime.sleep(100)\n"
    _, out, _, _ = run_decode(program, "--cell=uniform:2:60", "--peer=kiln", "--peer=plain_read", "--limit=1")
    expect_equal(out, HEADING + FLOOR + "kiln,fp16,16,32,8,128,2,uniform,60,nan,nan,nan,missing: ended after 1 s\n")


def check_wrong_result():
    status, _, err, _ = run_decode(stand_in(HEADING + KILN.format("3.00", "").replace("3.0e-04", "2.0e-02")), "--cell=uniform:2:60", "--peer=kiln")
    expect_equal(status, 1)
    expect_in("kiln: 2 x 60 is wrong by 0.02", err)


def check_options_are_passed_on():
    program = f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:], file=sys.stderr)\n"
    _, _, err, _ = run_decode(program, "--cell=uniform:1:5", "--peer=kiln", "--page=64", "--bf16", "--set=block_n=32,64", "--every-config")
    expect_in("decode --kv-heads 8 --group 4 --head-dim 128 --page 64 --bf16 --cell=uniform:1:5 --peer=kiln --set=block_n=32,64 --every-config", err)


def check_draws():
    cells = decode.draw(1, 60)
    expect_equal(cells, decode.draw(1, 60))
    junit.fail_unless(cells != decode.draw(2, 60), "the seed changes nothing")
    expect_equal({cell.shape for cell in cells}, set(decode.DRAWN_SHAPES))
    expect_equal({cell.mode for cell in cells}, set(results.MODES))
    junit.fail_unless(max(cell.bytes() for cell in cells) <= decode.MOST_DRAWN_BYTES, "a cell is too large")
    junit.fail_unless(min(cell.batch for cell in cells) < 4 and max(cell.batch for cell in cells) > 64, "batches are not spread")


def check_verdict():
    cells = [results.parse_cell(text) for text in ("uniform:2:60", "uniform:1:512", "uniform:1:60")]
    table = [results.Row(peer, cell, us, 100, 1e-4, "") for cell, times in zip(cells, ((3.0, 4.0), (6.0, 5.0))) for peer, us in zip(("kiln", "triton-3.6.0"), times)]
    lines, good = decode.verdict(cells[:2], table)
    expect_equal((lines, good), (["1.200  1 x 512", "0.750  2 x 60", "worst 1.200 (1 x 512), mean 0.949; 1 of 2 above 1.15"], False))
    lines, good = decode.verdict(cells, table[:2])
    expect_equal((lines[-1], good), ("worst 0.750 (2 x 60), mean 0.750; 0 of 1 above 1.15; 2 without figures", False))
    expect_equal(decode.verdict(cells[:1], table[:2])[1], True)
    expect_equal(decode.verdict(cells, []), (["no figures for any of 3 cells"], False))


def check_command_line():
    for arguments, message in ((["--cell=even:1:2"], "a cell is MODE:BATCH:LENGTH, the mode uniform, ragged or skewed; not 'even:1:2'"),
                               (["--cell=uniform:0:2"], "not 'uniform:0:2'"),
                               (["--page=0"], "argument --page: '0' is no positive number"),
                               (["--peer=cutlass"], "argument --peer: invalid choice: 'cutlass'"),
                               (["draws", "--cell=uniform:1:2"], "draws takes no --cell"),
                               (["draws", "--count=many"], "argument --count: 'many' is no positive number")):
        status, _, err, _ = run("decode.py", *arguments)
        expect_equal(status, 2)
        expect_in(message, err)


CHECKS = [
    ("a table is read and written", check_round_trip),
    ("bad tables are refused", check_refusals),
    ("cells, their lengths and bytes", check_cells),
    ("medians of series", check_medians),
    ("roofline table", check_markdown),
    ("plot", check_svg),
    ("axis of the plot", check_axis),
    ("plot: errors", check_plot_errors),
    ("missing peers have rows", check_missing_peers),
    ("a child that dies", check_child_that_dies),
    ("a child that hangs", check_child_that_hangs),
    ("a wrong result", check_wrong_result),
    ("options for kiln-bench-gpu", check_options_are_passed_on),
    ("draws", check_draws),
    ("verdict on draws", check_verdict),
    ("command line", check_command_line),
]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    sys.exit(junit.run("decode-benchmark", CHECKS, parser.parse_args().results))
