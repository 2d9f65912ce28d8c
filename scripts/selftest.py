#!/usr/bin/env python3
"""kiln-selftest: runs every test of an unpacked Kiln archive, from wherever it lies. The last line is `N passed, N failed, N skipped`.

Cases of the test programs run in several processes at a time. A process that crashes costs the case that crashed it: its other cases run
again by themselves. Needs Python 3.8 or later and nothing else.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77  # the exit status of a program that cannot run here; the last line it prints says why

Result = collections.namedtuple("Result", "name outcome note")  # outcome: "passed", "failed" or "skipped"


class Runner:
    def __init__(self, args, scratch):
        self.args, self.scratch, self.number = args, pathlib.Path(scratch), 0
        # Several processes share the machine; and no test reads what an earlier run left in the user's cache.
        self.environment = {"KILN_NUM_THREADS": "4", "KILN_CACHE_DIR": str(self.scratch / "cache"), **os.environ}
        self.pool = concurrent.futures.ThreadPoolExecutor(args.jobs)

    def execute(self, command):
        """The exit status and what was printed; a status of None: it did not start, or not end in time."""
        try:
            done = subprocess.run([str(c) for c in command], cwd=self.scratch, env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=self.args.timeout)
            return done.returncode, done.stdout.decode(errors="replace")
        except OSError as error:
            return None, str(error)
        except subprocess.TimeoutExpired as expired:
            return None, (expired.stdout or b"").decode(errors="replace") + f"\nran for more than {self.args.timeout} s"

    def program(self, name, command):
        """A program that passes by ending with status 0."""
        status, output = self.execute(command)
        if status == 0:
            return [Result(name, "passed", "")]
        lines = output.strip().splitlines() or ["it printed nothing"]
        if status == SKIPPED:
            return [Result(name, "skipped", lines[-1])]
        return [Result(name, "failed", f"status {status}\n" + "\n".join(lines[-40:]))]

    def cases(self, program):
        """The names of a GoogleTest program's cases."""
        listed = subprocess.run([str(program), "--gtest_list_tests"], env=self.environment, stdout=subprocess.PIPE, check=True)
        suite, found = "", []
        for line in listed.stdout.decode().splitlines():
            text = line.split("#")[0].rstrip()
            if not line.startswith(" "):
                suite = text
            elif not text.strip().startswith("DISABLED_"):
                found.append(suite + text.strip())
        return found

    def batch(self, program, cases):
        """Runs some cases of a GoogleTest program in one process."""
        self.number += 1
        report = self.scratch / f"{program.name}-{id(cases)}-{self.number}.xml"
        status, output = self.execute([program, "--gtest_brief=1", f"--gtest_filter={':'.join(cases)}", f"--gtest_output=xml:{report}"])
        try:
            found = ET.parse(report).getroot().findall(".//testcase")
        except (OSError, ET.ParseError):
            found = []
        if len(found) < len(cases):  # it ended before it could write what it knew
            if len(cases) == 1:
                return [Result(f"{program.name}: {cases[0]}", "failed", f"status {status}\n" + "\n".join(output.splitlines()[-40:]))]
            return [result for case in cases for result in self.batch(program, [case])]
        results = []
        for case in found:
            name = f"{program.name}: {case.get('classname')}.{case.get('name')}"
            failures, skip = case.findall("failure"), case.find("skipped")
            if failures:
                results.append(Result(name, "failed", "\n".join(f.text or f.get("message") for f in failures)))
            elif skip is not None:
                # The place, the reason, and what SCOPED_TRACE noted.
                lines = skip.get("message", "").partition("Google Test trace:")[0].strip().splitlines()
                results.append(Result(name, "skipped", lines[-1] if lines else ""))
            else:
                results.append(Result(name, "passed", ""))
        if status != 0 and not any(r.outcome == "failed" for r in results):
            results.append(Result(f"{program.name}: after its last case", "failed", "\n".join(output.splitlines()[-40:])))
        return results

    def submit(self):
        """Starts everything that is asked for; yields futures of lists of results."""
        for name, command in self.programs():
            if self.args.only in name.lower():
                yield self.pool.submit(self.program, name, command)
        for program in sorted((ROOT / "tests").iterdir()):
            cases = [c for c in self.cases(program) if self.args.only in c.lower()]
            # Neighbours are of one suite and cost about the same, so the batches take turns. Four for each process even out the rest.
            batches = len(cases) if self.args.isolate else min(4 * self.args.jobs, len(cases))
            for i in range(batches):
                yield self.pool.submit(self.batch, program, cases[i::batches])

    def programs(self):
        for target in ("cuda", "emulated", "gpu-code", "cpu", "interp-opt"):
            yield f"fuzz {target}", [ROOT / "bin/kiln-fuzz", "--target", target, "--programs", self.args.programs, "--jobs", self.args.jobs]
        for device in ("cpu", "emulated:sm_90a", "cuda"):
            yield f"stress {device}", [ROOT / "bin/kiln-stress", "--device", device, "--patience", "300"]
        for example in sorted(p for p in (ROOT / "examples").iterdir() if p.is_file() and os.access(p, os.X_OK)):
            yield f"example {example.name}", self.example(example)
        yield "demo", [ROOT / "bin/kiln-demo"]
        listed = subprocess.run([ROOT / "bin/kiln-compile", "--list"], env=self.environment, stdout=subprocess.PIPE, check=True)
        for line in listed.stdout.decode().splitlines():
            kernel = line.split()[0]
            yield f"kiln-compile {kernel}", [ROOT / "bin/kiln-compile", kernel]
            yield f"kiln-compile {kernel} for sm_90a", [ROOT / "bin/kiln-compile", kernel, "--arch", "sm_90a", "--emit", "ptx"]
            yield f"kiln-profile {kernel}", [ROOT / "bin/kiln-profile", kernel]

    def example(self, program):
        """The command that runs an example with what it asks for; most ask for nothing."""
        if program.name == "10_debugging":  # has a bug to be looked for
            return [program, "cpu", "--fixed"]
        if program.name != "09_pack":
            return [program]
        # A pack of its kernels, which takes an assembler to make.
        script = f"""
            "$1" --pack example.kpack --target sm_80,sm_90a vector_add_f32 paged_attention_decode_f16 > example.log 2>&1 || {{
                cat example.log
                grep 'nothing on this machine turns PTX' example.log && exit {SKIPPED}
                exit 1
            }}
            "$2" example.kpack"""
        return ["sh", "-c", script, "sh", ROOT / "bin/kiln-compile", program]

    def assembler(self):
        """What turns PTX into machine code here; programs go on without one."""
        _, report = self.execute([ROOT / "bin/kiln-compile", "vector_add_f16", "--arch", "sm_90a", "--emit", "report"])
        return next((line for line in report.splitlines() if line.startswith("assembler")), "assembler: the report names none")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", type=str.lower, metavar="TEXT", help="only tests with TEXT in their names, such as cuda")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (default: one for each processor)")
    parser.add_argument("--programs", type=int, default=300, help="random programs for each target of the fuzzer (default: 300)")
    parser.add_argument("--isolate", action="store_true", help="run every case in a process of its own")
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="of one process (default: 600)")
    args = parser.parse_args()
    begin = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory(prefix="kiln-selftest-") as scratch:
        runner = Runner(args, scratch)
        print(runner.assembler(), flush=True)
        for future in list(runner.submit()):
            for result in future.result():
                results.append(result)
                if result.outcome == "failed":
                    print(f"FAILED {result.name}\n{result.note}\n", flush=True)
    reasons = collections.Counter(r.note for r in results if r.outcome == "skipped")
    for reason, times in reasons.most_common():
        print(f"skipped {times}: {reason}")
    for result in results:
        if result.outcome == "failed":
            print(f"FAILED {result.name}")
    count = collections.Counter(r.outcome for r in results)
    print(f"{time.monotonic() - begin:.1f} s with {args.jobs} processes at a time")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if count["failed"] == 0 and count["passed"] + count["skipped"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
