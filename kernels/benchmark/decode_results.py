"""Tables of decode figures: the columns, cells, and reading them. Used by decode.py and plot.py."""

import csv
import math
import statistics
from typing import NamedTuple

COLUMNS = "peer,dtype,page,heads,kv_heads,head_dim,batch,mode,length,us,GBps,max_err,config".split(",")
MODES = ("uniform", "ragged", "skewed")
ALLOWED_ERROR = {"fp16": 5e-3, "bf16": 2e-2}  # absolute


class ResultsError(Exception):
    """A table or a text of a cell that makes no sense; the message says where."""


class Shape(NamedTuple):
    """What a model fixes."""

    kv_heads: int = 8
    group: int = 4
    head_dim: int = 128
    page: int = 16
    dtype: str = "fp16"

    def allowed_error(self):
        return ALLOWED_ERROR.get(self.dtype, 0)

    def options(self):
        """As every program of the comparison takes them."""
        return ["--kv-heads", str(self.kv_heads), "--group", str(self.group), "--head-dim", str(self.head_dim), "--page", str(self.page),
                *(["--bf16"] if self.dtype == "bf16" else [])]


class Cell(NamedTuple):
    """A shape, and a batch of sequences whose lengths follow from mode and length."""

    shape: Shape
    mode: str
    batch: int
    length: int

    def option(self):
        return f"{self.mode}:{self.batch}:{self.length}"

    def title(self):
        """"16 x 4096", "64 ragged to 8192", and the shape where it is not the usual one."""
        text = f"{self.batch} x {self.length}" if self.mode == "uniform" else f"{self.batch} {self.mode} to {self.length}"
        s = self.shape
        return text if s == Shape() else f"{text}, {s.dtype} {s.kv_heads * s.group}/{s.kv_heads} heads of {s.head_dim}, pages of {s.page}"

    def bytes(self):
        """What a step reads and writes at least: K, V, q, out, the used table entries and the lengths."""
        s, used = self.shape, lengths(self)
        pages = sum(-(-n // s.page) for n in used)
        return sum(used) * s.kv_heads * 2 * s.head_dim * 2 + 2 * self.batch * s.kv_heads * s.group * s.head_dim * 2 + 4 * pages + 4 * self.batch


class Row(NamedTuple):
    """A figure. `us`, `gbps` and `max_err` are NaN where there is none; `config` then says why."""

    peer: str
    cell: Cell
    us: float
    gbps: float
    max_err: float
    config: str

    def fields(self):
        s, c = self.cell.shape, self.cell
        return [self.peer, s.dtype, s.page, s.kv_heads * s.group, s.kv_heads, s.head_dim, c.batch, c.mode, c.length, f"{self.us:.2f}", f"{self.gbps:.0f}",
                f"{self.max_err:.1e}", self.config]

    def good(self):
        return self.us > 0 and self.max_err < self.cell.shape.allowed_error()


def missing(peer, cell, reason):
    """The row of a peer that has no figure for a cell."""
    return Row(peer, cell, math.nan, math.nan, math.nan, f"missing: {reason}")


def splitmix64(i):
    """The i-th output of the generator of Steele, Lea and Flood with seed 0."""
    z = (i + 0x9E3779B97F4A7C15) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return z ^ (z >> 31)


def lengths(cell):
    """Of the sequences: all `length`; 1 + splitmix64(i) % length; or one `length` and the others a sixteenth."""
    if cell.mode == "uniform":
        return [cell.length] * cell.batch
    if cell.mode == "ragged":
        return [1 + splitmix64(i) % cell.length for i in range(cell.batch)]
    return [cell.length] + [max(1, cell.length // 16)] * (cell.batch - 1)


def parse_cell(text, shape=Shape()):
    """The cell that "MODE:BATCH:LENGTH" names."""
    parts = text.split(":")
    if len(parts) != 3 or parts[0] not in MODES or not all(p.isdecimal() and int(p) > 0 for p in parts[1:]):
        raise ResultsError(f"a cell is MODE:BATCH:LENGTH, the mode uniform, ragged or skewed; not '{text}'")
    return Cell(shape, parts[0], int(parts[1]), int(parts[2]))


def parse_rows(lines, name):
    """The rows of a table with a heading. Lines that begin with # are comments."""
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not numbered:
        raise ResultsError(f"{name}: the table is empty")
    records = list(csv.reader(line for _, line in numbered))
    if records[0] != COLUMNS:
        raise ResultsError(f"{name}:{numbered[0][0]}: the columns are not {','.join(COLUMNS)}")
    rows = []
    for (number, _), record in zip(numbered[1:], records[1:]):
        if len(record) != len(COLUMNS):
            raise ResultsError(f"{name}:{number}: {len(record)} fields where there are {len(COLUMNS)} columns")
        f = dict(zip(COLUMNS, record))
        try:
            heads, kv_heads = int(f["heads"]), int(f["kv_heads"])
            shape = Shape(kv_heads, heads // kv_heads, int(f["head_dim"]), int(f["page"]), f["dtype"])
            cell = Cell(shape, f["mode"], int(f["batch"]), int(f["length"]))
            rows.append(Row(f["peer"], cell, float(f["us"]), float(f["GBps"]), float(f["max_err"]), f["config"]))
        except (ValueError, ZeroDivisionError) as error:
            raise ResultsError(f"{name}:{number}: {error}") from None
        if cell.mode not in MODES:
            raise ResultsError(f"{name}:{number}: the mode is '{cell.mode}', must be uniform, ragged or skewed")
    return rows


def read_rows(path):
    try:
        with open(path, newline="") as file:
            return parse_rows(file.readlines(), str(path))
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None


def write_rows(rows, file):
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.fields() for row in rows)


def series_name(row):
    """Under which name a row is shown: rows of one peer that differ in programmatic dependent launch are two series."""
    return row.peer + (" pdl" if "overlap=1" in row.config.split() else "")


def medians(rows):
    """{cell: {series: us}} in the order of the rows, of good figures alone; several of a cell and series are several runs."""
    found = {}
    for row in rows:
        of_cell = found.setdefault(row.cell, {})
        if row.good():
            of_cell.setdefault(series_name(row), []).append(row.us)
    return {cell: {name: statistics.median(us) for name, us in series.items()} for cell, series in found.items()}
