#!/usr/bin/env python3
"""What Triton's decode costs before the GPU is busy: the first launch of a process, without and with Triton's cache on disk, and a launch after
that. Beside `kiln-bench-gpu compile` and `kiln-bench-launch`, by the same protocol.

Of triton_decode.py one kernel is launched, the one that does not split sequences, on one sequence of 16 tokens; a split takes two. The driver, PyTorch
and Triton's own helper in C are started before the clock. Needs torch, triton and a CUDA GPU.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch_cell
import triton
import triton.language as tl
import triton_decode

TILES = dict(BLOCK=64, num_warps=4, num_stages=3)
LAUNCHES, TURNS = 200, 200


@triton.jit
def twelve(p0, p1, p2, p3, p4, p5, n0, n1, n2, n3, n4, n5):
    """Twelve parameters and next to nothing to do."""
    tl.store(p0, n0 + n1 + n2 + n3 + n4 + n5)


def start():
    """A launch of decode, and one of `twelve`."""
    triton.runtime.driver.active.get_current_device()  # builds and loads the helper
    data = torch_cell.CellData(torch_cell.results.parse_cell("uniform:1:16", torch_cell.results.Shape()))
    decode = triton_decode.Decode(data, 1)
    numbers = torch_cell.torch.zeros(64, dtype=torch_cell.torch.int32, device="cuda")
    torch_cell.torch.cuda.synchronize()
    config = dict(TILES, parts=1)
    return lambda: decode.launch(config, 0), lambda: twelve[(1,)](*(numbers,) * 6, *(3,) * 6)


def first_launch_ms():
    launch, _ = start()
    begin = time.perf_counter()
    launch()
    return (time.perf_counter() - begin) * 1e3


def of_another_process(cache):
    child = subprocess.run([sys.executable, __file__, "first-launch"], env={**os.environ, "TRITON_CACHE_DIR": cache}, stdout=subprocess.PIPE, check=True)
    return float(child.stdout)


def launches_us():
    """Medians of turns of so many launches as the driver queues. The stream is emptied between turns, outside the time."""
    calls = start()
    times = [[] for _ in calls]
    for turn in range(-5, TURNS):  # the first ones warm up
        for call, of_call in zip(calls, times):
            begin = time.perf_counter()
            for _ in range(LAUNCHES):
                call()
            if turn >= 0:
                of_call.append((time.perf_counter() - begin) / LAUNCHES * 1e6)
            torch_cell.torch.cuda.synchronize()
    return [statistics.median(t) for t in times]


def main():
    if not torch_cell.torch.cuda.is_available():
        sys.exit("no CUDA device that PyTorch can use")
    if sys.argv[1:] == ["first-launch"]:
        print(first_launch_ms())
        return
    cold = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(of_another_process(cache))
    with tempfile.TemporaryDirectory() as cache:
        of_another_process(cache)
        warm = [of_another_process(cache) for _ in range(7)]
    decode, of_twelve = launches_us()
    print("figure,value,unit")
    print(f"decode: first launch in a process; nothing in the cache; median of 5,{statistics.median(cold):.1f},ms")
    print(f"decode: first launch in a process; from the cache on disk; median of 7,{statistics.median(warm):.1f},ms")
    print(f"a launch of decode,{decode:.2f},us")
    print(f"a launch of a kernel with twelve arguments,{of_twelve:.2f},us")


if __name__ == "__main__":
    main()
