"""Runs every ```mlir example in the documentation of a .td file through kiln-opt, and checks that each operation occurs in one.

An example is a module, or a fragment: declarations and types aside, operations whose undefined values may have any type that fits.

usage: doc_examples.py <file.td>...
"""

import re
import subprocess
import sys


def kiln_opt(text):
    """Returns what kiln-opt prints, and its first error or None."""
    run = subprocess.run(["kiln-opt", "-", "--allow-unregistered-dialect"], input=text, capture_output=True, text=True)
    return run.stdout, None if run.returncode == 0 else run.stderr.strip() or f"exit status {run.returncode}"


def wrap(fragment, types):
    """A module with the fragment; `types` are those of the values that it takes from outside."""
    lines = fragment.splitlines()
    declarations = [line for line in lines if line.startswith("func.func private")]
    mentioned = [line for line in lines if re.match(r"(!tile\.|tensor<)", line)]
    body = [line for line in lines if line not in declarations and line not in mentioned]
    values = [f'{name} = "test.value"() : () -> {type}' for name, type in types.items()]
    uses = [f'"test.use"() : () -> ({type})' for type in mentioned]
    return "\n".join([*declarations, "func.func @example() {", *values, *uses, *body, "return", "}"])


def check(example):
    """Returns the module that the example becomes in the end, and its error or None."""
    if example.startswith("func.func @"):
        return example, kiln_opt(example)[1]
    types = {}
    while True:
        text = wrap(example, types)
        error = kiln_opt(text)[1]
        undefined = error and re.search(r"use of undeclared SSA value name", error)
        mismatch = error and re.search(r"use of value '(%\w+)' expects different type than prior uses: '(.+)' vs 'none'", error)
        if undefined:
            line = int(re.search(r"<stdin>:(\d+):(\d+)", error).group(1))
            column = int(re.search(r"<stdin>:(\d+):(\d+)", error).group(2))
            name = re.match(r"%\w+", text.splitlines()[line - 1][column - 1:]).group(0)
            types[name] = "none"
        elif mismatch:
            types[mismatch.group(1)] = mismatch.group(2)
        else:
            return text, error


def main():
    failures, examples, operations = [], [], []
    for path in sys.argv[1:]:
        with open(path) as file:
            source = file.read()
        operations += re.findall(r'^def Tile_\w+ : Tile_Op<"(\w+)"', source, re.M)
        for block in re.findall(r"```mlir\n(.*?)```", source, re.S):
            lines = block.rstrip().splitlines()
            indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
            examples.append("\n".join(line[indent:] for line in lines))
    for example in examples:
        text, error = check(example)
        if error:
            failures.append(f"{error}\nin the example\n{text}")
    for name in operations:
        if not any(re.search(rf"\btile\.{name}\b", example) for example in examples):
            failures.append(f"no example shows tile.{name}")
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(examples)} examples, {len(operations)} operations, {len(failures)} failures")
    return 1 if failures or not examples else 0


sys.exit(main())
