#!/usr/bin/env python3
"""Shows tables of decode.py: a plot of time over the floor, the plain read of the same bytes, and a roofline table in Markdown.

plot.py TABLE.csv... [--quoted OTHER.csv] [--svg FILE] [--markdown FILE]

Several tables, or several rows of a peer for a cell, are several runs: the median counts. Rows of --quoted were measured elsewhere, and are marked so.
Cells without a plain read are left out, and named.
"""

import argparse
import math
import sys
from xml.sax.saxutils import escape

import decode_results as results

FLOOR = "plain read"
QUOTED = " (quoted)"
# Okabe and Ito's colours, which most colour-blind readers tell apart, and which show on white and on black; shapes tell them apart once more.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999", "#b8a800"]
SHAPES = ["circle", "square", "diamond", "triangle", "circle", "square", "diamond", "triangle"]

LEFT, RIGHT, ROW, HEAD, FOOT, WIDTH = 180, 24, 26, 84, 44, 860
STYLE = """text { font: 12px system-ui, sans-serif; fill: #57606a } .title { font-size: 14px; font-weight: 600 } .axis { font-size: 11px }
line { stroke: #8c959f; stroke-opacity: .35 } .floor { stroke-opacity: 1; stroke-width: 1.5 } .break { stroke-opacity: 1; stroke-dasharray: 4 3 } .hollow { fill: none; stroke-width: 1.8 }
@media (prefers-color-scheme: dark) { text { fill: #9da7b3 } }"""


def collect(rows, quoted):
    """{cell: {series: us}} of the cells with a floor, and the cells without; quoted figures get a mark in the name of their series."""
    times = results.medians(rows)
    for cell, series in results.medians(quoted).items():
        if cell in times:
            times[cell].update({name + QUOTED: us for name, us in series.items() if name != FLOOR})
    with_floor = {cell: series for cell, series in times.items() if FLOOR in series}
    return with_floor, [cell for cell in times if cell not in with_floor]


def series_of(times):
    """The names of all series but the floor: Kiln's first, quoted ones last, the others as they come."""
    names = list(dict.fromkeys(name for series in times.values() for name in series if name != FLOOR))
    return sorted(names, key=lambda name: (name.split()[0] != "kiln", name.endswith(QUOTED)))


def marker(shape, x, y, colour, hollow, title):
    paint = f'class="hollow" stroke="{colour}"' if hollow else f'fill="{colour}"'
    title = f"<title>{escape(title)}</title>" if title else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {paint}>{title}</circle>'
    points = {"square": ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)), "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
              "triangle": ((0, -6), (5.5, 4.5), (-5.5, 4.5))}[shape]
    text = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    return f'<polygon points="{text}" {paint}>{title}</polygon>'


class Axis:
    """Logarithmic from left to right. Where somebody is far off, what lies beyond BREAK is pressed together, so that the others can be told apart."""

    BREAK, PART = 3, 0.72

    def __init__(self, ratios):
        self.smallest, self.largest = min([1, *ratios]), max([1.25, *ratios]) * 1.05
        self.broken = self.largest > 2 * self.BREAK

    def place(self, ratio):
        """From 0 to 1."""
        if not self.broken:
            return math.log(ratio / self.smallest) / math.log(self.largest / self.smallest)
        if ratio <= self.BREAK:
            return self.PART * math.log(ratio / self.smallest) / math.log(self.BREAK / self.smallest)
        return self.PART + (1 - self.PART) * math.log(ratio / self.BREAK) / math.log(self.largest / self.BREAK)

    def ticks(self):
        beyond = (10, 30, 100, 300, 1000, 3000, 10000) if self.broken else (4, 5)
        return [t for t in (1, 1.1, 1.25, 1.5, 2, 2.5, 3, *beyond) if t <= self.largest]


