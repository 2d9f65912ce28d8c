#!/usr/bin/env python3
"""Vector add, softmax and RMSNorm in Triton, in the shapes and by the protocol of `kiln-bench-gpu bandwidth`, as CSV of the same columns.

Needs torch, triton and a CUDA GPU.
"""

import datetime
import math

import torch
import triton
import triton.language as tl

ROWS, CHECKED_ROWS = 8192, 16
SEARCH_REPEATS, FINAL_REPEATS = 7, 30


@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n) + tl.load(y + i, mask=i < n), mask=i < n)


@triton.jit
def softmax_kernel(x, out, x_stride, out_stride, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    v = tl.load(x + row * x_stride + c, mask=c < cols, other=-float("inf")).to(tl.float32)
    e = tl.exp(v - tl.max(v, 0))
    tl.store(out + row * out_stride + c, (e / tl.sum(e, 0)).to(out.dtype.element_ty), mask=c < cols)


@triton.jit
def rms_norm_kernel(x, weight, out, x_stride, out_stride, cols, epsilon, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, BLOCK)
    v = tl.load(x + row * x_stride + c, mask=c < cols, other=0.0).to(tl.float32)
    w = tl.load(weight + c, mask=c < cols, other=0.0).to(tl.float32)
    factor = tl.rsqrt(tl.sum(v * v, 0) / cols + epsilon)
    tl.store(out + row * out_stride + c, (v * factor * w).to(out.dtype.element_ty), mask=c < cols)


def graph_us(sets, repeats, call):
    """Microseconds of one call(set): the median of replays of a graph of at least 8 calls that take turns with the sets."""
    calls = sets * max(1, math.ceil(8 / sets))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for i in range(calls):
            call(i % sets)
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for i in range(calls):
                call(i % sets)
        graph.replay()
        stream.synchronize()
        times = []
        for _ in range(repeats):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record(stream)
            graph.replay()
            end.record(stream)
            end.synchronize()
            times.append(begin.elapsed_time(end) * 1e3 / calls)
    return sorted(times)[len(times) // 2]


def sets_to_rotate(set_bytes):
    return max(1, min(600, math.ceil(256e6 / set_bytes)))


def random_rows(cols):
    return (torch.rand(ROWS, cols, device="cuda") * 4 - 2).to(torch.bfloat16)


def report(kernel, cols, moved, sets, configs, launch, reference, out):
    """Prints the fastest config. launch(config, set) runs a set; `reference` and `out` are the first rows of set 0."""
    best = min(configs, key=lambda c: graph_us(sets, SEARCH_REPEATS, lambda i: launch(c, i)))
    out.fill_(float("nan"))
    launch(best, 0)
    torch.cuda.synchronize()
    error = ((out[:CHECKED_ROWS].double() - reference).abs() / (reference.abs() + 1e-30)).max().item()
    us = graph_us(sets, FINAL_REPEATS, lambda i: launch(best, i))
    text = " ".join(f"{k}={v}" for k, v in best.items())
    print(f"triton-{triton.__version__},{torch.cuda.get_device_name()},{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d},{kernel},"
          f"{ROWS},{cols},bf16,{us:.2f},{moved / us * 1e-3:.0f},,{error:.1e},{text}", flush=True)


def row_configs(cols):
    block = triton.next_power_of_2(cols)
    return [dict(BLOCK=block, num_warps=w) for w in (1, 2, 4, 8, 16, 32) if 4 <= block // (32 * w) <= 128]


def vector_add(cols):
    n = ROWS * cols
    sets = sets_to_rotate(6 * n)
    x, y = [random_rows(cols) for _ in range(sets)], [random_rows(cols) for _ in range(sets)]
    out = [torch.empty_like(t) for t in x]
    configs = [dict(BLOCK=b, num_warps=w) for b in (512, 1024, 2048, 4096, 8192) for w in (1, 2, 4, 8) if 4 <= b // (32 * w) <= 64]

    def launch(c, i):
        add_kernel[(triton.cdiv(n, c["BLOCK"]),)](x[i], y[i], out[i], n, **c)

    report("vector_add", cols, 6 * n, sets, configs, launch, x[0][:CHECKED_ROWS].double() + y[0][:CHECKED_ROWS].double(), out[0])


def softmax(cols):
    sets = sets_to_rotate(4 * ROWS * cols)
    x = [random_rows(cols) for _ in range(sets)]
    out = [torch.empty_like(t) for t in x]

    def launch(c, i):
        softmax_kernel[(ROWS,)](x[i], out[i], cols, cols, cols, **c)

    report("softmax", cols, 4 * ROWS * cols, sets, row_configs(cols), launch, x[0][:CHECKED_ROWS].double().softmax(-1), out[0])


def rms_norm(cols):
    sets = sets_to_rotate(4 * ROWS * cols)
    x = [random_rows(cols) for _ in range(sets)]
    out = [torch.empty_like(t) for t in x]
    weight = random_rows(cols)[0].contiguous()

    def launch(c, i):
        rms_norm_kernel[(ROWS,)](x[i], weight, out[i], cols, cols, cols, 1e-6, **c)

    first = x[0][:CHECKED_ROWS].double()
    reference = first * (first.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight.double()
    report("rms_norm", cols, 4 * ROWS * cols + 2 * cols, sets, row_configs(cols), launch, reference, out[0])


def main():
    print("peer,gpu,date,kernel,rows,cols,dtype,us,GBps,default_GBps,max_err,config")
    for cols in (1024, 4096, 16384):
        for kernel in (vector_add, softmax, rms_norm):
            kernel(cols)
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
