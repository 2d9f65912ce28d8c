#!/usr/bin/env python3
"""Runs scripts/install-deps.sh against a made-up system: an os-release file and stand-ins for dpkg-query, apt-get, apt-cache, id, sudo."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

DEBIAN = 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
FEDORA = 'PRETTY_NAME="Fedora 42"\nID=fedora\nVERSION_ID=42\n'
STAND_INS = {
    "dpkg-query": 'for last; do :; done\ncase " $FAKE_MISSING " in *" $last "*) exit 1;; esac\necho "ii "\n',
    "apt-get": 'echo "apt-get $*" >> "$FAKE_LOG"\n',
    "apt-cache": 'case " $FAKE_UNKNOWN " in *" $2 "*) echo "  Candidate: (none)";; *) echo "  Candidate: 1:2";; esac\n',
    "id": 'echo "$FAKE_UID"\n',
    "sudo": 'echo sudo >> "$FAKE_LOG"\nexec "$@"\n',
}


class System:
    def __init__(self, os_release, missing="", unknown="", uid=0, sudo=True):
        self.os_release, self.missing, self.unknown, self.uid, self.sudo = os_release, missing, unknown, uid, sudo

    def install(self):
        """Returns the exit status, what was said, and the calls of apt-get and sudo."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory)
            (path / "os-release").write_text(self.os_release)
            (path / "log").touch()
            (path / "bin").mkdir()
            for name, text in STAND_INS.items():
                if name != "sudo" or self.sudo:
                    (path / "bin" / name).write_text("#!/bin/sh\n" + text)
                    (path / "bin" / name).chmod(0o755)
            for tool in ("cat", "grep", "env", "sh"):
                os.symlink(f"/bin/{tool}" if os.path.exists(f"/bin/{tool}") else f"/usr/bin/{tool}", path / "bin" / tool)
            environment = {
                "PATH": str(path / "bin"),
                "KILN_OS_RELEASE": str(path / "os-release"),
                "FAKE_MISSING": self.missing,
                "FAKE_UNKNOWN": self.unknown,
                "FAKE_UID": str(self.uid),
                "FAKE_LOG": str(path / "log"),
            }
            result = subprocess.run(["/bin/sh", str(ROOT / "scripts/install-deps.sh")], env=environment, capture_output=True, text=True)
            return result.returncode, result.stdout + result.stderr, (path / "log").read_text().splitlines()


def expect(system, status, calls, *phrases):
    found_status, said, found_calls = system.install()
    junit.fail_unless(found_status == status, f"exit {found_status}, wanted {status}: {said}")
    junit.fail_unless(found_calls == calls, f"called {found_calls}, wanted {calls}: {said}")
    for phrase in phrases:
        junit.fail_unless(phrase in said, f"did not say '{phrase}': {said}")
    junit.fail_unless(phrases or system.missing or not said, f"said '{said}' of a complete system")


INSTALL = "apt-get install -y --no-install-recommends"
CHECKS = [
    ("a complete system is left alone", lambda: expect(System(DEBIAN), 0, [])),
    ("Debian as root", lambda: expect(
        System(DEBIAN, missing="libmlir-22-dev ccache"), 0, ["apt-get update", f"{INSTALL} libmlir-22-dev ccache"])),
    ("Ubuntu as a user", lambda: expect(
        System(UBUNTU, missing="ninja-build", uid=1000), 0, ["sudo", "apt-get update", "sudo", f"{INSTALL} ninja-build"])),
    ("a user without sudo", lambda: expect(
        System(DEBIAN, missing="ninja-build", uid=1000, sudo=False), 1, [], "run as root", "apt-get install ninja-build")),
    ("a distribution without LLVM 22", lambda: expect(
        System(UBUNTU, missing="llvm-22-dev g++", unknown="llvm-22-dev"), 1, ["apt-get update"], "https://apt.llvm.org",
        "deb https://apt.llvm.org/noble/ llvm-toolchain-noble-22 main")),
    ("a package that no source has", lambda: expect(
        System(DEBIAN, missing="ccache", unknown="ccache"), 1, ["apt-get update"], "has no package ccache")),
    ("another distribution", lambda: expect(System(FEDORA), 1, [], "Fedora 42 is not supported", "LLVM, MLIR, Clang and LLD 22")),
    ("an old Debian", lambda: expect(System(DEBIAN.replace("12", "11")), 1, [], "Debian 11 is not supported")),
    ("an old Ubuntu", lambda: expect(System(UBUNTU.replace("24.04", "22.04")), 1, [], "Ubuntu 22.04 is not supported")),
    ("Debian unstable, which has no version", lambda: expect(System('ID=debian\nPRETTY_NAME="Debian sid"\n'), 0, [])),
]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--results")
    sys.exit(junit.run("install-deps", CHECKS, parser.parse_args().results))