def svg(times):
    """A row for each cell, a mark for each series, from left to right the time over the floor."""
    names = series_of(times)
    ratios = [us / series[FLOOR] for series in times.values() for name, us in series.items() if name != FLOOR]
    axis = Axis(ratios)
    plot_width = WIDTH - LEFT - RIGHT
    per_line = 4
    head = HEAD + 20 * (math.ceil(len(names) / per_line) - 1)
    height = head + ROW * len(times) + FOOT
    bottom = head + ROW * len(times)

    def x_of(ratio):
        return LEFT + plot_width * axis.place(ratio)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">', f"<style>{STYLE}</style>",
           '<text class="title" x="16" y="24">Decode: time over a plain read of the same bytes (1 is the floor)</text>']
    look = {name: (SHAPES[i % len(SHAPES)], COLOURS[i % len(COLOURS)], name.endswith(QUOTED)) for i, name in enumerate(names)}
    for i, name in enumerate(names):
        x, y = 24 + (i % per_line) * 208, 46 + i // per_line * 20
        out.append(marker(look[name][0], x, y, *look[name][1:], "") + f'<text x="{x + 12}" y="{y + 4}">{escape(name)}</text>')
    for tick in axis.ticks():
        x = x_of(tick)
        kind = 'class="floor" ' if tick == 1 else 'class="break" ' if axis.broken and tick == Axis.BREAK else ""
        out.append(f'<line {kind}x1="{x:.1f}" y1="{head - 10}" x2="{x:.1f}" y2="{bottom}"/>')
        out.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for row, (cell, series) in enumerate(times.items()):
        y = head + ROW * row + ROW / 2
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        out.append(f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(cell.title())}</text>')
        # Kiln's mark lies on top.
        for name in reversed([n for n in names if n in series]):
            ratio = series[name] / series[FLOOR]
            out.append(marker(look[name][0], x_of(ratio), y, *look[name][1:], f"{name}: {series[name]:.2f} us, {ratio:.2f} of the floor"))
    out.append(f'<text class="axis" x="{WIDTH - RIGHT}" y="{bottom + 34}" text-anchor="end">time / floor, logarithmic{"; another scale beyond the dashed line" if axis.broken else ""}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def significant(us):
    return f"{us:.0f}" if us >= 99.95 else f"{us:.1f}"


def markdown(times):
    """What each cell must move, its roof, and how near everyone comes."""
    names = series_of(times)
    lines = ["| cell | MB | roof, us | roof, GB/s | " + " | ".join(names) + " |", "|---|" + "---:|" * (3 + len(names))]
    for cell, series in times.items():
        floor = series[FLOOR]
        figures = [f"{significant(series[name])} ({floor / series[name] * 100:.0f} %)" if name in series else "" for name in names]
        lines.append(f"| {cell.title()} | {cell.bytes() / 1e6:.1f} | {significant(floor)} | {cell.bytes() / floor * 1e-3:.0f} | " + " | ".join(figures) + " |")
    lines += ["", "Microseconds, and in parentheses the part of the roof's bandwidth that is reached. The roof is a plain read of the same bytes."]
    if any(name.endswith(QUOTED) for name in names):
        lines.append("Figures of series marked as quoted were not measured in this run.")
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", metavar="TABLE.csv")
    parser.add_argument("--quoted", action="append", default=[], metavar="OTHER.csv")
    parser.add_argument("--svg", metavar="FILE")
    parser.add_argument("--markdown", metavar="FILE", help="without it and without --svg, standard output")
    args = parser.parse_args(arguments)
    try:
        rows, quoted = ([row for path in paths for row in results.read_rows(path)] for paths in (args.tables, args.quoted))
    except results.ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    times, left_out = collect(rows, quoted)
    for cell in left_out:
        print(f"left out: {cell.title()}: there is no plain read", file=sys.stderr)
    if not times:
        print("error: no cell has a plain read, which is the floor", file=sys.stderr)
        return 2
    for path, text in ((args.svg, svg), (args.markdown, markdown)):
        if path:
            with open(path, "w") as file:
                file.write(text(times))
    if not args.svg and not args.markdown:
        print(markdown(times), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
