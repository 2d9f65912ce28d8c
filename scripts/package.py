#!/usr/bin/env python3
"""Makes the relocatable archive of a release build: <build>/<name>.tar.xz. Fails where it grows past its limit.

usage: package.py --cmake=<cmake> --build=<build directory> --name=<archive name>
"""

import argparse
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

LIMIT = 60_000_000  # bytes, compressed


def stage(cmake, build, root):
    """Installs libraries, headers and the programs of the archive below `root`, without symbols."""
    shutil.rmtree(root, ignore_errors=True)
    for component in ([], ["--component", "archive"]):
        subprocess.run([cmake, "--install", build, "--prefix", root, "--strip", *component], check=True, stdout=subprocess.DEVNULL)


def compress(root, archive):
    """Writes a tar file whose bytes depend on nothing but the files' contents, names and modes."""

    def anonymous(member):
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", 0))
        return member

    # The same code lies in libkiln.so and in kiln-internal-tests: the dictionary spans both, and with absolute call targets (BCJ) more of
    # it looks the same.
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 192 << 20}]
    with lzma.open(archive, "wb", check=lzma.CHECK_CRC64, filters=filters) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        for path in [root, *sorted(root.rglob("*"))]:
            tar.add(path, path.relative_to(root.parent), recursive=False, filter=anonymous)


def report(root, archive):
    files = sorted((p for p in root.rglob("*") if p.is_file() and not p.is_symlink()), key=lambda p: -p.stat().st_size)
    for path in files[:12]:
        print(f"  {path.stat().st_size / 1e6:8.1f} MB  {path.relative_to(root)}")
    unpacked = sum(p.stat().st_size for p in files)
    size = archive.stat().st_size
    print(f"  {unpacked / 1e6:8.1f} MB  in {len(files)} files")
    print(f"{archive}: {size} bytes (limit {LIMIT})")
    return size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--name", required=True)
    args = parser.parse_args()
    root = args.build / "archive" / args.name
    archive = args.build / f"{args.name}.tar.xz"
    stage(args.cmake, args.build, root)
    compress(root, archive)
    if report(root, archive) > LIMIT:
        sys.exit(f"package.py: {archive.name} is larger than {LIMIT} bytes")


if __name__ == "__main__":
    main()
