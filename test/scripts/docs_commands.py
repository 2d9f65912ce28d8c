#!/usr/bin/env python3
"""Runs what the ```console blocks of docs/ show: each line `$ command` must print the lines behind it. Addresses are
given as 0x..., times are whatever they are, and a line `...` stands for any lines. --write puts what is printed into the page."""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

TIME = re.compile(r"\b\d+(\.\d+)? (us|ms|s)\b")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def printed(command, tools):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KILN_")}
    environment |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "KILN_CACHE": "off", "KILN_CUDA_DRIVER": "none"}
    result = subprocess.run(command, shell=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = re.sub(r"^kiln: compiling .* since .*\n", "", result.stdout, flags=re.MULTILINE)  # said on a machine that is busy
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", text)


def matches(text, wanted):
    parts = re.split(r"^\.\.\.\n", TIME.sub("a time", wanted), flags=re.MULTILINE)
    return re.fullmatch("(?:.*\n)*".join(re.escape(part) for part in parts), TIME.sub("a time", text))


def commands(page):
    """Pairs of a command and the text behind it."""
    for block in BLOCK.findall(page.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, text = part.partition("\n")
            yield command, text


def check(command, wanted, tools):
    text = printed(command, tools)
    junit.fail_unless(matches(text, wanted), f"prints\n{text}instead of\n{wanted}")


def write(page, tools):
    def fill(match):
        lines = [f"$ {command}\n{printed(command, tools)}" for command in re.findall(r"^\$ (.*)$", match[1], re.MULTILINE)]
        return "```console\n" + "".join(lines) + "```"

    page.write_text(BLOCK.sub(fill, page.read_text()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("tools", help="the folder of the programs")
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    if args.write:
        for page in args.pages:
            write(page, args.tools)
        return
    checks = [(f"{page.name}: {command}", lambda c=command, t=text: check(c, t, args.tools))
              for page in args.pages for command, text in commands(page)]
    sys.exit(junit.run("docs-commands", checks, args.results))


if __name__ == "__main__":
    main()
